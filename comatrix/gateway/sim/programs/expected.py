"""The readings of one node whose program numbers none: each is known again in the room by its values."""

from collections.abc import Mapping
from typing import Any

from comatrix_lora.schema import Schema

from comatrix.codec import vocab
from comatrix.codec.words import scaled
from comatrix.gateway.uplink.typed import decimal_string

DROPPED = "dropped"  # a word that the firmware adds
STRANGE = 0  # no reading has this number
Values = frozenset[tuple[str, str]]  # names and decimal strings, as an event has them


class Expected:
    """`in_room`: word -> the values that came, in order."""

    def __init__(self) -> None:
        self._count = 0
        self._waiting: dict[Values, list[int]] = {}
        self._known: dict[tuple[Any, Any], int] = {}  # (enrolment, seq)
        self.in_room: dict[str, list[str]] = {}

    def measured(self, values: Values) -> int:
        """The number of a reading that was measured now, from 1."""
        self._count += 1
        self._waiting.setdefault(values, []).append(self._count)
        return self._count

    def number_of(self, entry: Mapping[str, Any]) -> int:
        """Of a record in the room: the same again for a record that is there already; STRANGE: never measured so."""
        key = entry.get("enr"), entry.get("seq")
        if key not in self._known:
            named = {one["n"]: one.get("v", one.get("vs")) for one in entry.get("readings", ()) if one["n"] != DROPPED}
            waiting = self._waiting.get(frozenset(named.items()))
            self._known[key] = waiting.pop(0) if waiting else STRANGE
            for word, value in named.items():
                self.in_room.setdefault(word, []).append(value)
        return self._known[key]


def records(readings: Mapping[str, float | None], schemas: Any) -> list[Values]:
    """What the room shows of {word: number}: the records it becomes. `schemas`: of a node on LoRa, else None."""
    values = dict(scaled(word, value) for word, value in readings.items() if value is not None)
    if not values:
        return []
    parts = schemas.split(values) if schemas is not None else []
    return [_shown(_rounded(schemas.by_code[code], part)) for code, part in parts] or [_shown(values)]


def _rounded(schema: Schema, part: dict[int, int]) -> dict[int, Any]:
    """To the steps of its fields."""
    return {one.word: one.value_untrusted(one.code(part[one.word])) for one in schema.fields if one.word in part}


def _shown(values: Mapping[int, int]) -> Values:
    rows = [(vocab.by_number(word), value) for word, value in values.items()]
    return frozenset((row.senml_name, decimal_string(value, row.digits)) for row, value in rows if row is not None)
