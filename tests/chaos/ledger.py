"""What a run remembers: what nodes measured, what was acknowledged, what stands in the rooms."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

TELEMETRY = "eu.comatrix.telemetry"
Key = tuple[int, int, int]  # node, enrolment, seq: the name of a record
Values = tuple[str, ...]  # what its readings say, as decimal strings


@dataclass(frozen=True, slots=True)
class Shown:
    """One record as an event of a room names it. `event` grows along each room."""

    key: Key
    values: Values
    late: bool
    event: int
    txn: str


@dataclass(slots=True)
class Ledger:
    """The nodes' side. `measured` holds every record ever sent, `acknowledged` those with an authenticated 2.04."""

    measured: dict[Key, Values] = field(default_factory=dict)
    acknowledged: set[Key] = field(default_factory=set)
    fresh: list[Key] = field(default_factory=list)  # acknowledged since somebody last took them
    refused: list[str] = field(default_factory=list)  # authenticated refusals: nothing here earns one

    def acknowledge(self, key: Key) -> None:
        """An authenticated 2.04 came for this record."""
        self.acknowledged.add(key)
        self.fresh.append(key)

    def take_fresh(self) -> list[Key]:
        """What was acknowledged since the last call."""
        fresh, self.fresh = self.fresh, []
        return fresh


@dataclass(slots=True)
class Rooms:
    """The homeserver's side, read event by event."""

    shown: list[Shown] = field(default_factory=list)
    events: int = 0
    senders: set[str] = field(default_factory=set)

    def take(self, sender: str, content: Mapping[str, Any]) -> None:
        """One event, in the order of its room. Those without readings are somebody else's, or answer a command."""
        if TELEMETRY in content:
            self.events += 1
            self.senders.add(sender)
            self.shown.extend(records_of(content, self.events))

    @property
    def late(self) -> int:
        """Records marked late."""
        return sum(one.late for one in self.shown)


def records_of(content: Mapping[str, Any], event: int = 0) -> Iterator[Shown]:
    """The records an event's content names."""
    for one in content.get(TELEMETRY, {}).get("records", []):
        values = tuple(reading["v"] for reading in one.get("readings", []))
        key = int(one["id"]), int(one["enr"]), int(one["seq"])
        yield Shown(key, values, one.get("late", False), event, content.get("eu.comatrix.id", ""))


def keys_in(body: bytes) -> set[Key]:
    """The records an event's JSON names; none where it is cut short."""
    try:
        return {one.key for one in records_of(json.loads(body))}
    except ValueError:
        return set()


def some(found: Iterable[Any], most: int = 5) -> str:
    """The first few, for a line."""
    listed = sorted(found)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(str(one) for one in listed[:most]) + more
