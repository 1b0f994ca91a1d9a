"""Rooms of the in-memory homeserver: events, state, who may do what. Room versions 10, 11 and 12."""

from dataclasses import dataclass, field, replace
from typing import Any

Content = dict[str, Any]
StateKey = tuple[str, str]


class Refusal(Exception):  # noqa: N818 - the answer it becomes
    """The homeserver's answer when it does not do what it was asked."""

    def __init__(self, status: int, errcode: str, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"errcode": errcode, "error": error, **extra}


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `position` orders the events of all rooms. `txn`: (user, device, transaction id)."""

    position: int
    room_id: str
    event_id: str
    sender: str
    type: str
    content: Content
    state_key: str | None
    ts_ms: int
    txn: tuple[str, str, str] | None = None

    @classmethod
    def of(cls, parts: list[Any]) -> "Event":
        """From its fields as they stand in a journal."""
        return cls(*parts[:-1], txn=parts[-1] and tuple(parts[-1]))  # type: ignore[misc]

    def seen_by(self, user: str, device: str) -> Content:
        """As a client gets it: the transaction id is shown to the device that sent it, to no other."""
        form: Content = {
            "type": self.type,
            "room_id": self.room_id,
            "event_id": self.event_id,
            "sender": self.sender,
            "origin_server_ts": self.ts_ms,
            "content": self.content,
        }
        if self.state_key is not None:
            form["state_key"] = self.state_key
        if self.type == "m.room.redaction":
            form["redacts"] = self.content["redacts"]  # in both places, whatever the room version
        if self.txn is not None and self.txn[:2] == (user, device):
            form["unsigned"] = {"transaction_id": self.txn[2]}
        return form

    def stripped(self) -> Content:
        """As it stands in an invite."""
        return {
            "type": self.type,
            "sender": self.sender,
            "state_key": self.state_key or "",
            "content": self.content,
        }


@dataclass(slots=True)
class Room:
    """One room: its events in order, and its state now."""

    room_id: str
    version: str
    creator: str
    events: list[Event] = field(default_factory=list)
    state: dict[StateKey, Event] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Append, and move the state."""
        self.events.append(event)
        if event.type == "m.room.redaction":
            redacted = event.content["redacts"]
            self.events = [replace(e, content={}) if e.event_id == redacted else e for e in self.events]
        if event.state_key is not None:
            self.state[event.type, event.state_key] = event

    def content(self, event_type: str, state_key: str = "") -> Content:
        """The content of a state event; {} without one."""
        event = self.state.get((event_type, state_key))
        return event.content if event is not None else {}

    def membership(self, user: str) -> str:
        """join, invite, leave or ban."""
        return str(self.content("m.room.member", user).get("membership", "leave"))

    def joined(self) -> list[str]:
        """Who is in it."""
        members = [(key, event.content) for (kind, key), event in self.state.items() if kind == "m.room.member"]
        return [user for user, content in members if content.get("membership") == "join"]

    def power(self, user: str) -> int:
        """The power level of a user; from version 12 on the creator's has no end."""
        if int(self.version) >= 12 and user == self.creator:
            return 1 << 60
        levels = self.content("m.room.power_levels")
        if not levels:
            return 100 if user == self.creator else 0
        return int(levels.get("users", {}).get(user, levels.get("users_default", 0)))

    def require_joined(self, user: str) -> None:
        """Raises Refusal 403."""
        if self.membership(user) != "join":
            raise Refusal(403, "M_FORBIDDEN", f"User {user} not in room {self.room_id}")

    def require_power(self, user: str, needed: int, what: str) -> None:
        """Raises Refusal 403."""
        if self.power(user) < needed:
            raise Refusal(403, "M_FORBIDDEN", f"{what} needs power {needed}")

    def level(self, name: str, default: int) -> int:
        """A level such as `invite` of m.room.power_levels."""
        return int(self.content("m.room.power_levels").get(name, default))

    def level_to_send(self, event_type: str, is_state: bool) -> int:
        """The power an event of this type needs."""
        events = self.content("m.room.power_levels").get("events", {})
        fallback = self.level("state_default", 50) if is_state else self.level("events_default", 0)
        return int(events.get(event_type, fallback))


def check_content(content: Any, where: str = "") -> None:
    """Raises Refusal for what canonical JSON cannot hold (floats, large integers) and for a lone surrogate."""
    if isinstance(content, bool) or content is None:
        return
    if isinstance(content, float) or (isinstance(content, int) and abs(content) >= 1 << 53):
        raise Refusal(400, "M_BAD_JSON", f"Bad JSON value at {where}")
    if isinstance(content, str) and any(0xD800 <= ord(c) < 0xE000 for c in content):
        raise Refusal(500, "M_UNKNOWN", "Internal server error")
    if isinstance(content, dict):
        for key, value in content.items():
            check_content(value, f"{where}.{key}")
    if isinstance(content, list):
        for value in content:
            check_content(value, where)


DEFAULT_LEVELS: Content = {
    "users_default": 0,
    "events_default": 0,
    "state_default": 50,
    "invite": 0,
    "kick": 50,
    "ban": 50,
    "redact": 50,
    "events": {
        "m.room.name": 50,
        "m.room.power_levels": 100,
        "m.room.encryption": 100,
        "m.room.history_visibility": 100,
        "m.room.tombstone": 100,
        "m.room.server_acl": 100,
    },
}
