"""Readings through both ends of the link: exactly once, in order, within the airtime that was promised."""

import pytest

from tests.lora.history_figures import LIMITS
from tests.lora.station_figures import CASES, Figures, measure, measure_all


def test_the_cases_are_no_loss_and_a_third_and_a_half_single_and_in_bursts() -> None:
    assert len(CASES) == 15 and {(sf, percent) for sf, percent, _ in CASES} == set(LIMITS)
    assert {burst for _, percent, burst in CASES if percent} == {0, 4}


@pytest.mark.parametrize("case", [(10, 0, 0), (7, 50, 4)], ids=str)
def test_a_few_readings_arrive_once_and_in_order(case: tuple[int, int, int]) -> None:
    assert measure(*case, readings=300).problems == []


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_five_thousand_readings_stay_within_the_limits(case: tuple[int, int, int]) -> None:
    figures = measure(*case, readings=5000)
    assert figures.broken() == [], figures.row()


def test_a_figure_above_its_limit_is_told() -> None:
    figures = Figures(10, 30, 0, 1.0, 1.251, 1.401, 0.0, 9, ["7 let go"])
    assert figures.broken() == ["7 let go", "up 1.251", "with acks 1.401"]
    assert figures.row() == "| 10 | 30 % | single | 1.000 | 1.251 | 1.401 | 1.25 / 1.40 | 0.00% | 9 |"


def test_processes_change_no_figure() -> None:
    assert list(measure_all(20, 3, 1)) == list(measure_all(20, 3, 2))
