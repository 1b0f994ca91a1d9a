"""The self-description record: what a node can be told and asked, and how its readings are packed.

A record like the others, in a module of its own because a node writes it once and never reads one.
"""

from hashlib import sha256

from comatrix.codec.record_types import Record, array, uint
from comatrix.codec.records import integer
from comatrix.errors import RecordError

MAX_NAME = 24
MAX_DIGITS = 9
MAX_SCHEMA = 270  # the highest code a rule byte and its next can say
MAX_FIELDS = 8
HASH = 4  # bytes of SHA-256 in a hello
_FIRST = "abcdefghijklmnopqrstuvwxyz"
_REST = _FIRST + "0123456789_-"


def description_hash(body: bytes) -> bytes:
    """What hello says of a self-description: the first 4 bytes of SHA-256 over the CBOR of its body."""
    return sha256(body).digest()[:HASH]


class Setting:
    """A value a person may set, or a method's parameter. `low` and `high` bound an integer; both None: a text.

    A person's value times 10 ** `digits` is the integer on the air, of which `low` and `high` speak.
    """

    def __init__(
        self, name: str, unit: str = "", low: "int | None" = None, high: "int | None" = None, digits: int = 0
    ) -> None:
        self.name = name
        self.unit = unit
        self.low = low
        self.high = high
        self.digits = digits

    def body(self) -> "list[object]":
        """[name, unit], [name, unit, low, high] or [name, unit, low, high, digits]."""
        bounds: "list[object]" = [] if self.low is None else [self.low, self.high]
        return [self.name, self.unit] + bounds + ([self.digits] if bounds and self.digits else [])


class Method:
    """Something a person may call, with its parameters; one given as a bare name is a text."""

    def __init__(self, name: str, parameters: "list[Setting | str] | tuple[()]" = ()) -> None:
        self.name = name
        self.parameters = [Setting(one) if isinstance(one, str) else one for one in parameters]

    def body(self) -> "list[object]":
        """[name, parameters...]: of a text without a unit the bare name, else as a setting."""
        whole: "list[object]" = [self.name]
        return whole + [one.name if one.low is None and not one.unit else one.body() for one in self.parameters]


class Description(Record):
    """Settings and methods by their position (the numbers commands use), reading schemas by their code.

    A schema lists the integers word, low, high, step of each field in turn; whether they make one is the link's to say.
    """

    def __init__(
        self,
        settings: "list[Setting] | tuple[()]" = (),
        methods: "list[Method] | tuple[()]" = (),
        schemas: "dict[int, list[int]] | None" = None,
    ) -> None:
        self.settings = list(settings)
        self.methods = list(methods)
        self.schemas = schemas or {}

    def body(self) -> object:
        return [[item.body() for item in self.settings], [item.body() for item in self.methods], self.schemas]


def read_description(value: object) -> Description:
    """[[settings], [methods], {code: [word, low, high, step, ...]}] -> Description. Raises RecordError."""
    parts = array(value, 3, 3)
    schemas = parts[2]
    if not isinstance(schemas, dict):
        raise RecordError("schemas are a map")
    settings = [_setting(item) for item in array(parts[0], 0, 32)]
    methods = [_method(item) for item in array(parts[1], 0, 32)]
    _once([one.name for one in settings] + [one.name for one in methods])
    return Description(settings, methods, {_code(code): _schema(schemas[code]) for code in schemas})


def _name(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or value[0] not in _FIRST:
        raise RecordError("not a name")
    if [letter for letter in value if letter not in _REST]:
        raise RecordError("not a name")
    return value


def _once(names: "list[str]") -> None:
    if len(set(names)) < len(names):
        raise RecordError("a name stands twice")


def _setting(value: object) -> Setting:
    parts = array(value, 2, 5)
    name = _name(parts[0])
    unit = parts[1]
    if not isinstance(unit, str) or len(unit) > MAX_NAME or len(parts) == 3:
        raise RecordError("not a setting")
    if len(parts) == 2:
        return Setting(name, unit)
    low, high = integer(parts[2]), integer(parts[3])
    if low > high:
        raise RecordError("low is above high")
    return Setting(name, unit, low, high, uint(parts[4], "digits", MAX_DIGITS + 1) if len(parts) > 4 else 0)


def _method(value: object) -> Method:
    parts = array(value, 1, 9)
    parameters = [_parameter(part) for part in parts[1:]]
    _once([one.name for one in parameters])
    return Method(_name(parts[0]), list(parameters))


def _parameter(value: object) -> Setting:
    return Setting(_name(value)) if isinstance(value, str) else _setting(value)


def _code(value: object) -> int:
    code = uint(value, "schema", MAX_SCHEMA + 1)
    if not code:
        raise RecordError("schema 0 is known to all")
    return code


def _schema(value: object) -> "list[int]":
    parts = array(value, 4, 4 * MAX_FIELDS)
    if len(parts) % 4:
        raise RecordError("a field is word, low, high, step")
    return [integer(part) for part in parts]
