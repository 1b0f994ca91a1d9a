"""Marks at round values and round times."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from comatrix.gateway.plotting.axes import DAY_MS, HOUR_MS, MINUTE_MS, time_ticks, value_ticks, value_words

BERLIN = ZoneInfo("Europe/Berlin")


def ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("low", "high", "digits", "labels"),
    [
        (1650, 2590, 2, ["18", "20", "22", "24"]),
        (328, 332, 2, ["3.28", "3.29", "3.30", "3.31", "3.32"]),
        (-900, 450, 2, ["-5", "0"]),
        (-1, 1, 0, ["-1", "0", "1"]),
        (0, 300_000, 0, ["0 k", "100 k", "200 k", "300 k"]),
        (0, 9 * 10**15, 0, ["0 T", "2000 T", "4000 T", "6000 T", "8000 T"]),
    ],
)
def test_marks_are_round_and_exact(low: int, high: int, digits: int, labels: list[str]) -> None:
    ticks = value_ticks(low, high, digits, 6)
    assert [tick.label for tick in ticks] == labels
    assert all(low <= tick.at <= high for tick in ticks)


@pytest.mark.parametrize("span", [1, 3, 7, 10, 99, 12_345, 2**53])
@pytest.mark.parametrize("low", [-(2**53), -77, 0, 5, 2**53])
def test_there_are_never_too_many_marks_and_never_none(low: int, span: int) -> None:
    assert 1 <= len(value_ticks(low, low + span, 2, 6)) <= 6


@pytest.mark.parametrize(
    ("scaled", "digits", "words"),
    [
        (2137, 2, "21.37"),
        (-5, 2, "-0.05"),
        (99_999, 0, "99999"),
        (1_234_567, 0, "1234.567 k"),
        (-(2**53), 0, "-9007.199 T"),
    ],
)
def test_a_value_is_short_however_large(scaled: int, digits: int, words: str) -> None:
    assert value_words(scaled, digits) == words


def test_times_are_those_of_the_clock_on_the_wall() -> None:
    since = ms(2025, 7, 2, 16, 10)
    labels = [tick.label for tick in time_ticks(since, since + DAY_MS, BERLIN, 9)]
    assert labels == ["21:00", "3 Jul", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00"]
    assert next(tick.label for tick in time_ticks(since, since + DAY_MS, UTC, 9)) == "18:00"


def test_a_mark_stands_at_the_time_it_names() -> None:
    ticks = time_ticks(ms(2025, 7, 2, 16), ms(2025, 7, 3, 16), BERLIN, 9)
    assert {tick.label: tick.at for tick in ticks}["3 Jul"] == ms(2025, 7, 2, 22)


@pytest.mark.parametrize(("month", "day"), [(3, 29), (10, 25)])  # the clock is set forward, and back
def test_marks_keep_to_the_wall_when_the_clock_is_set(month: int, day: int) -> None:
    since = ms(2026, month, day - 1, 12)
    ticks = time_ticks(since, since + DAY_MS, BERLIN, 30)
    shown = [datetime.fromtimestamp(tick.at / 1000, BERLIN) for tick in ticks]
    assert all(when.minute == 0 for when in shown)
    assert [tick.at for tick in ticks] == sorted({tick.at for tick in ticks})
    assert ("02:00" in [tick.label for tick in ticks]) == (month == 10)


@pytest.mark.parametrize("span", [MINUTE_MS, 90 * MINUTE_MS, 5 * HOUR_MS, DAY_MS, 7 * DAY_MS, 30 * DAY_MS])
def test_every_span_has_some_marks_and_not_too_many(span: int) -> None:
    since = ms(2025, 7, 2, 16, 10)
    ticks = time_ticks(since, since + span, BERLIN, 9)
    assert 1 <= len(ticks) <= 10
    assert all(since <= tick.at <= since + span for tick in ticks)


def test_weeks_carry_dates() -> None:
    since = ms(2025, 7, 2, 16)
    assert [tick.label for tick in time_ticks(since, since + 7 * DAY_MS, BERLIN, 9)][:2] == ["3 Jul", "4 Jul"]
