"""Readings of foreign payloads: a name and a number in any known unit -> a word and its scaled integer, exactly.

A number is a `Fraction`; it is rounded once, to the nearest scaled integer, halves to the even one.
"""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from comatrix.codec import vocab
from comatrix.codec.record_types import Readings
from comatrix.errors import RecordError

LIMIT = 1 << 53
MAX_AGE_S = 1 << 32
MAX_MOMENTS = 32
MAX_WORDS = 31
MAX_EXPONENT = 40  # of ten: far beyond any reading, and small enough that no number gets long
MAX_DIGITS = 60
YES_OR_NO = "/"
OUT_OF_RANGE = "out of range"

# unit given -> (unit of the word, factor, added after it). RFC 8428 section 12.1 and RFC 8798 section 3.
_CONVERSIONS = {
    ("K", "Cel"): (Fraction(1), Fraction(-27315, 100)),
    ("Cel", "K"): (Fraction(1), Fraction(27315, 100)),
    ("Pa", "hPa"): (Fraction(1, 100), Fraction(0)),
    ("kPa", "hPa"): (Fraction(10), Fraction(0)),
    ("m", "mm"): (Fraction(1000), Fraction(0)),
    ("mm", "m"): (Fraction(1, 1000), Fraction(0)),
    ("km", "m"): (Fraction(1000), Fraction(0)),
    ("cm", "mm"): (Fraction(10), Fraction(0)),
    ("cm", "m"): (Fraction(1, 100), Fraction(0)),
    ("mV", "V"): (Fraction(1, 1000), Fraction(0)),
    ("mA", "A"): (Fraction(1, 1000), Fraction(0)),
    ("kW", "W"): (Fraction(1000), Fraction(0)),
    ("J", "kWh"): (Fraction(1, 3_600_000), Fraction(0)),
    ("Wh", "kWh"): (Fraction(1, 1000), Fraction(0)),
    ("g", "kg"): (Fraction(1, 1000), Fraction(0)),
    ("km/h", "m/s"): (Fraction(5, 18), Fraction(0)),
    ("m3", "l"): (Fraction(1000), Fraction(0)),
    ("m3/s", "l/s"): (Fraction(1000), Fraction(0)),
    ("ms", "s"): (Fraction(1, 1000), Fraction(0)),
    ("min", "s"): (Fraction(60), Fraction(0)),
    ("h", "s"): (Fraction(3600), Fraction(0)),
    ("kHz", "Hz"): (Fraction(1000), Fraction(0)),
    ("MHz", "Hz"): (Fraction(1_000_000), Fraction(0)),
    ("/", "%"): (Fraction(100), Fraction(0)),
    ("/", "%RH"): (Fraction(100), Fraction(0)),
    ("/", "%EL"): (Fraction(100), Fraction(0)),
    ("%", "%RH"): (Fraction(1), Fraction(0)),
    ("%", "%EL"): (Fraction(1), Fraction(0)),
    ("kg/m3", "ug/m3"): (Fraction(1_000_000_000), Fraction(0)),
    ("ppb", "ppm"): (Fraction(1, 1000), Fraction(0)),
    ("ppm", "ppb"): (Fraction(1000), Fraction(0)),
    ("mS/m", "S/m"): (Fraction(1, 1000), Fraction(0)),
}
# What a device that names only itself measures, told by the unit alone (RFC 8428 sections 5.1.1 and 5.1.3).
_BY_UNIT = {
    "Cel": "temperature",
    "K": "temperature",
    "%RH": "humidity",
    "lx": "illuminance",
    "%EL": "battery-level",
    "lat": "latitude",
    "lon": "longitude",
}


class Moment:
    """What was measured `age_s` seconds ago. A word stands once. Raises RecordError."""

    def __init__(self, age_s: int = 0) -> None:
        if not 0 <= age_s < MAX_AGE_S:
            raise RecordError("age out of range")
        self.age_s = age_s
        self._values: dict[int, int] = {}
        self._beyond: list[int] = []

    def put(self, row: vocab.Row | int, number: int) -> None:
        """A scaled integer of a word, or of the number of one this table does not know."""
        self._values[self._new(row)] = number

    def put_beyond(self, row: vocab.Row | int) -> None:
        """Its value lay beyond what could be said."""
        self._beyond.append(self._new(row))

    def readings(self) -> Readings:
        """At least one."""
        if not self._values and not self._beyond:
            raise RecordError("no reading")
        return Readings(self._values, self.age_s, tuple(self._beyond))

    def _new(self, row: vocab.Row | int) -> int:
        word = row if isinstance(row, int) else row.number
        if word in self._values or word in self._beyond:
            raise RecordError(told(f"{name_of(row)} stands twice"))
        if len(self._values) + len(self._beyond) == MAX_WORDS:
            raise RecordError(f"more than {MAX_WORDS} readings at once")
        return word


def told(text: str) -> str:
    """A text as a diagnostic: printable ASCII, at most 64 bytes."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text[:64])


def name_of(row: vocab.Row | int) -> str:
    """How a word is named to people."""
    return f"word_{row}" if isinstance(row, int) else row.name


def word(name: str) -> vocab.Row | int:
    """A name -> the word it ends in, behind any `:`, `/` or `.`; `word_300` -> the number of one this table does not
    know. Raises RecordError."""
    found = _word(name)
    if found is None:
        raise RecordError(told(f"unknown name {name}"))
    return found


def word_or_unit(name: str, unit: str | None) -> vocab.Row | int:
    """As `word`; a name without one is taken for the device's, where the unit alone tells the quantity."""
    found = _word(name)
    if found is None and unit in _BY_UNIT:
        return word(_BY_UNIT[unit])
    return word(name) if found is None else found


def _word(name: str) -> vocab.Row | int | None:
    for text in (name, _last_part(name, ":/"), _last_part(name, ":/.")):
        found = vocab.by_name(text) or vocab.by_name(text.replace("_", "-").lower())
        if found is not None:
            return found
        number = text.removeprefix("word_")
        if number != text and number.isascii() and number.isdecimal() and len(number) <= 5 and int(number) < 1 << 16:
            return vocab.by_number(int(number)) or int(number)
    return None


def _last_part(name: str, separators: str) -> str:
    return name[max(name.rfind(one) for one in separators) + 1 :]


def exact(value: object) -> Fraction:
    """A number as decoded -> itself. A binary float means the shortest decimal that names it, as in JSON.

    Raises RecordError for anything else and for numbers of absurd size.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise RecordError("not a number")
    number = Decimal(repr(value)) if isinstance(value, float) else value
    if isinstance(number, int):
        if abs(number) >= 10**MAX_EXPONENT:
            raise RecordError("number out of range")
        return Fraction(number)
    if not number.is_finite():
        raise RecordError("not a finite number")
    if not number:
        return Fraction(0)
    if abs(number.adjusted()) > MAX_EXPONENT or len(number.as_tuple().digits) > MAX_DIGITS:
        if number.adjusted() < -MAX_EXPONENT and isinstance(value, float):
            return Fraction(0)  # a float's dust: nothing any word could show
        raise RecordError("number out of range")
    return Fraction(number)


def scaled(row: vocab.Row | int, value: Fraction, unit: str | None = None) -> int:
    """A value in `unit` (None: the word's own) -> the word's scaled integer. Raises RecordError."""
    digits = 0
    if not isinstance(row, int):
        digits = row.digits
        value = _converted(row, value, unit)
    number: int = round(value * 10**digits)
    if not -LIMIT < number < LIMIT:
        raise RecordError(told(f"{name_of(row)} out of range"))
    return number


def _converted(row: vocab.Row, value: Fraction, unit: str | None) -> Fraction:
    if unit is None or unit in (row.senml_unit, row.unit) or (unit == YES_OR_NO and row.senml_unit == "-"):
        return value
    conversion = _CONVERSIONS.get((unit, row.senml_unit))
    if conversion is None:
        raise RecordError(told(f"{row.name} is not told in {unit}"))
    factor, added = conversion
    return value * factor + added


def truth(row: vocab.Row | int, value: bool) -> int:
    """A boolean of a word that says yes or no. Raises RecordError for other words."""
    if isinstance(row, int) or (row.senml_unit == YES_OR_NO and row.digits == 0):
        return int(value)
    raise RecordError(told(f"{row.name} is a number, not true or false"))


def in_order(moments: Iterable[Moment]) -> tuple[Readings, ...]:
    """The readings of all moments, the oldest first. Raises RecordError for none or too many."""
    found = [one.readings() for one in moments]
    if not found:
        raise RecordError("no reading")
    if len(found) > MAX_MOMENTS:
        raise RecordError(f"more than {MAX_MOMENTS} moments")
    return tuple(sorted(found, key=lambda one: -one.age_s))
