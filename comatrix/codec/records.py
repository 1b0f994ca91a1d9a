"""Records as a gateway reads them: payload -> one of the types of `record_types`, which are named here too."""

from comatrix.codec import cbor
from comatrix.codec.record_types import (
    AGE,
    Answer,
    Command,
    Hello,
    Readings,
    Record,
    Result,
    Text,
    array,
    encode,
    read_answer_untrusted,
    read_command,
    uint,
)
from comatrix.errors import RecordError

__all__ = [
    "AGE",
    "Answer",
    "Command",
    "Hello",
    "Readings",
    "Record",
    "Result",
    "Text",
    "encode",
    "open_untrusted",
    "read_answer_untrusted",
    "read_command",
    "read_hello",
    "read_readings",
    "read_result",
    "read_text",
    "readings_untrusted",
    "split_untrusted",
]

LIMIT = 1 << 53  # beyond it a JSON number is not exact, and a reading is nonsense
MAX_TEXT = 1024


def split_untrusted(payload: bytes) -> "tuple[int | None, object]":
    """The payload of a request -> (seq or None, the record's value). Raises CborError, RecordError."""
    seq, value, _ = open_untrusted(payload)
    return seq, value


def open_untrusted(payload: bytes) -> "tuple[int | None, object, bytes]":
    """The payload of a request -> (seq or None, the record's value, its bytes). Raises CborError, RecordError."""
    size = len(payload)
    if not size:
        raise RecordError("not one record")
    reader = cbor.Reader(payload, cbor.MAX_ITEMS)
    first = reader.item(cbor.MAX_DEPTH)
    if reader.at == size:
        return None, first, payload
    start = reader.at
    value = reader.item(cbor.MAX_DEPTH)
    if reader.at != size:
        raise RecordError("not one record")
    return uint(first, "seq", 1 << 40), value, payload[start:]


def readings_untrusted(payload: bytes) -> "tuple[int | None, Readings, bytes]":
    """The payload of POST r -> (seq or None, Readings, the bytes of their map). Raises CborError, RecordError."""
    values = _flat_values(payload)
    if values is not None:
        return None, Readings(values), payload
    seq, value, body = open_untrusted(payload)
    return seq, read_readings(value), body


def _flat_values(payload: bytes) -> "dict[int, int] | None":
    """What nearly every reading is, {word 0-23: integer of at most 16 bits}, read in one loop: a third of the time.

    None for anything else, also for what is wrong: the decoder of all CBOR then says what it is.
    """
    values: "dict[int, int]" = {}
    try:
        count = payload[0] - 0xA0
        at = 1
        for _ in range(count):
            word = payload[at]
            head = payload[at + 1]
            at += 2
            number = head & 31
            if word > 23 or head > 0x39 or number > 25:
                return None
            if number == 24:
                number = payload[at]
                at += 1
                if number < 24:
                    return None
            elif number == 25:
                number = payload[at] << 8 | payload[at + 1]
                at += 2
                if number < 256:
                    return None
            values[word] = number if head < 32 else -1 - number
    except IndexError:
        return None
    return values if 0 < count == len(values) and at == len(payload) else None


def read_readings(value: object) -> Readings:
    """A map {word: number or null} -> Readings; integral floats become ints. Raises RecordError."""
    if not isinstance(value, dict):
        raise RecordError("readings are a map")
    values: "dict[int, int]" = {}
    beyond: "list[int]" = []
    age_s = 0
    for key, number in value.items():
        if key == AGE:
            age_s = uint(number, "age", 1 << 32)
        elif number is None:
            beyond.append(uint(key, "word", 1 << 16))
        else:
            values[uint(key, "word", 1 << 16)] = integer(number)
    if not values and not beyond:
        raise RecordError("no reading")
    return Readings(values, age_s, tuple(beyond))


def read_text(value: object) -> Text:
    """[text] or [room, text] -> Text. Raises RecordError."""
    parts = array(value, 1, 2)
    text = parts[-1]
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise RecordError("no text, or too long")
    room = integer(parts[0]) if len(parts) == 2 else 0
    if not -65536 < room < 65536:
        raise RecordError("room out of range")
    return Text(text, room)


def read_result(value: object) -> Result:
    """[id], [id, status] or [id, status, value] -> Result. Raises RecordError."""
    parts = array(value, 1, 3)
    status = uint(parts[1], "status", 256) if len(parts) > 1 else 0
    return Result(uint(parts[0], "id", 1 << 16), status, parts[2] if len(parts) > 2 else None)


def read_hello(value: object) -> Hello:
    """{0: firmware, 1: vocabulary, 2: description hash, 3: interval, 4: battery, 5: executed} -> Hello."""
    if not isinstance(value, dict):
        raise RecordError("hello is a map")
    firmware = value.get(0)
    description = value.get(2)
    if not (firmware is None or isinstance(firmware, str)) or len(firmware or "") > 32:
        raise RecordError("firmware is a text")
    if not (description is None or isinstance(description, bytes)) or len(description or b"") > 32:
        raise RecordError("hash is bytes")
    rest = [None if value.get(key) is None else uint(value[key], "number", 1 << 32) for key in (1, 3, 4, 5)]
    return Hello(firmware, rest[0], description, rest[1], rest[2], rest[3])


def integer(value: object) -> int:
    if isinstance(value, float) and value == value // 1:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise RecordError("not an integer")
    if not -LIMIT < value < LIMIT:
        raise RecordError("integer out of range")
    return value
