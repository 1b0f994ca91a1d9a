"""The states of an alarm: what raises it, what ends it, and what changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.codec import vocab
from comatrix.gateway.uplink.alarms import (
    ABOVE,
    BACK,
    BELOW,
    BETWEEN,
    BEYOND,
    NEXT,
    OK,
    RAISED,
    Reading,
    Standing,
    Threshold,
    default_hysteresis,
    judge,
)

LOW = Threshold(BELOW, 330, 16)
HIGH = Threshold(ABOVE, 3000, 150)


def states(threshold: Threshold, *values: int) -> list[str]:
    """The state after each of these readings, a second apart."""
    standing, found = Standing(), []
    for number, value in enumerate(values):
        standing = judge(threshold, standing, Reading(value, number * 1000, number * 1000))
        found.append(standing.state)
    return found


@pytest.mark.parametrize(
    ("threshold", "value", "where"),
    [
        (LOW, 329, BEYOND),
        (LOW, 330, BETWEEN),
        (LOW, 345, BETWEEN),
        (LOW, 346, BACK),
        (HIGH, 3001, BEYOND),
        (HIGH, 3000, BETWEEN),
        (HIGH, 2851, BETWEEN),
        (HIGH, 2850, BACK),
        (Threshold(ABOVE, 0, 0), 1, BEYOND),
        (Threshold(ABOVE, 0, 0), 0, BACK),
        (Threshold(BELOW, -500, 50), -501, BEYOND),
        (Threshold(BELOW, -500, 50), -450, BACK),
    ],
)
def test_the_limit_itself_is_not_beyond_it_and_the_way_back_is_back(
    threshold: Threshold, value: int, where: str
) -> None:
    assert threshold.where(value) == where


def test_the_table_names_every_state_and_place() -> None:
    assert set(NEXT) == {(state, where) for state in (OK, RAISED) for where in (BEYOND, BETWEEN, BACK)}


def test_it_is_raised_once_and_over_by_the_hysteresis() -> None:
    assert states(LOW, 340, 329, 320, 335, 345, 346, 335) == [OK, RAISED, RAISED, RAISED, RAISED, OK, OK]


def test_a_raised_one_remembers_what_raised_it() -> None:
    raised = judge(LOW, Standing(), Reading(320, 5, 5))
    assert judge(LOW, raised, Reading(310, 9, 9)) == Standing(RAISED, 9, 320, 5)
    assert judge(LOW, raised, Reading(400, 9, 9)) == Standing(OK, 9)


def test_what_comes_late_is_history() -> None:
    ok, raised = Standing(OK, 1000), Standing(RAISED, 1000, 320, 900)
    assert judge(LOW, ok, Reading(300, 999, 2000)) == ok
    assert judge(LOW, raised, Reading(400, 999, 2000)) == raised


def test_a_clock_that_was_put_right_silences_no_alarm() -> None:
    ahead = Standing(OK, 9_000_000)
    assert judge(LOW, ahead, Reading(300, 1000, 1000)).state == RAISED


@pytest.mark.parametrize(
    ("word", "limit", "hysteresis"),
    [
        ("battery", 330, 16),
        ("temperature", 3000, 150),
        ("temperature", 0, 50),
        ("temperature", -500, 50),
        ("motion", 0, 0),
        ("switch", 1, 0),
        ("co2", 1000, 50),
        ("rssi", -80, 4),
    ],
)
def test_the_default_hysteresis_is_a_part_of_the_limit(word: str, limit: int, hysteresis: int) -> None:
    row = vocab.by_name(word)
    assert row is not None
    assert default_hysteresis(row, limit) == hysteresis


THRESHOLDS = st.builds(
    Threshold, st.sampled_from([BELOW, ABOVE]), st.integers(-1000, 1000), st.integers(min_value=0, max_value=200)
)
VALUES = st.integers(-1500, 1500)
READINGS = st.lists(st.tuples(VALUES, st.integers(0, 50)), max_size=60)


@given(THRESHOLDS, READINGS)
def test_no_two_raises_without_a_reading_that_was_back_between(
    threshold: Threshold, readings: list[tuple[int, int]]
) -> None:
    standing, was_back = Standing(), True
    for value, measured_ms in readings:
        after = judge(threshold, standing, Reading(value, measured_ms, 50))
        if (standing.state, after.state) == (OK, RAISED):
            assert was_back and threshold.where(value) == BEYOND
            was_back = False
        if (standing.state, after.state) == (RAISED, OK):
            assert threshold.where(value) == BACK
            was_back = True
        standing = after


@given(THRESHOLDS, st.sampled_from([OK, RAISED]), st.lists(st.integers(0, 200), min_size=1))
def test_nothing_inside_the_hysteresis_changes_a_state(threshold: Threshold, state: str, within: list[int]) -> None:
    sign = 1 if threshold.comparison == BELOW else -1
    standing = Standing(state, 0, 1, 0)
    for number, part in enumerate(within):
        value = threshold.limit + sign * min(part, max(0, threshold.hysteresis - 1))
        if threshold.where(value) == BETWEEN:
            standing = judge(threshold, standing, Reading(value, number, number))
        assert standing.state == state


@given(THRESHOLDS, READINGS, VALUES)
def test_a_late_reading_changes_nothing_at_all(
    threshold: Threshold, readings: list[tuple[int, int]], late: int
) -> None:
    standing = Standing()
    for value, measured_ms in readings:
        standing = judge(threshold, standing, Reading(value, measured_ms, 50))
    newest_ms = standing.judged_ms
    if newest_ms is not None:
        assert judge(threshold, standing, Reading(late, newest_ms - 1, 50)) == standing
