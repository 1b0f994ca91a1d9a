"""The self-description record: what a node can be told and asked, and how its readings are packed.

A record like the others, in a module of its own because a node writes it once and never reads one.
"""

from comatrix.codec.record_types import Record, array, uint
from comatrix.codec.records import integer
from comatrix.errors import RecordError

MAX_NAME = 24


class Setting:
    """A value a person may set. `low` and `high` bound an integer, the value * 10**`digits`; both None: a text."""

    def __init__(
        self, name: str, unit: str = "", low: "int | None" = None, high: "int | None" = None, digits: int = 0
    ) -> None:
        self.name = name
        self.unit = unit
        self.low = low
        self.high = high
        self.digits = digits

    def body(self) -> "list[object]":
        """[name, unit] or [name, unit, low, high]."""
        bounds: "list[object]" = [] if self.low is None else [self.low, self.high]
        return [self.name, self.unit] + bounds


class Method:
    """Something a person may call, with its parameters."""

    def __init__(self, name: str, parameters: "list[Setting] | tuple[()]" = ()) -> None:
        self.name = name
        self.parameters = list(parameters)

    def body(self) -> "list[object]":
        """[name, parameters...]."""
        whole: "list[object]" = [self.name]
        return whole + [item.name for item in self.parameters]


class Field:
    """A word of a packed reading: the lowest integer that can be said, and in how many bits."""

    def __init__(self, word: int, low: int, bits: int) -> None:
        self.word = word
        self.low = low
        self.bits = bits

    def body(self) -> "list[object]":
        """[word, low, bits]."""
        return [self.word, self.low, self.bits]


class Description(Record):
    """Settings and methods by their position (the numbers commands use), reading schemas by their code."""

    def __init__(
        self,
        settings: "list[Setting] | tuple[()]" = (),
        methods: "list[Method] | tuple[()]" = (),
        schemas: "dict[int, list[Field]] | None" = None,
    ) -> None:
        self.settings = list(settings)
        self.methods = list(methods)
        self.schemas = schemas or {}

    def body(self) -> object:
        schemas = {code: [field.body() for field in fields] for code, fields in self.schemas.items()}
        return [[item.body() for item in self.settings], [item.body() for item in self.methods], schemas]


def read_description(value: object) -> Description:
    """[[settings], [methods], {code: [fields]}] -> Description. Raises RecordError."""
    parts = array(value, 3, 3)
    schemas = parts[2]
    if not isinstance(schemas, dict):
        raise RecordError("schemas are a map")
    return Description(
        [_setting(item) for item in array(parts[0], 0, 32)],
        [_method(item) for item in array(parts[1], 0, 32)],
        {uint(code, "schema", 271): [_field(item) for item in array(schemas[code], 1, 8)] for code in schemas},
    )


def _name(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME:
        raise RecordError("not a name")
    return value


def _setting(value: object) -> Setting:
    parts = array(value, 2, 4)
    if not isinstance(parts[1], str) or len(parts[1]) > MAX_NAME or len(parts) == 3:
        raise RecordError("not a setting")
    if len(parts) == 2:
        return Setting(_name(parts[0]), parts[1])
    return Setting(_name(parts[0]), parts[1], integer(parts[2]), integer(parts[3]))


def _method(value: object) -> Method:
    parts = [_name(part) for part in array(value, 1, 9)]
    return Method(parts[0], [Setting(part) for part in parts[1:]])


def _field(value: object) -> Field:
    parts = array(value, 3, 3)
    return Field(uint(parts[0], "word", 1 << 16), integer(parts[1]), uint(parts[2], "bits", 33))
