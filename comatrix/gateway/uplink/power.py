"""Who may do what in a room, by its m.room.power_levels (docs/reference/matrix.md, section Reading the room)."""

import re
from collections.abc import Mapping
from typing import Any

INFINITE = 1 << 60
FIRST_VERSION_WITH_INFINITE_CREATORS = 12


def level_of(user: str, levels: Mapping[str, Any], creators: frozenset[str], version: str) -> int:
    """A user's power. `levels`: the content of m.room.power_levels, {} without one; `creators`: the sender of
    m.room.create and, from room version 12 on, its `additional_creators`."""
    if user in creators and has_infinite_creators(version):
        return INFINITE
    if not levels:
        return 100 if user in creators else 0
    users = levels.get("users")
    listed = users.get(user) if isinstance(users, dict) else None
    return _whole(listed, _whole(levels.get("users_default"), 0))


def has_infinite_creators(version: str) -> bool:
    """Of a room version; those that are no number are experiments of before it."""
    return version.isdecimal() and len(version) < 4 and int(version) >= FIRST_VERSION_WITH_INFINITE_CREATORS


def needed_to_send(levels: Mapping[str, Any], event_type: str) -> int:
    """The power an event that is no state needs."""
    events = levels.get("events")
    listed = events.get(event_type) if isinstance(events, dict) else None
    return _whole(listed, _whole(levels.get("events_default"), 0))


def needed_to_set(levels: Mapping[str, Any], event_type: str) -> int:
    """The power a state event needs; `levels` {}: the room has none, and nothing needs any."""
    events = levels.get("events")
    listed = events.get(event_type) if isinstance(events, dict) else None
    return _whole(listed, _whole(levels.get("state_default"), 50 if levels else 0))


def needed_to_invite(levels: Mapping[str, Any]) -> int:
    """The power an invite needs."""
    return _whole(levels.get("invite"), 0)


def _whole(value: object, default: int) -> int:
    """Rooms older than version 10 may hold a level as text."""
    if isinstance(value, bool):
        return default
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,16}\s*", value) else default
