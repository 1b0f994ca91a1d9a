"""What a person may type of an alarm, and what it means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.gateway.downlink.alarm_words import LIST, OFF, SET, AlarmError, only_lists, read, words_of
from comatrix.gateway.downlink.grammar import read_untrusted
from comatrix.gateway.uplink.alarms import ABOVE, BELOW, Threshold

LOW = Threshold(BELOW, 330, 16)


def asked(line: str) -> tuple[str, str | None, Threshold | None]:
    """As typed behind "alarm garden"."""
    parsed = read_untrusted(f"!cx alarm garden {line}")
    assert parsed is not None
    found = read([word for word in (parsed.name, *parsed.words) if word])
    return found.what, None if found.row is None else found.row.name, found.threshold


@pytest.mark.parametrize(
    "line",
    ["battery <3.3V", "battery < 3.3V", "battery < 3.3 V", "battery<3.3", "Battery below 3300 mV", "battery BELOW 3.3"],
)
def test_a_limit_may_be_written_in_many_ways(line: str) -> None:
    assert asked(line) == (SET, "battery", LOW)


@pytest.mark.parametrize(
    ("line", "threshold"),
    [
        ("temperature >30", Threshold(ABOVE, 3000, 150)),
        ("temperature above 30 °C", Threshold(ABOVE, 3000, 150)),
        ("temperature < -5°C", Threshold(BELOW, -500, 50)),
        ("temperature >30 hysteresis=1", Threshold(ABOVE, 3000, 100)),
        ("temperature hysteresis=0 >30", Threshold(ABOVE, 3000, 0)),
        ("battery <3.3V hysteresis=200mV", Threshold(BELOW, 330, 20)),
        ("water-leak >0", Threshold(ABOVE, 0, 0)),
        ("pressure <98kPa", Threshold(BELOW, 9800, 490)),
    ],
)
def test_it_is_scaled_as_the_readings_are(line: str, threshold: Threshold) -> None:
    assert asked(line)[2] == threshold


def test_off_and_list() -> None:
    assert asked("") == (LIST, None, None)
    assert asked("battery") == (LIST, "battery", None)
    assert asked("battery off") == (OFF, "battery", None)
    assert asked("OFF") == (OFF, None, None)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("batery <3.3V", "Did you mean battery?"),
        ("xyzzy <3", "is no reading"),
        ("battery <3.3kg", "another unit"),
        ("battery <low", "is no number"),
        ("battery <3.333V", "too fine"),
        ("battery <", "is no limit"),
        ("battery <3.3 hysteresis=x", "is no number"),
        ("battery <3.3 hysteresis=-1", "too little"),
        ("battery <3.3 hysteresis=1 hysteresis=2", "given twice"),
        ("battery off hysteresis=1", "belongs behind a limit"),
        ("battery on", "is no limit"),
        ("battery <1" + "0" * 40, "too much"),
    ],
)
def test_what_is_wrong_is_said(line: str, told: str) -> None:
    with pytest.raises(AlarmError) as error:
        asked(line)
    assert told in error.value.text


def test_a_limit_in_words() -> None:
    row = read(["water-temperature", "<4"]).row
    assert row is not None
    assert words_of(row, Threshold(BELOW, 400, 50)) == "water temperature below 4.00 °C"


PIECES = st.sampled_from(
    ["off", "OFF", "o\ufb00", "battery", "<3", ">", "below", " ", "\u00a0", "3.3V", "hysteresis=1", ""]
)
WORDS = st.lists(st.lists(PIECES, max_size=4).map("".join) | st.text(max_size=8), max_size=4)


@given(WORDS)
def test_whoever_may_only_view_changes_nothing_whatever_is_typed(words: list[str]) -> None:
    try:
        what = read(words).what
    except AlarmError:
        return
    assert only_lists(words) == (what == LIST)


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("alarm garden", "view"),
        ("alarm garden battery", "view"),
        ("alarm garden batery", "view"),
        ("alarm garden off", "operate"),
        ("alarm garden battery off", "operate"),
        ("alarm garden o\ufb00", "operate"),  # the ligature is "off" without case
        ("alarm garden battery<3", "operate"),
        ("alarm garden battery>3", "operate"),
        ('alarm garden "battery below 3"', "operate"),
        ("alarm garden battery below 3", "operate"),
    ],
)
def test_looking_takes_less_than_changing(line: str, level: str) -> None:
    parsed = read_untrusted(f"!cx {line}")
    assert parsed is not None and parsed.level == level
