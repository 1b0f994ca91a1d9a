"""Readings packed into bits: a schema says which words, in which range and steps (docs/reference/wire.md, LoRa frames).

A field's code is (value - low) / step in as few bits as hold every value and two codes more: all ones is "missing",
one less "out of range". Codes stand one behind the other, big-endian, filled up with zero bits to a whole byte.
"""

from comatrix_lora.errors import FrameError, LoraError

MISSING = "missing"
OUT_OF_RANGE = "out of range"
MOST_FIELDS = 8
MOST_BITS = 32
ESCAPE = 0x8000
_DIFFERENCE_BITS = 16
_LIMIT = 1 << 53

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Value = int | str  # an integer, MISSING or OUT_OF_RANGE
    Values = dict[int, Value]
    Given = Mapping[int, Value]


class Field:
    """A word of the vocabulary, its lowest and highest integer, and the step between codes. Raises LoraError."""

    def __init__(self, word: int, low: int, high: int, step: int = 1) -> None:
        if not (0 <= word <= 0xFFFF and -_LIMIT < low <= high < _LIMIT and step > 0 and not (high - low) % step):
            raise LoraError("not a field")
        self.word = word
        self.low = low
        self.high = high
        self.step = step
        self.count = (high - low) // step + 1
        self.bits = _bits(self.count + 1)
        if self.bits > MOST_BITS:
            raise LoraError("a field has too many values")

    def code(self, value: "Value") -> int:
        """An integer (taken to the nearest step) or a mark -> its code."""
        if value == MISSING:
            return (1 << self.bits) - 1
        if not isinstance(value, int) or not self.low <= value <= self.high:
            return (1 << self.bits) - 2
        return (value - self.low + self.step // 2) // self.step

    def value_untrusted(self, code: int) -> "Value":
        """A code -> its integer or mark. Raises FrameError: no code of this field."""
        if 0 <= code < self.count:
            return self.low + code * self.step
        if code == (1 << self.bits) - 1:
            return MISSING
        if code != (1 << self.bits) - 2:
            raise FrameError("no such value in this schema")
        return OUT_OF_RANGE


class Schema:
    """Fields in order. `size`: bytes of a reading; `shares`: bits of the difference of each field. Raises LoraError."""

    def __init__(self, fields: "list[Field]") -> None:
        self._words = {field.word for field in fields}
        if not 0 < len(fields) <= MOST_FIELDS or len(self._words) < len(fields):
            raise LoraError("a schema has 1 to 8 fields, each of another word")
        self.fields = list(fields)
        self.bits = sum([field.bits for field in fields])
        self.size = (self.bits + 7) // 8
        self.shares = _shares([field.bits for field in fields])

    def pack(self, values: "Given") -> bytes:
        """{word: integer or mark} -> bytes; a word left out is missing. Raises LoraError: a word of no field."""
        return self._join(self._codes(values))

    def unpack_untrusted(self, data: bytes) -> "Values":
        """The inverse. Raises FrameError."""
        return self._values(self._split(data))

    def as_list(self) -> "list[int]":
        """What announces it: word, low, high, step of each field in turn."""
        out: "list[int]" = []
        for field in self.fields:
            out += [field.word, field.low, field.high, field.step]
        return out

    def _codes(self, values: "Given") -> "list[int]":
        codes = [field.code(values.get(field.word, MISSING)) for field in self.fields]
        if set(values) - self._words:
            raise LoraError("a word that is not in the schema")
        return codes

    def _values(self, codes: "list[int]") -> "Values":
        found: "Values" = {}
        for i in range(len(codes)):
            found[self.fields[i].word] = self.fields[i].value_untrusted(codes[i])
        return found

    def _join(self, codes: "list[int]") -> bytes:
        number = 0
        for i in range(len(codes)):
            number = number << self.fields[i].bits | codes[i]
        return (number << 8 * self.size - self.bits).to_bytes(self.size, "big")

    def _split(self, data: bytes) -> "list[int]":
        number = int.from_bytes(data, "big")
        left = 8 * self.size - self.bits
        if len(data) != self.size or number & (1 << left) - 1:
            raise FrameError("not the size of this schema")
        number >>= left
        codes = []
        for field in reversed(self.fields):
            codes.append(number & (1 << field.bits) - 1)
            number >>= field.bits
        codes.reverse()
        return codes


def from_list_untrusted(numbers: object) -> Schema:
    """What `as_list` gave -> the schema. Raises FrameError."""
    if not isinstance(numbers, list) or len(numbers) % 4 or len(numbers) > 4 * MOST_FIELDS:
        raise FrameError("not a schema")
    if [one for one in numbers if not isinstance(one, int) or isinstance(one, bool)]:
        raise FrameError("not a schema")
    try:
        return Schema([Field(*numbers[at : at + 4]) for at in range(0, len(numbers), 4)])
    except LoraError as error:
        raise FrameError(str(error))


def encode_older(schema: Schema, newer: "Given", older: "Given") -> bytes:
    """An older reading behind the next newer one: its difference in 2 bytes, or ESCAPE and its values.

    Where the values themselves take no more than 2 bytes they stand alone.
    """
    if schema.size <= 2:
        return schema.pack(older)
    before, after = schema._codes(newer), schema._codes(older)
    number = 0
    for i in range(len(schema.shares)):
        share = schema.shares[i]
        difference = after[i] - before[i]
        if not -(1 << share) <= 2 * difference < 1 << share:
            number = ESCAPE
            break
        number = number << share | (difference & (1 << share) - 1)
    if number == ESCAPE:
        return ESCAPE.to_bytes(2, "big") + schema.pack(older)
    return number.to_bytes(2, "big")


def decode_older_untrusted(schema: Schema, newer: "Given", data: bytes, at: int) -> "tuple[Values, int]":
    """The entry at `at` -> (its values, where the next one stands). Raises FrameError."""
    if schema.size <= 2:
        return schema.unpack_untrusted(data[at : at + schema.size]), at + schema.size
    if len(data) < at + 2:
        raise FrameError("cut short")
    number = data[at] << 8 | data[at + 1]
    at += 2
    if number == ESCAPE:
        return schema.unpack_untrusted(data[at : at + schema.size]), at + schema.size
    codes = schema._codes(newer)
    for i in reversed(range(len(codes))):
        share = schema.shares[i]
        part = number & (1 << share) - 1
        number >>= share
        codes[i] += part - (1 << share) if share and part >> share - 1 else part
    return schema._values(codes), at


def readings_untrusted(schema: Schema, data: bytes) -> "list[Values]":
    """The newest reading and the entries behind it, to the end -> their values, the newest first. Raises FrameError."""
    found = [schema.unpack_untrusted(data[: schema.size])]
    at = schema.size
    while at < len(data):
        older, at = decode_older_untrusted(schema, found[-1], data, at)
        found.append(older)
    return found


def _bits(largest: int) -> int:
    """How many bits hold numbers up to `largest`."""
    bits = 1
    while largest >> bits:
        bits += 1
    return bits


def _shares(bits: "list[int]") -> "list[int]":
    """16 bits for the fields' differences, in proportion to their own bits; what rounding down leaves goes, a bit
    each, to those who lost most by it, the first among equals."""
    whole = sum(bits)
    shares = [_DIFFERENCE_BITS * one // whole for one in bits]
    by_loss = sorted([(-(_DIFFERENCE_BITS * bits[i] % whole), i) for i in range(len(bits))])
    for _, i in by_loss[: _DIFFERENCE_BITS - sum(shares)]:
        shares[i] += 1
    return shares


def climate() -> Schema:
    """Schema 0, the commonest, known without being announced: temperature by 0.01 °C, humidity by 0.1 %."""
    return Schema([Field(0, -4000, 8500), Field(1, 0, 1000)])
