"""What happened in the rooms, from every intake in one shape: the body of a /sync answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from comatrix.gateway.uplink.json_values import array, mapping, objects

Event = Mapping[str, Any]
Body = dict[str, Any]

MESSAGES = ("m.room.message", "m.room.encrypted", "m.room.redaction")
STATE = (
    "m.room.create",
    "m.room.power_levels",
    "m.room.encryption",
    "m.room.tombstone",
)
TYPES = (*MESSAGES, *STATE, "m.room.member")


def fit_untrusted(events: object) -> list[Event]:
    """Those of `events` that are room events of our types, with their ids; the rest is nobody's business here."""
    return [event for event in objects(events) if _is_event(event)]


def _is_event(event: Event) -> bool:
    if event.get("type") not in TYPES or not isinstance(event.get("content"), dict):
        return False
    return isinstance(event.get("state_key", ""), str) and all(
        _is_id(event.get(key)) for key in ("event_id", "room_id", "sender")
    )


def _is_id(value: object) -> bool:
    """Printable: a lone surrogate fits neither the database nor a log."""
    return isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable()


def pushed_body(events: Sequence[Event], bot: str) -> Body:
    """Pushed events in order -> what /sync would have told `bot` of them."""
    rooms: Body = {"join": {}, "invite": {}, "leave": {}}
    for event in events:
        own = event["type"] == "m.room.member" and event.get("state_key") == bot
        membership = event["content"].get("membership") if own else "join"
        room_id = event["room_id"]
        if membership == "invite":
            rooms["invite"][room_id] = {"invite_state": {"events": [*_shown(event), event]}}
        elif membership in ("leave", "ban"):
            rooms["leave"][room_id] = {"timeline": {"events": [event]}}
            rooms["invite"].pop(room_id, None)
        else:
            rooms["join"].setdefault(room_id, {"timeline": {"events": []}})["timeline"]["events"].append(event)
            if own:
                rooms["invite"].pop(room_id, None)
                rooms["leave"].pop(room_id, None)
    return {"rooms": rooms}


def service_body_untrusted(body: Mapping[str, Any], bot: str) -> Body:
    """What the service user's /sync told, as the bot's would have: the bot's own kick stands in a timeline there."""
    rooms: Body = {"join": {}, "invite": {}, "leave": {}}
    for room_id, part in mapping(mapping(body.get("rooms")).get("join")).items():
        timeline = array(mapping(mapping(part).get("timeline")).get("events"))
        rooms["join"][room_id] = part
        own = [event for event in timeline if _is_member(event, bot)]
        if own and own[-1]["content"].get("membership") in ("leave", "ban"):
            rooms["leave"][room_id] = {"timeline": {"events": [own[-1]]}}
    return {**body, "rooms": rooms}


def since_join_untrusted(body: Mapping[str, Any], user_id: str) -> Body:
    """Without what was said in a room before `user_id` joined it: an old command is no command. State stays."""
    rooms = dict(mapping(body.get("rooms")))
    rooms["join"] = {room_id: _since_join(part, user_id) for room_id, part in mapping(rooms.get("join")).items()}
    return {**body, "rooms": rooms}


def _since_join(part: object, user_id: str) -> Body:
    shown = dict(mapping(part))
    timeline = dict(mapping(shown.get("timeline")))
    events = objects(timeline.get("events"))
    joins = [place for place, event in enumerate(events) if _came_in(event, user_id)]
    if joins:
        before, after = events[: joins[-1]], events[joins[-1] :]
        timeline["events"] = [event for event in before if "state_key" in event] + after
        timeline["limited"] = False  # what was left out is older still
        shown["timeline"] = timeline
    return shown


def page_since_join_untrusted(body: Mapping[str, Any], user_id: str) -> Body:
    """The same of a page of /messages, newest first: with the join it is the last one."""
    events = objects(body.get("chunk"))
    joins = [place for place, event in enumerate(events) if _came_in(event, user_id)]
    if not joins:
        return {**body, "chunk": events}
    return {**{key: value for key, value in body.items() if key != "end"}, "chunk": events[: joins[0] + 1]}


def _came_in(event: Event, user_id: str) -> bool:
    """Joined now; a new name or picture while in the room is a join event as well."""
    if not _is_member(event, user_id) or event["content"].get("membership") != "join":
        return False
    unsigned = mapping(event.get("unsigned"))
    previous = mapping(unsigned.get("prev_content") or event.get("prev_content"))
    return previous.get("membership") != "join"


def _is_member(event: object, user_id: str) -> bool:
    if not isinstance(event, dict) or event.get("type") != "m.room.member" or event.get("state_key") != user_id:
        return False
    return isinstance(event.get("content"), dict)


def _shown(invite: Event) -> list[Any]:
    """The state that an invite shows of its room."""
    return array(mapping(invite.get("unsigned")).get("invite_room_state"))
