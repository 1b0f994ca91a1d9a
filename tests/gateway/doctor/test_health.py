"""A gateway that is well is told so, running or not."""

from tests.gateway.doctor.patient import Patient, shown, told


def test_a_gateway_that_is_well_but_not_running(patient: Patient) -> None:
    report = patient.examine()
    assert set(told(report)) == {"gateway.stopped"}, shown(report)
    assert report.well and not report.skipped


def test_a_running_gateway_that_is_well(patient: Patient) -> None:
    patient.start()
    report = patient.examine()
    assert told(report) == {}, shown(report)
    assert report.well and not report.skipped
