"""What a person writes <-> the integer on the air: "5min" <-> 300, "21.5 °C" <-> 2150. Exact, never a float.

A setting says what it takes: unit, bounds and digits, where the integer is the value * 10 ** digits.
"""

import re
from fractions import Fraction

from comatrix.codec.description import Setting
from comatrix.gateway.downlink import units
from comatrix.gateway.downlink.letters import quoted
from comatrix.gateway.errors import UsageError
from comatrix.gateway.uplink.sanitise import clean_name
from comatrix.gateway.uplink.typed import decimal_string

MAX_CHARS = 64  # of a quantity as it is written: a number of thousands of digits is no value
MAX_TEXT_BYTES = 200
_NUMBER = re.compile(r"([+\-−]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(.*)", re.DOTALL)
_SWITCH = {"on": 1, "true": 1, "yes": 1, "off": 0, "false": 0, "no": 0}


class QuantityError(UsageError):
    """`text`: a sentence that says what is wrong and what is allowed."""


def on_air(text: str, setting: Setting) -> int:
    """`text` as the integer on the air of a bounded `setting`. Raises QuantityError."""
    low, high = bounds(setting)
    if (low, high) == (0, 1) and not setting.digits and text.strip().casefold() in _SWITCH:
        return _SWITCH[text.strip().casefold()]
    number, unit = _number(text, setting)
    ratio = units.ratio(unit, setting.unit)
    if ratio is None:
        raise _wrong(text, setting, _wrong_unit(unit, setting))
    scale: int = 10**setting.digits
    exact = number * ratio * scale
    if exact < low:
        raise _wrong(text, setting, "is too little")
    if exact > high:
        raise _wrong(text, setting, "is too much")
    if exact.denominator != 1:
        raise _wrong(text, setting, f"is too fine, the smallest step is {in_words(1, setting, switch=False)}")
    return exact.numerator


def in_words(value: int, setting: Setting, *, switch: bool = True) -> str:
    """The integer on the air as a person reads it: "60 s", "21.50 °C", "on"."""
    if switch and is_switch(setting) and value in (0, 1):
        return "on" if value else "off"
    return _with_unit(decimal_string(value, setting.digits), setting)


def allowed(setting: Setting) -> str:
    """What `setting` takes: "5 to 86400 s", "on or off", "a text"."""
    if setting.low is None:
        return f"a text of at most {MAX_TEXT_BYTES} bytes"
    if is_switch(setting):
        return "on or off"
    low, high = (_bound(bound, setting.digits) for bound in bounds(setting))
    return _with_unit(low if low == high else f"{low} to {high}", setting)


def bounds(setting: Setting) -> tuple[int, int]:
    """The integers between which its integer on the air stands."""
    assert setting.low is not None and setting.high is not None, "a text has no bounds"
    return setting.low, setting.high


def is_switch(setting: Setting) -> bool:
    """Whether on and off say it best."""
    return (setting.low, setting.high, setting.digits, units.shown(setting.unit)) == (0, 1, 0, "")


def is_unit(word: str, setting: Setting) -> bool:
    """Whether `word`, standing alone behind a number, is a unit of `setting`."""
    return setting.low is not None and word != "" and units.ratio(word, setting.unit) is not None


def span_ms(text: str, low_ms: int, high_ms: int) -> int:
    """A time span as milliseconds, rounded down: "10min", "2h", "1.5d". Raises QuantityError."""
    match = _NUMBER.fullmatch(text.strip()) if len(text) <= MAX_CHARS else None
    size = units.TIME.size(match[3].strip()) if match and match[3] and not match[1] else None
    if match is None or size is None:
        raise QuantityError(f"{quoted(text)} is no time span: write e.g. 10min, 2h or 1d.")
    exact = Fraction(match[2]) * size
    if not low_ms <= exact <= high_ms:
        raise QuantityError(f"{quoted(text)} is out of range: from {span_words(low_ms)} to {span_words(high_ms)}.")
    return int(exact)


def span_words(span: int) -> str:
    """Milliseconds as the largest unit that is whole: 600000 -> "10 min"."""
    unit = next(unit for unit in ("d", "h", "min", "s", "ms") if span % units.TIME.own[unit] == 0)
    return f"{span // units.TIME.own[unit]} {unit}"


def _number(text: str, setting: Setting) -> tuple[Fraction, str]:
    """(the number as it is written, its unit as it is written). Raises QuantityError."""
    match = _NUMBER.fullmatch(text.strip()) if len(text) <= MAX_CHARS else None
    if match is None:
        raise _wrong(text, setting, "is no number")
    sign, digits, unit = match.groups()
    if unit[:1] == "," and unit not in (setting.unit, units.shown(setting.unit)):
        raise _wrong(text, setting, "is unclear: decimals have a point and thousands nothing, as in 1234.5")
    return Fraction(f"{'-' if sign in ('-', '−') else ''}{digits}"), unit


def _bound(value: int, digits: int) -> str:
    """(4000, 2) -> "40": a range is no measurement."""
    text = decimal_string(value, digits)
    return text.rstrip("0").rstrip(".") if digits else text


def _wrong_unit(unit: str, setting: Setting) -> str:
    known = units.of_its_kind(setting.unit)
    return f"is in another unit than {' or '.join(known)}" if known else "has a unit, and none belongs there"


def _wrong(text: str, setting: Setting, what: str) -> QuantityError:
    return QuantityError(f"{clean_name(setting.name)}: {quoted(text)} {what}. Allowed is {allowed(setting)}.")


def _with_unit(number: str, setting: Setting) -> str:
    unit = units.shown(setting.unit)
    return f"{number} {unit}" if unit else number
