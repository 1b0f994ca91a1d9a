"""What a person may type of an alarm, and what it means."""

import pytest

from comatrix.gateway.downlink.alarm_words import LIST, OFF, SET, AlarmError, read, words_of
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
