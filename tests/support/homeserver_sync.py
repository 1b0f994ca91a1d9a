"""What /sync of the in-memory homeserver says: rooms joined, left and invited to since a position."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from tests.support.homeserver_room import Event, Room

INVITE_STATE = ("m.room.create", "m.room.name", "m.room.encryption", "m.room.join_rules")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who syncs, from which position (None: an initial sync), through which filter."""

    user: str
    device: str
    since: int | None
    sync_filter: dict[str, Any]

    def wants(self, part: str, event: Event) -> bool:
        """Does the filter let it into `timeline` or `state`?"""
        types = self.sync_filter.get("room", {}).get(part, {}).get("types")
        return types is None or event.type in types

    @property
    def limit(self) -> int:
        """Events of a timeline, at most."""
        return int(self.sync_filter.get("room", {}).get("timeline", {}).get("limit", 10))


def rooms_section(viewer: Viewer, rooms: Iterable[Room]) -> dict[str, Any]:
    """`rooms` of the answer; empty sections where nothing happened."""
    found: dict[str, Any] = {"join": {}, "leave": {}, "invite": {}}
    for room in rooms:
        membership = room.membership(viewer.user)
        if membership == "join" and (part := _joined(viewer, room)) is not None:
            found["join"][room.room_id] = part
        elif membership == "invite" and _own_member(viewer, room).position > (viewer.since or 0):
            found["invite"][room.room_id] = {"invite_state": {"events": _invite_state(viewer, room)}}
        elif membership in ("leave", "ban") and viewer.since is not None and _left_since(viewer, room):
            found["leave"][room.room_id] = _timeline(viewer, room, _until_own_leave(viewer, room))
    return {name: part for name, part in found.items() if part}


def _joined(viewer: Viewer, room: Room) -> dict[str, Any] | None:
    came = _own_member(viewer, room).position > (viewer.since or 0)
    if came:
        viewer = replace(viewer, since=0)  # a room newly joined is told with its whole state
    news = [event for event in room.events if event.position > (viewer.since or 0)]
    if not news:
        return None
    part = _timeline(viewer, room, news)
    part["timeline"]["limited"] |= came
    return part


def _timeline(viewer: Viewer, room: Room, news: list[Event]) -> dict[str, Any]:
    wanted = [event for event in news if viewer.wants("timeline", event)]
    shown = wanted[-viewer.limit :]
    before = shown[0].position if shown else 1 << 60
    shown_ids = {event.event_id for event in shown}
    state = [
        event
        for event in room.state.values()
        if event.event_id not in shown_ids
        and (viewer.since or 0) < event.position < before
        and viewer.wants("state", event)
    ]
    return {
        "timeline": {
            "events": [event.seen_by(viewer.user, viewer.device) for event in shown],
            "limited": len(wanted) > len(shown),
            "prev_batch": f"s{before - 1 if shown else news[-1].position}",
        },
        "state": {"events": [event.seen_by(viewer.user, viewer.device) for event in state]},
    }


def _own_member(viewer: Viewer, room: Room) -> Event:
    return room.state["m.room.member", viewer.user]


def _left_since(viewer: Viewer, room: Room) -> bool:
    member = room.state.get(("m.room.member", viewer.user))
    return member is not None and member.position > (viewer.since or 0)


def _until_own_leave(viewer: Viewer, room: Room) -> list[Event]:
    last = _own_member(viewer, room).position
    return [event for event in room.events if (viewer.since or 0) < event.position <= last]


def _invite_state(viewer: Viewer, room: Room) -> list[dict[str, Any]]:
    own = _own_member(viewer, room)
    inviter = room.state.get(("m.room.member", own.sender))
    state = [room.state[kind, ""] for kind in INVITE_STATE if (kind, "") in room.state]
    return [event.stripped() for event in [*state, *([inviter] if inviter else []), own]]
