"""What people said in the rooms and took back, out of the events of a /sync answer (Matrix specification v1.11)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from comatrix.gateway.uplink.json_values import array, mapping, objects
from comatrix.gateway.uplink.sanitise import LONE_SURROGATE

MAX_TEXT_BYTES = 4_096  # of a command; a longer message is heard only to be refused
MAX_ID_BYTES = 255
MAX_MENTIONS = 1_000  # looked at: an event holds no more than some thousands


@dataclass(frozen=True, slots=True)
class Said:
    """A text somebody typed. `thread`: the event its thread began with. `too_long`: `text` is only its beginning."""

    room_id: str
    event_id: str
    sender: str
    text: str
    origin_ms: int  # when, by the sender's homeserver; 0 where it does not say
    edited: bool = False
    thread: str | None = None
    reply_to: str | None = None
    mentions_us: bool = False
    too_long: bool = False


@dataclass(frozen=True, slots=True)
class Redacted:
    """`sender` took the event `redacts` back, by the event `event_id`."""

    room_id: str
    event_id: str
    redacts: str
    sender: str


@dataclass(frozen=True, slots=True)
class Missed:
    """More was said in a room than can be read after an absence, or it cannot be read: none of it was heard.

    `count_at_least`: messages of people that were seen and are not told."""

    room_id: str
    count_at_least: int


News = Said | Redacted | Missed


def heard_untrusted(body: Mapping[str, Any], own: Callable[[str], bool]) -> list[Said | Redacted]:
    """What a /sync answer says people said, each room's in its order. `own`: whose messages are never heard."""
    rooms = mapping(mapping(body.get("rooms")).get("join"))
    return [one for room_id, part in rooms.items() for one in _of_room(room_id, part, own)]


def events_untrusted(room_id: str, events: object, own: Callable[[str], bool]) -> list[Said | Redacted]:
    """The same of one room's events."""
    return list(_heard(room_id, objects(events), own)) if is_id(room_id, "!") else []


def _of_room(room_id: str, part: object, own: Callable[[str], bool]) -> list[Said | Redacted]:
    return events_untrusted(room_id, mapping(mapping(part).get("timeline")).get("events"), own)


def _heard(room_id: str, events: Sequence[Mapping[str, Any]], own: Callable[[str], bool]) -> Iterator[Said | Redacted]:
    for event in events:
        event_id, sender = event.get("event_id"), event.get("sender")
        if "state_key" in event or not is_id(event_id, "$") or not is_id(sender, "@") or own(sender):
            continue
        if event.get("type") == "m.room.message":
            found: Said | Redacted | None = _said(room_id, event, own)
        else:
            found = _redacted(room_id, event)
        if found is not None:
            yield found


def _said(room_id: str, event: Mapping[str, Any], own: Callable[[str], bool]) -> Said | None:
    """None for what is no text: a notice, an emote, a picture, or taken back already."""
    content = mapping(event.get("content"))
    edited = mapping(content.get("m.relates_to")).get("rel_type") == "m.replace"
    shown = mapping(content.get("m.new_content")) if edited else content
    body = shown.get("body", content.get("body"))
    if content.get("msgtype") != "m.text" or not isinstance(body, str):
        return None
    relation = mapping(shown.get("m.relates_to"))
    text, too_long = _clipped(_without_quote(body, relation))
    return Said(
        room_id,
        event["event_id"],
        event["sender"],
        text,
        _when(event.get("origin_server_ts")),
        edited,
        _thread(relation),
        _reply_to(relation),
        any(own(user) for user in _mentioned(shown)),
        too_long,
    )


def _redacted(room_id: str, event: Mapping[str, Any]) -> Redacted | None:
    """The target stands beside the content before room version 11, inside it from then on; homeservers show both."""
    if event.get("type") != "m.room.redaction":
        return None
    redacts = event["redacts"] if "redacts" in event else mapping(event.get("content")).get("redacts")
    return Redacted(room_id, event["event_id"], redacts, event["sender"]) if is_id(redacts, "$") else None


def _without_quote(body: str, relation: Mapping[str, Any]) -> str:
    """Without what a reply repeats of the message it answers: the leading "> " lines and the empty one after them."""
    if "m.in_reply_to" not in relation:
        return body
    lines = body.split("\n")
    quoted = 0
    while quoted < len(lines) and (lines[quoted].startswith("> ") or lines[quoted] == ">"):
        quoted += 1
    if quoted and quoted < len(lines) and not lines[quoted].strip():
        quoted += 1
    return "\n".join(lines[quoted:])


def _clipped(body: str) -> tuple[str, bool]:
    """-> (the text, or as much of it as a command may have; whether it is longer)."""
    text = LONE_SURROGATE.sub("\ufffd", body.replace("\0", "\ufffd"))
    data = text.encode()
    if len(data) <= MAX_TEXT_BYTES:
        return text, False
    return data[:MAX_TEXT_BYTES].decode("utf-8", "ignore"), True


def _thread(relation: Mapping[str, Any]) -> str | None:
    root = relation.get("event_id")
    return root if relation.get("rel_type") == "m.thread" and is_id(root, "$") else None


def _reply_to(relation: Mapping[str, Any]) -> str | None:
    """None also for what only stands behind the last message of its thread."""
    event_id = mapping(relation.get("m.in_reply_to")).get("event_id")
    falls_back = relation.get("rel_type") == "m.thread" and relation.get("is_falling_back") is True
    return event_id if is_id(event_id, "$") and not falls_back else None


def _mentioned(content: Mapping[str, Any]) -> list[str]:
    users = array(mapping(content.get("m.mentions")).get("user_ids"))
    return [user for user in users[:MAX_MENTIONS] if is_id(user, "@")]


def _when(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else 0


def is_id(value: object, sigil: str) -> TypeGuard[str]:
    """Whether it can be a Matrix id: printable, so that it fits the database and a log."""
    if not isinstance(value, str) or not value.startswith(sigil) or not value.isprintable():
        return False
    return 1 < len(value) <= MAX_ID_BYTES and len(value.encode()) <= MAX_ID_BYTES
