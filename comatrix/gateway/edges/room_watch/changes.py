"""What a /sync answer says happened to rooms. Every event is judged by its type and place, never by its time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comatrix.gateway.uplink.json_values import mapping, objects
from comatrix.gateway.uplink.sanitise import clean_name

MAX_ID_CHARS = 255
REASON_ENCRYPTED = "This gateway cannot send to encrypted rooms."


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a room: "encrypted", "joined", "left", "gone" (somebody), "upgraded", "power" or "invited"."""

    kind: str
    room_id: str
    detail: str = ""  # left: membership; upgraded: replacement; invited: inviter, or "" where the room is encrypted
    reason: str = ""  # upgraded: the server of who did it


def changes_untrusted(body: Mapping[str, Any], user_id: str, *, first: bool) -> list[Change]:
    """What a /sync answer says happened; encryption first, since the others may let something be sent. Of the first
    answer only what holds for ever, and invites."""
    return sorted(_changes(body, user_id, first=first), key=lambda change: change.kind != "encrypted")


def _changes(body: Mapping[str, Any], user_id: str, *, first: bool) -> Iterator[Change]:
    rooms = mapping(body.get("rooms"))
    for room_id, part in mapping(rooms.get("join")).items():
        for change in _state_changes(room_id, [*_events(part, "state"), *_events(part, "timeline")], user_id):
            if not first or change.kind in ("encrypted", "upgraded"):
                yield change
    for room_id, part in mapping(rooms.get("leave")).items():
        yield _left(room_id, _events(part, "timeline"), user_id)
    for room_id, part in mapping(rooms.get("invite")).items():
        yield _invited(room_id, _events(part, "invite_state"), user_id)


def _state_changes(room_id: str, events: Sequence[Mapping[str, Any]], user_id: str) -> Iterator[Change]:
    for event in events:
        content, key = mapping(event.get("content")), event.get("state_key")
        match event.get("type"), key:
            case "m.room.encryption", "":
                yield Change("encrypted", room_id)
            case "m.room.tombstone", "":
                server = _id(event.get("sender"), "@").partition(":")[2]
                yield Change("upgraded", room_id, _id(content.get("replacement_room"), "!"), server)
            case "m.room.power_levels", "":
                yield Change("power", room_id)
            case "m.room.member", member if member == user_id and content.get("membership") == "join":
                yield Change("joined", room_id)
            case "m.room.member", other if other != user_id and content.get("membership") in ("leave", "ban"):
                yield Change("gone", room_id)


def _left(room_id: str, events: Sequence[Mapping[str, Any]], user_id: str) -> Change:
    own = [e for e in events if e.get("type") == "m.room.member" and e.get("state_key") == user_id]
    content = mapping(own[-1].get("content")) if own else {}
    membership = "ban" if content.get("membership") == "ban" else "leave"
    reason = content.get("reason")
    return Change("left", room_id, membership, clean_name(reason) if isinstance(reason, str) and reason else "")


def _invited(room_id: str, events: Sequence[Mapping[str, Any]], user_id: str) -> Change:
    """`detail` is the sender of the own membership: who else stands in invite_state proves nothing."""
    if any(event.get("type") == "m.room.encryption" for event in events):
        return Change("invited", room_id, reason=REASON_ENCRYPTED)
    own = [e for e in events if e.get("type") == "m.room.member" and e.get("state_key") == user_id]
    return Change("invited", room_id, _id(own[-1].get("sender"), "@") if own else "")


def _events(part: object, name: str) -> list[dict[str, Any]]:
    return objects(mapping(mapping(part).get(name)).get("events"))


def _id(value: object, sigil: str) -> str:
    """A user's or room's id, fit for a line to the operator; "" for what is none."""
    fits = isinstance(value, str) and value.startswith(sigil) and len(value) <= MAX_ID_CHARS and value.isprintable()
    return str(value) if fits else ""
