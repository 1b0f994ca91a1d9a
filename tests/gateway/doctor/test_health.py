"""A gateway that is well is told so, running or not."""

import time

import pytest

from comatrix import __version__
from comatrix.gateway.edges.matrix.probe import Look, look
from comatrix.gateway.edges.store.checkup import examine
from tests.gateway.doctor import sockets
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


def test_an_application_service_that_is_well(patient: Patient) -> None:
    patient.serve(url=None, intake="sync")
    patient.first_start_of_the_service()
    report = patient.examine()
    assert set(told(report)) == {"gateway.stopped"}, shown(report)
    assert {"token.serving", "service.follows", "ghosts.ok"} <= {one.code for one in report.findings}


def test_a_limit_that_is_wide_enough_is_told_with_what_it_means_for_twenty_nodes(patient: Patient) -> None:
    lags = [{"interval_ms": 5000, "rate": "1 event every 5 s"}]
    status = {"version": __version__, "live": {"listening": [], "lags": lags}}
    sockets.control(patient.paths.socket, status)
    text = next(one.text for one in patient.examine().findings if one.code == "limits.enough")
    assert text == (
        "the homeserver takes 1 event every 5 s, the nodes need 4 an hour;"
        " 20 nodes would be up to 5 s late in one room, 100 s in a room each"
    )


def test_a_large_database_is_looked_at_as_far_as_time_allows(patient: Patient) -> None:
    patient.receive(count=5_000, body=bytes(200))
    found = examine(patient.paths.database, 0.0)
    assert found.state == "ok" and not found.checked and found.contents is not None


def test_the_doctor_writes_nothing(patient: Patient) -> None:
    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in patient.paths.state.iterdir() if path.is_file()}

    before = files()
    patient.examine()
    assert {name: data for name, data in files().items() if not name.endswith(("-shm", "-wal"))} == before
    assert not patient.loopback.server.messages_in(patient.room_id)


@pytest.mark.slow
def test_a_dead_homeserver_is_told_in_time(patient: Patient) -> None:
    """Names that resolve to an address nobody answers from: the longest wait there is."""
    listener, url = sockets.silent()
    patient.configure(url=url)
    began_s = time.monotonic()
    report = patient.examine()
    assert "homeserver.timeout" in told(report)
    assert time.monotonic() - began_s < 5
    listener.close()


@pytest.mark.slow
def test_a_homeserver_that_dies_meanwhile_is_told_in_time(patient: Patient) -> None:
    """It answers the first question and no other: every later check has to give up by itself."""

    async def then_dead(url: str, timeout_s: float) -> Look:
        found = await look(url, timeout_s)
        patient.loopback.server.latency_s = 60.0
        return found

    began_s = time.monotonic()
    report = patient.examine(look=then_dead)
    assert "token.unanswered" in told(report) and "rooms" in report.skipped
    assert time.monotonic() - began_s < 10


@pytest.mark.parametrize("version", ["10", "11", "12"])
def test_who_made_the_room_may_post_where_others_may_not(patient: Patient, version: str) -> None:
    patient.make_room(version, {"users": {} if version == "12" else {patient.bot.user_id: 100}, "events_default": 50})
    report = patient.examine()
    assert "permissions.send" not in told(report), shown(report)


def test_a_room_of_version_12_is_its_creators_alone(patient: Patient) -> None:
    """The bot is in nobody's list here either, and is not who made the room."""
    patient.put_state("power_levels", users={}, events_default=50)
    assert "permissions.send" in told(patient.examine())


def test_a_room_without_the_power_for_state_events_is_well_and_says_how_to_get_them(patient: Patient) -> None:
    def said() -> list[str]:
        return [one.text for one in patient.examine().findings if one.code == "permissions.state"]

    (text,) = said()
    assert '"eu.comatrix.node": 0 to `events`' in text
    patient.put_state("power_levels", events={"eu.comatrix.node": 0})
    assert said() == []
