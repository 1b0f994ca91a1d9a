"""Strict, deterministic CBOR (RFC 8949) for the few types our records use.

Written: int, str, bytes, list or tuple, dict, bool, None, float; always in the deterministic encoding (section 4.2).
Read: the same types. Refused: trailing bytes, heads longer than needed, indefinite lengths, tags, unassigned simple
values, NaN and infinities, duplicate and non-scalar map keys, ill-formed UTF-8, and anything over a limit; a length is
checked against what is left before anything is allocated. Map keys need not be sorted: nothing depends on it.
`cbor_foreign` reads what other formats allow beyond this.
"""

import struct

from comatrix.errors import CborError

MAX_DEPTH = 6
MAX_ITEMS = 32

TOO_SHORT = "ends inside an item"


def encode(value: object) -> bytes:
    """Any of the types above -> its deterministic encoding. Raises TypeError or ValueError for others."""
    out = bytearray()
    _write(out, value)
    return bytes(out)


def decode_untrusted(data: bytes, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS) -> object:
    """One CBOR item that fills `data` -> value. `max_items` limits each array and map. Raises CborError."""
    return Reader(data, max_items).only_item(max_depth)


def decode_sequence_untrusted(data: bytes, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS) -> "list[object]":
    """A CBOR sequence (RFC 8742) of at most `max_items` items -> their values; b"" -> []. Raises CborError."""
    reader = Reader(data, max_items)
    values: "list[object]" = []
    while reader.at < len(data):
        if len(values) == max_items:
            raise CborError("too many items")
        values.append(reader.item(max_depth))
    return values


def _head(out: bytearray, major: int, argument: int) -> None:
    if argument < 24:
        out.append(major | argument)
        return
    power = 0  # of two: so many bytes
    while argument >> (8 << power):
        power += 1
    if power > 3:
        raise ValueError("integer beyond 64 bits")
    out.append(major | 24 + power)
    out.extend(argument.to_bytes(1 << power, "big"))


def _write(out: bytearray, value: object) -> None:
    if type(value) is int and 0 <= value < 24:
        out.append(value)  # most of what is written
    elif value is None or isinstance(value, bool):
        out.append(0xF6 if value is None else 0xF5 if value else 0xF4)
    elif isinstance(value, int):
        if value < 0:
            _head(out, 0x20, ~value)
        else:
            _head(out, 0, value)
    elif isinstance(value, (bytes, bytearray)):
        _head(out, 0x40, len(value))
        out.extend(value)
    elif isinstance(value, str):
        text = value.encode("utf-8")
        _head(out, 0x60, len(text))
        out.extend(text)
    elif isinstance(value, (list, tuple)):
        _head(out, 0x80, len(value))
        for element in value:
            _write(out, element)
    elif isinstance(value, dict):
        _write_map(out, value)
    elif isinstance(value, float):
        _write_float(out, value)
    else:
        raise TypeError("no CBOR for " + type(value).__name__)


def _write_map(out: bytearray, value: "dict[object, object]") -> None:
    _head(out, 0xA0, len(value))
    # Keys sorted by their encodings (section 4.2.1); a MicroPython dict keeps no order of its own.
    for key, element in sorted([(encode(key), key) for key in value], key=_first):
        out.extend(key)
        _write(out, value[element])


def _first(pair: "tuple[bytes, object]") -> bytes:
    return pair[0]


def _write_float(out: bytearray, value: float) -> None:
    if value - value != 0:
        raise ValueError("not a finite number")
    for form, head in ((">e", 0xF9), (">f", 0xFA)):
        try:
            packed = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.unpack(form, packed)[0] == value:
            out.append(head)
            out.extend(packed)
            return
    out.append(0xFB)
    out.extend(struct.pack(">d", value))


class Reader:
    """Reads items from `data`, moving `at`. Raises CborError."""

    def __init__(self, data: bytes, max_items: int) -> None:
        self.data = data
        self.at = 0
        self.max_items = max_items

    def only_item(self, depth: int) -> object:
        """The one item that fills the data."""
        value = self.item(depth)
        if self.at != len(self.data):
            raise CborError("bytes after the end")
        return value

    def take(self, count: int) -> bytes:
        start = self.at
        if count > len(self.data) - start:
            raise CborError(TOO_SHORT)
        self.at = start + count
        return self.data[start : start + count]

    def item(self, depth: int) -> object:
        initial = self.take(1)[0]
        if initial < 24:
            return initial  # most of what is read
        major = initial >> 5
        info = initial & 31
        if major == 7:
            return self.simple(info)
        if info == 31:
            return self.indefinite(major, depth)
        argument = self.argument(info)
        if major < 2:
            return ~argument if major else argument
        if major == 2:
            return self.take(argument)
        if major == 3:
            return self.text(argument)
        if major == 6:
            raise CborError("unknown tag")
        if not depth:
            raise CborError("nested too deep")
        if argument > self.max_items:
            raise CborError("too many items")
        if argument << (major - 4) > len(self.data) - self.at:
            raise CborError(TOO_SHORT)
        if major == 4:
            return [self.item(depth - 1) for _ in range(argument)]
        return self.pairs(argument, depth - 1)

    def argument(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise CborError("reserved length")
        size = 1 << (info - 24)
        value = int.from_bytes(self.take(size), "big")
        if value < (24 if size == 1 else 1 << 4 * size):
            raise CborError("longer than needed")
        return value

    def text(self, length: int) -> str:
        raw = self.take(length)
        try:
            return _utf8(raw)
        except (UnicodeError, ValueError):
            raise CborError("ill-formed UTF-8")

    def simple(self, info: int) -> object:
        if 20 <= info <= 22:
            return None if info == 22 else info == 21
        if not 25 <= info <= 27:
            raise CborError("break without a beginning" if info == 31 else "unknown simple value")
        value = struct.unpack((">e", ">f", ">d")[info - 25], self.take(1 << (info - 24)))[0]
        if value - value != 0:
            raise CborError("not a finite number")
        return value

    def pairs(self, count: int, depth: int) -> "dict[object, object]":
        found: "dict[object, object]" = {}
        for _ in range(count):
            self.pair(found, depth)
        return found

    def pair(self, found: "dict[object, object]", depth: int) -> None:
        key = self.item(depth)
        # A bool or float key would meet an int in the dict (1 == True == 1.0).
        if isinstance(key, bool) or not isinstance(key, (int, str, bytes)):
            raise CborError("map key of a wrong type")
        if key in found:
            raise CborError("duplicate map key")
        found[key] = self.item(depth)

    def indefinite(self, major: int, depth: int) -> object:
        raise CborError("indefinite length")


def _lenient() -> bool:
    """Whether this interpreter's own UTF-8 check lets surrogates pass (MicroPython's does)."""
    try:
        str(b"\xed\xa0\x80", "utf-8")
    except (UnicodeError, ValueError):
        return False
    return True


_LENIENT = _lenient()


def _utf8(raw: bytes) -> str:
    """Strict UTF-8 (RFC 3629) -> str; raises UnicodeError or ValueError."""
    if _LENIENT:
        at = 0
        while at < len(raw):
            at += _sequence_length(raw[at : at + 4])
    return str(raw, "utf-8")


def _sequence_length(raw: bytes) -> int:
    lead = raw[0]
    if lead < 0x80:
        return 1
    size = 2 if 0xC2 <= lead < 0xE0 else 3 if 0xE0 <= lead < 0xF0 else 4 if 0xF0 <= lead < 0xF5 else 0
    if not size or len(raw) < size or min(raw[1:size]) < 0x80 or max(raw[1:size]) > 0xBF:
        raise ValueError
    # Overlong forms, surrogates and what lies beyond U+10FFFF (RFC 3629 section 4).
    low, high = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}.get(lead, (0, 255))
    if not low <= raw[1] <= high:
        raise ValueError
    return size
