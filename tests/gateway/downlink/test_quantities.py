"""Words <-> the integer on the air: exact, with units of the same kind, within the bounds, or a sentence that helps."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from comatrix.codec.description import Setting
from comatrix.gateway.downlink import units
from comatrix.gateway.downlink.quantities import QuantityError, allowed, in_words, on_air, span_ms, span_words
from tests.support.one_line import one_clean_line

INTERVAL = Setting("interval", "s", 5, 86_400)
TIMEOUT = Setting("timeout", "ms", 0, 3_600_000)
TARGET = Setting("target", "Cel", -1000, 4000, 2)
LIMIT = Setting("limit", "V", 0, 5000, 3)
MILLIVOLTS = Setting("limit", "mV", 0, 5000)
RATE = Setting("rate", "Hz", 1, 2_000_000)
SHARE = Setting("share", "%", 0, 1000, 1)
SWITCH = Setting("state", "", 0, 1)
COUNT = Setting("count", "", -10, 10)
LIGHT = Setting("light", "lx", 0, 100_000)
DOSE = Setting("dose", "ug/m3", 0, 500)


@pytest.mark.parametrize(
    ("text", "setting", "value"),
    [
        ("60", INTERVAL, 60),
        ("60s", INTERVAL, 60),
        (" 60 s ", INTERVAL, 60),
        ("5min", INTERVAL, 300),
        ("5 Min", INTERVAL, 300),
        ("5m", INTERVAL, 300),
        ("1h", INTERVAL, 3600),
        ("1.5 hours", INTERVAL, 5400),
        ("1d", INTERVAL, 86_400),
        ("60000ms", INTERVAL, 60),
        ("+60", INTERVAL, 60),
        ("60.0", INTERVAL, 60),
        ("1.5s", TIMEOUT, 1500),
        ("250", TIMEOUT, 250),
        ("21.5", TARGET, 2150),
        ("21.50 °C", TARGET, 2150),
        ("-3.5 °C", TARGET, -350),
        ("−3.5°c", TARGET, -350),
        (".07 Cel", TARGET, 7),
        ("40C", TARGET, 4000),
        ("3.3V", LIMIT, 3300),
        ("3300mV", LIMIT, 3300),
        ("3.3v", LIMIT, 3300),
        ("3.3V", MILLIVOLTS, 3300),
        ("0.005 kV", MILLIVOLTS, 5000),
        ("1.2kHz", RATE, 1200),
        ("1MHz", RATE, 1_000_000),
        ("45%", SHARE, 450),
        ("45.5", SHARE, 455),
        ("on", SWITCH, 1),
        ("OFF", SWITCH, 0),
        ("yes", SWITCH, 1),
        ("No", SWITCH, 0),
        ("true", SWITCH, 1),
        ("false", SWITCH, 0),
        ("1", SWITCH, 1),
        ("-7", COUNT, -7),
        ("100 LX", LIGHT, 100),
        ("7 µg/m³", DOSE, 7),
        ("7 ug/m3", DOSE, 7),
    ],
)
def test_what_is_written_becomes_the_integer_on_the_air(text: str, setting: Setting, value: int) -> None:
    assert on_air(text, setting) == value


@pytest.mark.parametrize(
    ("text", "setting", "told"),
    [
        ("3", INTERVAL, 'interval: "3" is too little. Allowed is 5 to 86400 s.'),
        ("2d", INTERVAL, 'interval: "2d" is too much. Allowed is 5 to 86400 s.'),
        ("4.9", INTERVAL, "too little"),
        ("86400.1", INTERVAL, "too much"),
        ("60.5", INTERVAL, "too fine, the smallest step is 1 s"),
        ("21.505", TARGET, "too fine, the smallest step is 0.01 °C"),
        ("21,5", TARGET, "decimals have a point"),
        ("1,000", INTERVAL, "thousands nothing"),
        ("41", TARGET, "Allowed is -10 to 40 °C."),
        ("70F", TARGET, "another unit than °C"),
        ("5V", INTERVAL, "ms or s or min or h or d"),
        ("5MV", LIMIT, "mV or V or kV"),
        ("5 V", COUNT, "has a unit, and none belongs there"),
        ("ten", COUNT, '"ten" is no number. Allowed is -10 to 10.'),
        ("", COUNT, '"" is no number'),
        ("on", COUNT, "is no number"),
        ("2", SWITCH, "Allowed is on or off."),
        ("0.5", SWITCH, "too fine"),
        ("1e3", INTERVAL, "another unit"),
        ("0x10", INTERVAL, "another unit"),
        ("1_000", INTERVAL, "another unit"),
        ("٣", COUNT, "is no number"),
        ("--5", COUNT, "is no number"),
        ("9" * 5000, INTERVAL, "is no number"),
        ("inf", INTERVAL, "is no number"),
        ("nan", INTERVAL, "is no number"),
        ("1/2", COUNT, "has a unit"),
    ],
)
def test_what_cannot_be_said_is_answered_with_what_can(text: str, setting: Setting, told: str) -> None:
    with pytest.raises(QuantityError) as error:
        on_air(text, setting)
    assert told in error.value.text
    assert allowed(setting) in error.value.text
    assert len(error.value.text) < 250


@pytest.mark.parametrize(
    ("value", "setting", "words"),
    [
        (60, INTERVAL, "60 s"),
        (2150, TARGET, "21.50 °C"),
        (-5, TARGET, "-0.05 °C"),
        (3300, LIMIT, "3.300 V"),
        (1, SWITCH, "on"),
        (0, SWITCH, "off"),
        (2, SWITCH, "2"),
        (1, Setting("level", "V", 0, 1), "1 V"),
        (1, Setting("level", "/", 0, 1), "on"),
        (7, DOSE, "7 µg/m³"),
        (7, COUNT, "7"),
    ],
)
def test_the_integer_in_words(value: int, setting: Setting, words: str) -> None:
    assert in_words(value, setting) == words


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (INTERVAL, "5 to 86400 s"),
        (TARGET, "-10 to 40 °C"),
        (Setting("x", "Cel", -1005, 4050, 2), "-10.05 to 40.5 °C"),
        (SWITCH, "on or off"),
        (COUNT, "-10 to 10"),
        (Setting("x", "s", 5, 5), "5 s"),
        (Setting("x", "", 100, 200), "100 to 200"),
        (Setting("label"), "a text of at most 200 bytes"),
    ],
)
def test_what_is_allowed_in_words(setting: Setting, words: str) -> None:
    assert allowed(setting) == words


UNITS = st.sampled_from([unit for kind in units.KINDS for unit in kind.own] + ["", "lx", "ug/m3", "%EL", "/", "count"])
ANY_UNIT = UNITS | st.text(max_size=24)
BOUNDS = st.integers(-(1 << 53), 1 << 53)


@st.composite
def _settings(draw: st.DrawFn) -> Setting:
    low, high = sorted((draw(BOUNDS), draw(BOUNDS)))
    return Setting(draw(st.text(min_size=1, max_size=24)), draw(ANY_UNIT), low, high, draw(st.integers(0, 9)))


@given(_settings() | st.just(SWITCH) | st.just(Setting("n", ", ", 0, 9)), st.data())
def test_a_value_in_words_reads_back_as_the_same(setting: Setting, data: st.DataObject) -> None:
    value = data.draw(st.integers(setting.low, setting.high))
    words = in_words(value, setting)
    assert on_air(words, setting) == value
    assert one_clean_line(words)


@given(_settings(), st.text() | st.from_regex(r"\A[+-]?[0-9]{0,20}([.,][0-9]{0,4})? ?[a-zA-Z°%]{0,3}\Z"))
def test_whatever_is_written_is_within_the_bounds_or_refused_in_a_sentence(setting: Setting, text: str) -> None:
    try:
        value = on_air(text, setting)
    except QuantityError as error:
        assert one_clean_line(error.text) and len(error.text) < 400
        return
    assert setting.low is not None and setting.high is not None
    assert type(value) is int and setting.low <= value <= setting.high


@given(st.sampled_from([kind for kind in units.KINDS if len(kind.own) > 1]), st.integers(0, 10**6), st.data())
def test_a_unit_changes_how_it_is_written_not_what_it_is(kind: units.Kind, count: int, data: st.DataObject) -> None:
    own, other = (data.draw(st.sampled_from(sorted(kind.own))) for _ in range(2))
    ratio = kind.own[other] * count
    assume(ratio % kind.own[own] == 0)
    setting = Setting("x", own, 0, 1 << 60)
    assert on_air(f"{count}{other}", setting) == on_air(f"{ratio // kind.own[own]} {own}", setting)


@pytest.mark.parametrize("kind", units.KINDS)
def test_no_unit_of_a_kind_is_two(kind: units.Kind) -> None:
    for unit in kind.own | kind.also:
        assert kind.size(unit) == (kind.own | kind.also)[unit]
    assert len({unit for other in units.KINDS for unit in other.own}) == sum(len(other.own) for other in units.KINDS)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("10min", 600_000),
        ("2h", 7_200_000),
        ("1d", 86_400_000),
        ("90 s", 90_000),
        ("1.5h", 5_400_000),
        ("2 Days", 172_800_000),
    ],
)
def test_a_span(text: str, ms: int) -> None:
    assert span_ms(text, 1000, 30 * 86_400_000) == ms


@pytest.mark.parametrize("text", ["10", "", "min", "-5min", "5 parsecs", "1h30", "9" * 100 + "s", "1,5h"])
def test_what_is_no_span_is_told_with_examples(text: str) -> None:
    with pytest.raises(QuantityError, match=r"write e\.g\. 10min, 2h or 1d"):
        span_ms(text, 1000, 30 * 86_400_000)


@pytest.mark.parametrize("text", ["0s", "999ms", "31d"])
def test_a_span_out_of_range_is_told_with_the_range(text: str) -> None:
    with pytest.raises(QuantityError, match="from 1 s to 30 d"):
        span_ms(text, 1000, 30 * 86_400_000)


@given(st.integers(1, 1 << 40))
def test_a_span_in_words_reads_back_as_the_same(ms: int) -> None:
    assert span_ms(span_words(ms), 1, 1 << 41) == ms
