"""The rooms nodes post to: reached, allowed, unencrypted, and who else can read there."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from comatrix.gateway.admin.doctor.account import Account
from comatrix.gateway.admin.doctor.lines import AGAIN, OK, WARNING, WRONG, Finding, Line, Lines, Outcome, outcome
from comatrix.gateway.admin.doctor.surroundings import Surroundings
from comatrix.gateway.admin.rooms import named
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.store.checkup import Contents
from comatrix.gateway.model import HomeserverAnswer, Room
from comatrix.gateway.uplink import node_state, power

MESSAGE = "m.room.message"
NODE_STATE = node_state.EVENT_TYPE
TYPES = ("create", "power_levels", "join_rules", "history_visibility", "encryption", "tombstone")
MOVE = "comatrix node move NODE --room {room!r}"

LINES = Lines(
    {
        "rooms.ok": Line(OK, "{room}: joined"),
        "rooms.none": Line(WARNING, "there are none yet", "comatrix room create garden --invite @you:example.org"),
        "rooms.out": Line(
            WRONG, "{room}: {user} is not in it ({why}); what its nodes say waits", "invite {user} to {room}"
        ),
        "rooms.alias": Line(WARNING, "{room} points to {other} now; its nodes still post to {room_id}", MOVE),
        "rooms.aliasless": Line(
            WARNING, "{room} points nowhere now; its nodes still post to {room_id}", "comatrix room list"
        ),
        "rooms.replaced": Line(
            WRONG, "{room} was closed in favour of {other}", "comatrix node move NODE --room {other!r}"
        ),
        "rooms.unanswered": Line(WRONG, "{room}: the homeserver did not answer about it ({why})", AGAIN),
        "permissions.ok": Line(OK, "{room}: may post"),
        "permissions.send": Line(
            WRONG,
            "{room}: posting needs power {needed}, and {user} has {power}",
            "give {user} power {needed} in {room}",
        ),
        "permissions.state": Line(
            OK,
            "{room}: programs find no state of its nodes there; to change that add "
            '"eu.comatrix.node": {power} to `events` in its power levels',
        ),
        "encryption.ok": Line(OK, "{room}: not encrypted"),
        "encryption.on": Line(
            WRONG,
            "{room} is encrypted: what nodes say would stand there in plain, so nothing is ever posted to it",
            "comatrix room create NAME --invite @you:example.org",
        ),
        "openness.ok": Line(OK, "{room}: only who is invited, on this homeserver alone"),
        "openness.public": Line(
            WARNING, "{room}: anyone may join and read what nodes say", "set its access to invited people only"
        ),
        "openness.history": Line(
            WARNING, "{room}: anyone may read it without joining", "set its history to members only"
        ),
        "openness.federated": Line(
            WARNING,
            "{room}: people of other homeservers can be invited, and their servers keep copies for ever",
            "comatrix room create NAME --no-federate",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A room we are in, as the homeserver tells it. `state`: content by type without "m.room."."""

    room: Room
    user: str
    power: int
    state: Mapping[str, Mapping[str, Any]]


async def rooms(given: Surroundings, settings: Settings, kept: Account, token: bool, contents: Contents) -> Outcome:
    """Its fact: what was seen of each room we are in."""
    bound = _bound(contents)
    async with kept.client(settings) as client:
        admin, said = await _admin_room(client, settings.gateway.admin_room)
        looks = await asyncio.gather(*(_look(client, room) for room in [*bound, *admin]))
    said += [] if bound else [LINES.say("rooms.none")]
    said += [finding for findings, _ in looks for finding in findings]
    return outcome(*said, fact=tuple(seen for _, seen in looks if seen is not None))


def _bound(contents: Contents) -> list[Room]:
    """Rooms that nodes post to, or that still have something to be posted."""
    wanted = {node.room for node in contents.nodes} | set(contents.bound.values())
    wanted |= {part.room for part in contents.waiting} | {row.room for row in contents.open}
    return [room for room in contents.rooms if room.id in wanted]


async def _admin_room(client: MatrixClient, name: str) -> tuple[list[Room], list[Finding]]:
    """[gateway] admin_room is known by what a person wrote."""
    if not name.startswith("#"):
        return [Room(0, name)] if name else [], []
    answer = await client.resolve_alias(name)
    room_id = (answer.body or {}).get("room_id")
    if answer.ok and isinstance(room_id, str):
        return [Room(0, room_id, name)], []
    return [], [LINES.say("rooms.out", room=name, user=client.user_id, why=_why(answer))]


async def _look(client: MatrixClient, room: Room) -> tuple[list[Finding], Seen | None]:
    """Everything is asked at once: a slow homeserver is as slow for one question as for ten."""
    name, user, room_id = named(room), client.user_id, room.room_id
    own, first, alias, *answers = await asyncio.gather(
        client.state_event(room_id, "m.room.member", user),
        client.messages(room_id, direction="f", limit=1, event_filter={"types": ["m.room.create"]}),
        client.resolve_alias(room.alias) if room.alias else _no_alias(room),
        *(client.state_event(room_id, f"m.room.{kind}") for kind in TYPES),
    )
    membership = (own.body or {}).get("membership") if own.ok else None
    if membership != "join" and (own.ok or own.status in (403, 404)):
        why = str(membership) if own.ok else _why(own)
        return [LINES.say("rooms.out", room=name, user=user, why=why)], None
    for answer in (own, alias, *answers):
        if not answer.ok and answer.status != 404:
            return [LINES.say("rooms.unanswered", room=name, why=_why(answer))], None
    state = {kind: answer.body or {} for kind, answer in zip(TYPES, answers, strict=True) if answer.ok}
    seen = Seen(room, user, _power(user, first, state), state)
    return _addressed(seen, alias) or [LINES.say("rooms.ok", room=name)], seen


async def _no_alias(room: Room) -> HomeserverAnswer:
    return HomeserverAnswer(200, {"room_id": room.room_id})


def _power(user: str, first: HomeserverAnswer, state: Mapping[str, Mapping[str, Any]]) -> int:
    """`first`: the room's first event. Its state tells the content of m.room.create, not who sent it."""
    create = state.get("create", {})
    more = create.get("additional_creators")
    creators = {one for one in more if isinstance(one, str)} if isinstance(more, list) else set()
    chunk = (first.body or {}).get("chunk")
    if isinstance(chunk, list) and chunk and isinstance(chunk[0], dict):
        creators.add(str(chunk[0].get("sender")))
    version = str(create.get("room_version", "1"))
    return power.level_of(user, state.get("power_levels", {}), frozenset(creators), version)


def _addressed(seen: Seen, alias: HomeserverAnswer) -> list[Finding]:
    """Closed for another, or its alias leads elsewhere."""
    name, room_id, other = named(seen.room), seen.room.room_id, (alias.body or {}).get("room_id")
    said = []
    if "tombstone" in seen.state:
        said.append(LINES.say("rooms.replaced", room=name, other=seen.state["tombstone"].get("replacement_room")))
    if not alias.ok:
        said.append(LINES.say("rooms.aliasless", room=name, room_id=room_id))
    elif other != room_id:
        said.append(LINES.say("rooms.alias", room=name, room_id=room_id, other=other))
    return said


async def permissions(given: Surroundings, seen: Iterable[Seen]) -> Outcome:
    """Whether posting is allowed; what a room forbids is no fault of the token."""
    said = [finding for one in seen for finding in (_permission(one), *_state_permission(one))]
    return Outcome(tuple(said))


def _permission(seen: Seen) -> Finding:
    needed = power.needed_to_send(seen.state.get("power_levels", {}), MESSAGE)
    code = "permissions.send" if seen.power < needed else "permissions.ok"
    return LINES.say(code, room=named(seen.room), user=seen.user, needed=needed, power=seen.power)


def _state_permission(seen: Seen) -> list[Finding]:
    """Nothing is wrong without: only who wants it needs to know."""
    needed = power.needed_to_set(seen.state.get("power_levels", {}), NODE_STATE)
    if seen.power >= needed or not seen.room.id or "encryption" in seen.state:
        return []
    return [LINES.say("permissions.state", room=named(seen.room), power=seen.power)]


async def encryption(given: Surroundings, contents: Contents, seen: Iterable[Seen] | None) -> Outcome:
    """Seen once by the gateway is for ever, also while the homeserver cannot be asked."""
    asked = {one.room.room_id: "encryption" in one.state for one in seen or ()}
    known = {room.room_id: room.encrypted for room in _bound(contents)}
    called = {room.room_id: named(room) for room in [*_bound(contents), *(one.room for one in seen or ())]}
    on = [room_id for room_id in called if asked.get(room_id) or known.get(room_id)]
    said = [LINES.say("encryption.on", room=called[room_id]) for room_id in on]
    said += [LINES.say("encryption.ok", room=called[room_id]) for room_id in asked if room_id not in on]
    return Outcome(tuple(said))


async def openness(given: Surroundings, seen: Iterable[Seen]) -> Outcome:
    """Who else can read what nodes say."""
    return Outcome(tuple(finding for one in seen for finding in _open(one)))


def _open(seen: Seen) -> list[Finding]:
    name = named(seen.room)
    codes = []
    if seen.state.get("join_rules", {}).get("join_rule") == "public":
        codes.append("openness.public")
    if seen.state.get("history_visibility", {}).get("history_visibility") == "world_readable":
        codes.append("openness.history")
    if seen.state.get("create", {}).get("m.federate", True) is not False:
        codes.append("openness.federated")
    return [LINES.say(code, room=name) for code in codes or ["openness.ok"]]


def _why(answer: HomeserverAnswer) -> str:
    return f"{answer.errcode}, {answer.error}".rstrip(".") if answer.errcode else answer.error
