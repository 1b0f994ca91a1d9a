"""What a room's state tells programs of its nodes (event `eu.comatrix.node`), and whose turn it is to be told.

State is nothing anybody waits for: a node is looked at every 15 minutes, and told of only if something changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comatrix.gateway.uplink.sanitise import clean_name
from comatrix.gateway.uplink.typed import decimal_string

EVENT_TYPE = "eu.comatrix.node"
VERSION = 1
SPACING_MS = 900_000  # a node's state is sent at most this often, and looked at as often
STALE_MS = 6 * 3_600_000  # that it was heard since is no change until it is news of so much later
BATTERY_STEP_CV = 5  # a reading that sways by less is the same
EMPTY: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a node. None: not yet. `silent`: nothing of it may stand in the room (encrypted, or revoked)."""

    node: int
    room_id: str
    name: str
    last_seen_ms: int | None = None
    battery_cv: int | None = None
    firmware: str | None = None
    interval_s: int | None = None
    settings: tuple[str, ...] = ()
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """What makes a node worth a look at once when it changes."""

    room_id: str
    name: str
    silent: bool


def content(facts: Facts) -> dict[str, Any]:
    """The state event's content: integers and texts only, what is not known left out; {} for a silent one."""
    if facts.silent:
        return EMPTY
    battery = None if facts.battery_cv is None else decimal_string(facts.battery_cv, 2)
    known = {
        "last_seen_ms": facts.last_seen_ms,
        "battery": battery,
        "firmware": None if facts.firmware is None else clean_name(facts.firmware),
        "interval": facts.interval_s,
        "settings": [clean_name(name) for name in facts.settings] or None,
    }
    said = {key: value for key, value in known.items() if value is not None}
    return {"v": VERSION, "name": clean_name(facts.name), **said}


def is_news_untrusted(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether what stands in the room ({}: nothing) is to be replaced. Whoever has the power may have put it there."""
    if not wanted or not there:
        return bool(there) != bool(wanted)
    if _steady(there) != _steady(wanted):
        return True
    heard = _apart(there.get("last_seen_ms"), wanted.get("last_seen_ms"), STALE_MS)
    return heard or _apart(_centi(there.get("battery")), _centi(wanted.get("battery")), BATTERY_STEP_CV)


class Turns:
    """Whose state is looked at next. Times in ms; `know` first, then `next`, then `looked`."""

    def __init__(self) -> None:
        self._marks: dict[int, Mark] = {}
        self._due_ms: dict[int, int] = {}
        self._sent_ms: dict[int, int] = {}

    def know(self, marks: Mapping[int, Mark], now_ms: int) -> None:
        """Every node there is. One whose mark is another is due when 15 minutes since its last event are over, and at
        once if it is silent now."""
        for node, mark in marks.items():
            if self._marks.get(node) != mark:
                sent_ms = None if mark.silent else self._sent_ms.get(node)
                free_ms = now_ms if sent_ms is None else max(now_ms, sent_ms + SPACING_MS)
                self._due_ms[node] = min(self._due_ms.get(node, free_ms), free_ms)
        for node in self._marks.keys() - marks.keys():
            del self._due_ms[node]
            self._sent_ms.pop(node, None)
        self._marks = dict(marks)

    def next(self, now_ms: int, *, silent_only: bool = False) -> int | None:
        """The node that has been due longest; None: none is."""
        due = [
            (due_ms, node)
            for node, due_ms in self._due_ms.items()
            if due_ms <= now_ms and (self._marks[node].silent or not silent_only)
        ]
        return min(due)[1] if due else None

    def looked(self, node: int, now_ms: int, *, sent: bool) -> None:
        """Whatever came of it: its next look is 15 minutes away. `sent`: an event went out, or may have lately."""
        self._due_ms[node] = now_ms + SPACING_MS
        if sent:
            self._sent_ms[node] = now_ms


def _steady(said: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in said.items() if key not in ("last_seen_ms", "battery")}


def _apart(one: object, other: object, least: int) -> bool:
    if isinstance(one, int) and isinstance(other, int):
        return abs(one - other) >= least
    return one != other


def _centi(battery: object) -> object:
    """ "3.98" -> 398; anything else as it is."""
    digits = battery.replace(".", "", 1) if isinstance(battery, str) else ""
    return int(digits) if digits.isdecimal() and len(digits) < 16 else battery
