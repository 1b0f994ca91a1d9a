"""What stands inside a frame: the rule byte, then what its kind says (docs/reference/wire.md, LoRa frames).

Rule byte: bit 7 an ack is wanted, bits 6-4 the kind, bits 3-0 the low part: of readings their schema (15: 15 plus the
next byte), of an ACK what follows it, of fragments and records the resource. Values stay bytes here: `schema` reads
those of readings, and one that is not known is kept as they came. Integers that name counters are their low bytes.
"""

from comatrix_lora.errors import FrameError, LoraError

RESOURCES = "rmchdtf"  # by their number; docs/reference/wire.md, section 2
LAST_SCHEMA = 15 + 255
LAST_AGE = 0xFFFF  # seconds: that old or older
LAST_BEHIND = 0x7FFF  # counters
LAST_REPEAT = 0xFFFF  # counters that a RECORD may lie behind
_AGAIN = 8  # in a RECORD's low part
_OLDER = 0x8000  # beside `behind`: older readings follow
_ACK_WANTED = 0x80
EXTENDED = 15  # schemas from here on take one byte more
_REKEY = 1
_READINGS = 3  # kinds below have a schema, which may take a byte more
# What an ACK's low part announces, in the order in which it follows.
ADVICE = 1
TIME = 2
COMMAND = 4
DESCRIBE = 8

TYPE_CHECKING = False
if TYPE_CHECKING:
    Plain = tuple[int, bytes]


class Rule:
    """The content of a frame. `ack`: an answer is wanted. Equal if all of it is."""

    kind = -1
    ack = False

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.__dict__})"

    def plain(self) -> "Plain":
        """-> (the low part, what follows the rule byte). Raises LoraError where a part is out of range."""
        raise NotImplementedError  # each kind has its own; MicroPython has no abstract classes to say so with

    @classmethod
    def read(cls, low: int, data: bytes) -> "Rule":
        """What follows the rule byte -> the rule. Raises FrameError: here that of every kind whose frames only go the
        other way, as a node's build leaves out what reads those (firmware/micropython/build.py)."""
        raise FrameError("not a kind that is read here")

    def encode(self) -> bytes:
        """The plaintext of a frame. Raises LoraError."""
        low, rest = self.plain()
        if not 0 <= low <= LAST_SCHEMA:
            raise LoraError("no such schema")
        if low >= EXTENDED and self.kind < _READINGS:
            rest = bytes((low - EXTENDED,)) + rest
            low = EXTENDED
        return bytes(((_ACK_WANTED if self.ack else 0) | self.kind << 4 | low,)) + rest


class Data(Rule):
    """The newest reading, under the frame's counter; nothing older is open. `values`: packed by `schema`."""

    kind = 0

    def __init__(self, schema: int, values: bytes, ack: bool = False) -> None:
        self.schema = schema
        self.values = values
        self.ack = ack

    def plain(self) -> "Plain":
        return self.schema, self.values

    @classmethod
    def read(cls, low: int, data: bytes) -> "Data":
        return cls(low, _some(data, 1))


class History(Rule):
    """The newest reading with older ones. `oldest`: the oldest record of its group, the last one here; bit i of
    `bitmap`: record oldest + 1 + i stands here too; `values`: the newest reading, then the entries, the newest first
    (`schema`)."""

    kind = 1

    def __init__(self, schema: int, oldest: int, bitmap: int, values: bytes, ack: bool = False) -> None:
        self.schema = schema
        self.oldest = oldest
        self.bitmap = bitmap
        self.values = values
        self.ack = ack

    def plain(self) -> "Plain":
        return self.schema, _byte(self.oldest) + _byte(self.bitmap) + self.values

    @classmethod
    def read(cls, low: int, data: bytes) -> "History":
        _some(data, 3)
        return cls(low, data[0], data[1], data[2:])


class Aged(Rule):
    """Readings that say how old they are: a frame without a new one, or one off its schema's grid of time.

    `behind`: the frame's counter less the newest record's seq. `ages_s`: of each reading, the newest first, at most
    LAST_AGE. `oldest`, `bitmap`, `values`: as in HISTORY; of one reading None and 0.
    """

    kind = 2

    def __init__(
        self,
        schema: int,
        behind: int,
        ages_s: "list[int]",
        values: bytes,
        oldest: "int | None" = None,
        bitmap: int = 0,
        ack: bool = False,
    ) -> None:
        self.schema = schema
        self.behind = behind
        self.ages_s = ages_s
        self.values = values
        self.oldest = oldest
        self.bitmap = bitmap
        self.ack = ack

    def plain(self) -> "Plain":
        if self.behind > LAST_BEHIND or len(self.ages_s) != carried(self.oldest, self.bitmap):
            raise LoraError("too far behind, or not an age for each reading")
        rest = _uint(self.behind, 2)
        if self.oldest is not None:
            rest = _uint(self.behind | _OLDER, 2) + _byte(self.oldest) + _byte(self.bitmap)
        return self.schema, rest + b"".join([_uint(age_s, 2) for age_s in self.ages_s]) + self.values

    @classmethod
    def read(cls, low: int, data: bytes) -> "Aged":
        _some(data, 5)
        behind = _number(data, 0, 2)
        oldest, bitmap, at = None, 0, 2
        if behind & _OLDER:
            oldest, bitmap, at = data[2], data[3], 4
        end = at + 2 * carried(oldest, bitmap)
        _some(data, end + 1)
        ages_s = [_number(data, place, 2) for place in range(at, end, 2)]
        return cls(low, behind & LAST_BEHIND, ages_s, data[end:], oldest, bitmap)


def carried(oldest: "int | None", bitmap: int) -> int:
    """How many readings a frame says it carries: the newest, the oldest, and those of the bitmap."""
    if oldest is None:
        return 1
    return 2 + sum([bitmap >> bit & 1 for bit in range(8)])


class Ack(Rule):
    """`base`: the first counter, from the asking frame's oldest on, that did not come; base + 1 + i came where bit i of
    `bitmap` is set. For a fragment both are its feedback. With it may come: one byte of link advice, the time (Unix
    seconds), the command that waits, and the wish for a self-description."""

    kind = 3

    def __init__(
        self,
        base: int,
        bitmap: int,
        time_s: "int | None" = None,
        command: "Command | None" = None,
        describe: bool = False,
        advice: "int | None" = None,
        ack: bool = False,
    ) -> None:
        self.base = base
        self.bitmap = bitmap
        self.time_s = time_s
        self.command = command
        self.describe = describe
        self.advice = advice
        self.ack = ack

    def plain(self) -> "Plain":
        low = DESCRIBE if self.describe else 0
        rest = _byte(self.base) + _byte(self.bitmap)
        if self.advice is not None:
            low |= ADVICE
            rest += _byte(self.advice)
        if self.time_s is not None:
            low |= TIME
            rest += _uint(self.time_s, 4)
        if self.command is not None:
            low |= COMMAND
            rest += self.command.plain()[1]
        return low, rest

    @classmethod
    def read(cls, low: int, data: bytes) -> "Ack":
        at = 2 + (1 if low & ADVICE else 0)
        end = at + (4 if low & TIME else 0)
        if len(data) < end or (len(data) > end and not low & COMMAND):
            raise FrameError("an ACK of a wrong length")
        command = Command.read(0, data[end:]) if low & COMMAND else None
        time_s = _number(data, at, 4) if low & TIME else None
        return cls(data[0], data[1], time_s, command, bool(low & DESCRIBE), data[2] if low & ADVICE else None)


class Command(Rule):
    """A command by its number in the node's self-description; `arguments`: a CBOR sequence, one item an argument."""

    kind = 4

    def __init__(self, id: int, what: int, arguments: bytes = b"", ack: bool = False) -> None:
        self.id = id
        self.what = what
        self.arguments = arguments
        self.ack = ack

    def plain(self) -> "Plain":
        return 0, _uint(self.id, 2) + _byte(self.what) + self.arguments

    @classmethod
    def read(cls, low: int, data: bytes) -> "Command":
        _some(data, 3)
        if low:
            raise FrameError("a command has no low part")
        return cls(_number(data, 0, 2), data[2], data[3:])


class Fragment(Rule):
    """A coded part of a record too long for one frame. `k`: source symbols of its block; `seed`: which combination."""

    kind = 5

    def __init__(
        self, resource: str, transfer: int, block: int, k: int, seed: int, data: bytes, ack: bool = False
    ) -> None:
        self.resource = resource
        self.transfer = transfer
        self.block = block
        self.k = k
        self.seed = seed
        self.data = data
        self.ack = ack

    def plain(self) -> "Plain":
        head = _byte(self.transfer) + _byte(self.block) + _byte(self.k) + _byte(self.seed)
        return _resource(self.resource), head + self.data

    @classmethod
    def read(cls, low: int, data: bytes) -> "Fragment":
        _some(data, 5)
        return cls(_named(low), data[0], data[1], data[2], data[3], data[4:])


class Record(Rule):
    """A whole record: `body` as over UDP without a seq (docs/reference/wire.md, section 2). `behind`: the frame's
    counter less the record's seq, 0 in the frame that carries it first."""

    kind = 6

    def __init__(self, resource: str, body: bytes, ack: bool = False, behind: int = 0) -> None:
        self.resource = resource
        self.body = body
        self.ack = ack
        self.behind = behind

    def plain(self) -> "Plain":
        if not self.behind:
            return _resource(self.resource), self.body
        return _resource(self.resource) | _AGAIN, _uint(self.behind, 2) + self.body

    @classmethod
    def read(cls, low: int, data: bytes) -> "Record":
        if not low & _AGAIN:
            return cls(_named(low), data)
        behind = _number(_some(data, 2), 0, 2)
        if not behind:
            raise FrameError("a repeat that is none")
        return cls(_named(low & 7), data[2:], False, behind)


class Feedback(Rule):
    """What is held of a transfer of several blocks (`fragment_format`); a feedback of two bytes stands in an ACK."""

    kind = 7

    def __init__(self, body: bytes, ack: bool = False) -> None:
        self.body = body
        self.ack = ack

    def plain(self) -> "Plain":
        return 0, self.body

    @classmethod
    def read(cls, low: int, data: bytes) -> "Feedback":
        if low:
            raise FrameError("a feedback has no such low part")
        return cls(_some(data, 3))


class Rekey(Rule):
    """Appendix B.2: nothing in its requests and response #1. `following`, only in the last response: the node goes on
    at that counter or above it, whatever it has forgotten. `ack` of response #1: the old context is in use here."""

    kind = 7  # that of a FEEDBACK, with a low part

    def __init__(self, following: "int | None" = None, ack: bool = False) -> None:
        self.following = following
        self.ack = ack

    def plain(self) -> "Plain":
        return _REKEY, b"" if self.following is None else _uint(self.following, 4)

    @classmethod
    def read(cls, low: int, data: bytes) -> "Rekey":
        if len(data) not in (0, 4):
            raise FrameError("not what belongs to new keys")
        return cls(_number(data, 0, 4) if data else None)


KINDS = (Data, History, Aged, Ack, Command, Fragment, Record, Feedback)  # by their number


def decode_untrusted(plain: bytes) -> Rule:
    """The plaintext of a frame -> its rule. Raises FrameError."""
    if not plain:
        raise FrameError("no rule byte")
    number = plain[0] >> 4 & 7
    low = plain[0] & 15
    at = 1
    if low == EXTENDED and number < _READINGS:
        low += plain[1] if len(plain) > 1 else 0
        at = 2
    kind = Rekey if number == Rekey.kind and low == _REKEY else KINDS[number]
    rule = kind.read(low, plain[at:])
    rule.ack = bool(plain[0] & _ACK_WANTED)
    return rule


def _some(data: bytes, least: int) -> bytes:
    if len(data) < least:
        raise FrameError("cut short")
    return data


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _uint(value: int, size: int) -> bytes:
    if not 0 <= value < 1 << 8 * size:
        raise LoraError("a number does not fit its place in a frame")
    return value.to_bytes(size, "big")


def _byte(value: int) -> bytes:
    return _uint(value, 1)


def _resource(name: str) -> int:
    if len(name) != 1 or name not in RESOURCES:
        raise LoraError("no such resource")
    return RESOURCES.index(name)


def _named(low: int) -> str:
    if low >= len(RESOURCES):
        raise FrameError("no such resource")
    return RESOURCES[low]
