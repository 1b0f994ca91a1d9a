"""CBOR told item by item, read by the gateway's own reader; and its values as JSON."""

from dataclasses import dataclass
from typing import Any

from comatrix.codec.cbor import MAX_DEPTH, MAX_ITEMS, Reader
from comatrix.codec.cbor_foreign import MAX_FOREIGN_ITEMS, ForeignReader
from comatrix.errors import CborError

INDENT = "  "


@dataclass(slots=True)
class Item:
    """One item as it stands in the bytes: `start` to `end`, `level` containers deep; `value` None until read."""

    start: int
    level: int
    head: int
    end: int | None = None
    value: object = None


class _Notes:
    """Mixed into a reader: notes every item it reads, in the order of the bytes."""

    data: bytes
    at: int

    def __init__(self, data: bytes, max_items: int) -> None:
        super().__init__(data, max_items)  # type: ignore[call-arg]
        self.items: list[Item] = []
        self._level = 0

    def item(self, depth: int) -> object:
        noted = Item(self.at, self._level, self.data[self.at] if self.at < len(self.data) else -1)
        self.items.append(noted)
        self._level += 1
        value: object = super().item(depth)  # type: ignore[misc]
        self._level -= 1
        noted.end, noted.value = self.at, value
        return value


class _StrictNotes(_Notes, Reader):
    pass


class _ForeignNotes(_Notes, ForeignReader):
    pass


class Explained:
    """`values` of the items, `lines` that explain the bytes, `error` in words where they are not CBOR we accept."""

    def __init__(self, data: bytes, *, foreign: bool = False, sequence: bool = False) -> None:
        reader = _ForeignNotes(data, MAX_FOREIGN_ITEMS) if foreign else _StrictNotes(data, MAX_ITEMS)
        self.values: list[object] = []
        self.error = ""
        try:
            if sequence:
                while reader.at < len(data):
                    self.values.append(reader.item(MAX_DEPTH))
            else:
                self.values.append(reader.only_item(MAX_DEPTH))
        except CborError as error:
            self.error = f"{error} (at byte {reader.at})"
        self.lines = _lines(data, reader.items)


def _lines(data: bytes, items: list[Item]) -> list[str]:
    rows = []
    for place, noted in enumerate(items):
        after = items[place + 1].start if place + 1 < len(items) else len(data)
        end = min(after, noted.end if noted.end is not None else after)
        rows.append((noted, data[noted.start : end], _meaning(noted, last=place + 1 == len(items))))
    return [f"{noted.start:>5}  {_hex(raw):<24}  {INDENT * noted.level}{text}" for noted, raw, text in rows]


def _hex(raw: bytes) -> str:
    return raw.hex() if len(raw) <= 12 else f"{raw[:10].hex()}.. ({len(raw)})"


def _meaning(noted: Item, *, last: bool) -> str:
    if noted.end is None:
        return "here it goes wrong" if last else f"{'map' if noted.head >> 5 == 5 else 'array'}, not complete"
    value = noted.value
    if isinstance(value, dict):
        return f"map of {len(value)} pair{'' if len(value) == 1 else 's'}: key, value, ..."
    if isinstance(value, list):
        return f"array of {len(value)}"
    if isinstance(value, bytes):
        return f"byte string of {len(value)}: {diagnostic(value)}"
    if isinstance(value, str):
        return f"text of {len(value.encode())} bytes: {diagnostic(value)}"
    kind = {"NoneType": "", "bool": "", "int": "integer ", "float": "float "}[type(value).__name__]
    return kind + diagnostic(value)


def diagnostic(value: object) -> str:
    """A value in diagnostic notation (RFC 8949 section 8), printable ASCII only."""
    if isinstance(value, bytes):
        return f"h'{value.hex()}'"
    if isinstance(value, str):
        return ascii_text(value)
    if isinstance(value, list):
        return f"[{', '.join(diagnostic(part) for part in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{diagnostic(key)}: {diagnostic(part)}" for key, part in value.items()) + "}"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def ascii_text(text: str) -> str:
    """`text` in quotes; nothing in it can move the cursor or reorder the line."""
    import json

    return json.dumps(text)


def json_value(value: object) -> Any:
    """A decoded value as JSON takes it: bytes as "h'..'", map keys as texts (numbers and bytes in their notation)."""
    if isinstance(value, bytes):
        return diagnostic(value)
    if isinstance(value, list):
        return [json_value(part) for part in value]
    if isinstance(value, dict):
        return _json_map(value)
    return value


def _json_map(value: dict[Any, object]) -> dict[str, Any]:
    """Keys of different types that read alike ({1: a, "1": b}): the one that is no text is marked."""
    found: dict[str, Any] = {key: json_value(part) for key, part in value.items() if isinstance(key, str)}
    for key, part in value.items():
        if not isinstance(key, str):
            word = diagnostic(key)
            while word in found:
                word += "'"
            found[word] = json_value(part)
    return found
