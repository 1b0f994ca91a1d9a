"""Records: what nodes and gateways say, as CBOR (docs/reference/wire.md, section Records).

A body is a CBOR sequence: the record's seq where it is not the message's own counter, then the record. Each class has
`body()`, the value that stands there. What a node reads is here too; what only a gateway reads is in `records`.
"""

from comatrix.codec import cbor
from comatrix.errors import RecordError

AGE = -1


class Record:
    """Equal when its encodings are equal."""

    def body(self) -> object:
        """The CBOR value of the record; the bare base says nothing."""
        return None

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Record) and self.body() == other.body()

    def __hash__(self) -> int:
        return hash(cbor.encode(self.body()))


class Readings(Record):
    """{word: scaled integer} of one moment, `age_s` seconds before it was sent. At least one, at most 31.

    `beyond`: words whose value lay beyond what could be said; null stands in their place.
    """

    def __init__(self, values: "dict[int, int]", age_s: int = 0, beyond: "tuple[int, ...]" = ()) -> None:
        self.values = values
        self.age_s = age_s
        self.beyond = beyond

    def body(self) -> object:
        if not self.age_s and not self.beyond:
            return self.values
        whole: "dict[int, int | None]" = {}
        whole.update(self.values)
        for word in self.beyond:
            whole[word] = None
        if self.age_s:
            whole[AGE] = self.age_s
        return whole


class Text(Record):
    """A text to a room (0: the default room), or to node -room."""

    def __init__(self, text: str, room: int = 0) -> None:
        self.text = text
        self.room = room

    def body(self) -> object:
        return [self.room, self.text] if self.room else [self.text]


class Command(Record):
    """A waiting item, gateway to node: (id, number of the setting or method, arguments), or (id, text to show)."""

    def __init__(self, id: int, what: "int | str", arguments: "list[object] | tuple[()]" = ()) -> None:
        self.id = id
        self.what = what
        self.arguments = list(arguments)

    def body(self) -> object:
        whole: "list[object]" = [self.id, self.what]
        return whole + self.arguments


class Result(Record):
    """What became of item `id`: `status` 0 done, 1 refused, 2 unknown here; `value` is the node's own, if any."""

    def __init__(self, id: int, status: int = 0, value: object = None) -> None:
        self.id = id
        self.status = status
        self.value = value

    def body(self) -> object:
        whole: "list[object]" = [self.id]
        if self.status or self.value is not None:
            whole.append(self.status)
        if self.value is not None:
            whole.append(self.value)
        return whole


class Hello(Record):
    """After boot. A part may be None: unknown. `battery_cv`: hundredths of a volt; `description`: its hash, 4 bytes."""

    def __init__(
        self,
        firmware: "str | None" = None,
        vocabulary: "int | None" = None,
        description: "bytes | None" = None,
        interval_s: "int | None" = None,
        battery_cv: "int | None" = None,
        executed: "int | None" = None,
    ) -> None:
        self.firmware = firmware
        self.vocabulary = vocabulary
        self.description = description
        self.interval_s = interval_s
        self.battery_cv = battery_cv
        self.executed = executed

    def body(self) -> object:
        parts = (self.firmware, self.vocabulary, self.description, self.interval_s, self.battery_cv, self.executed)
        return {key: part for key, part in enumerate(parts) if part is not None}


class Answer(Record):
    """What a gateway's answer may carry: its time (Unix seconds), a waiting item, and what it asks of the node.

    `highest`: the highest seq the gateway has of a node that lost its counter; the node goes on above it.
    """

    def __init__(
        self,
        time_s: "int | None" = None,
        item: "Command | None" = None,
        more: bool = False,
        describe: bool = False,
        highest: "int | None" = None,
    ) -> None:
        self.highest = highest
        self.time_s = time_s
        self.item = item
        self.more = more
        self.describe = describe

    def body(self) -> object:
        return self.parts()

    def parts(self) -> "list[object]":
        """The items of its CBOR sequence."""
        found: "list[object]" = []
        if self.time_s is not None:
            found.append(self.time_s)
        if self.item is not None:
            found.append(self.item.body())
        flags = (1 if self.more else 0) | (2 if self.describe else 0)
        asked = {0: flags} if flags else {}
        if self.highest is not None:
            asked[1] = self.highest
        if asked:
            found.append(asked)
        return found

    def encode(self) -> bytes:
        """The payload of the answer; b"" when it carries nothing."""
        return b"".join([cbor.encode(part) for part in self.parts()])


def encode(record: Record, seq: "int | None" = None) -> bytes:
    """A record, behind its seq if one is given -> the payload of a request."""
    return (b"" if seq is None else cbor.encode(seq)) + cbor.encode(record.body())


def read_command(value: object) -> Command:
    """[id, number, arguments...] or [id, text] -> Command. Raises RecordError."""
    parts = array(value, 2, 10)
    what = parts[1]
    if not isinstance(what, str) or len(parts) > 2:
        what = uint(what, "setting or method", 1 << 16)
    return Command(uint(parts[0], "id", 1 << 16), what, parts[2:])


def read_answer_untrusted(payload: bytes) -> Answer:
    """The payload of an answer -> Answer. Raises CborError, RecordError."""
    answer = Answer()
    for value in cbor.decode_sequence_untrusted(payload):
        if isinstance(value, list):
            answer.item = read_command(value)
        elif isinstance(value, dict):
            flags = uint(value.get(0, 0), "flags", 256)
            answer.more = flags & 1 == 1
            answer.describe = flags & 2 == 2
            if 1 in value:
                answer.highest = uint(value[1], "highest", 1 << 40)
        else:
            answer.time_s = uint(value, "time", 1 << 40)
    return answer


def array(value: object, low: int, high: int) -> "list[object]":
    if not isinstance(value, list) or not low <= len(value) <= high:
        raise RecordError("not an array of %d to %d" % (low, high))
    return value


def uint(value: object, what: str, limit: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < limit:
        raise RecordError(what + " out of range")
    return value
