"""Rooms: found once and remembered, or created."""

import re
import shlex
import sqlite3
from collections.abc import Sequence
from typing import Any

from comatrix.gateway.admin import arguments
from comatrix.gateway.admin.collaborators import Args, Collaborators, Homeserver
from comatrix.gateway.admin.homeserver_words import refusal
from comatrix.gateway.config.values import check_line, check_room, check_user
from comatrix.gateway.edges.store import nodes, rooms
from comatrix.gateway.errors import GatewayError, Unreachable, UsageError
from comatrix.gateway.model import HomeserverAnswer, Room

UNENCRYPTED_ROOM = "comatrix room create NAME --invite @you:example.org"


class RoomOperations:
    """room.create, room.list, and `bound` for others."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def create(self, args: Args) -> dict[str, Any]:
        """{name, invite, alias, federate} -> the room and who is invited. `alias` "": none; None: from the name."""
        name = arguments.checked("name", arguments.text(args, "name"), check_line)
        invite = [arguments.checked("invite", user, check_user) for user in arguments.texts(args, "invite")]
        alias = args.get("alias")
        localpart = alias_of(name) if alias is None else "" if alias == "" else arguments.text(args, "alias")
        service = self._given.settings.appservice
        if service.enabled and localpart and not localpart.startswith(service.prefix):
            localpart = service.prefix + localpart  # a service may make aliases only in its own namespace
        homeserver = self._given.homeserver()
        others = [user for user in invite if user != homeserver.user_id]  # who makes a room is in it; M_FORBIDDEN else
        federate = arguments.flag(args, "federate", True)
        if not federate:
            _check_same_server(name, others, homeserver.user_id)
        answer = await homeserver.create_room(name, invite=others, alias_localpart=localpart, federate=federate)
        if not answer.ok:
            raise refusal(answer, f"create the room {name}", _other_name(answer, name))
        room_id = _room_id(answer)
        await _refuse_encrypted(homeserver, room_id, name)
        full = f"#{localpart}:{_server(homeserver.user_id)}" if localpart else None
        room = await self._given.store.run(lambda connection: rooms.add(connection, room_id, full))
        self._given.changed("room", room.id)
        return {**room_json(room, []), "invited": others}

    async def list(self, args: Args) -> list[dict[str, Any]]:
        """{} -> every room with the names of its nodes."""
        return self._given.store.read(_all_rooms)

    async def bound(self, name: str) -> Room:
        """The room `name` (alias or id), joined and not encrypted: the stored one, else asked of the homeserver."""
        arguments.checked("room", name, check_room)
        store = self._given.store
        known = store.read(lambda connection: rooms.by_name(connection, name))
        if known is not None:
            if known.encrypted:
                raise _encrypted(name)
            return known
        homeserver = self._given.homeserver()
        room_id = await _joined(homeserver, name)
        await _refuse_encrypted(homeserver, room_id, name)
        alias = name if name.startswith("#") else None
        room = await store.run(lambda connection: rooms.add(connection, room_id, alias))
        self._given.changed("room", room.id)
        return room


def _check_same_server(name: str, invite: Sequence[str], user_id: str) -> None:
    """Asked beforehand: Synapse refuses such an invite with the room half made, and its alias then stays taken."""
    server = _server(user_id)
    strangers = [user for user in invite if _server(user) != server]
    if strangers:
        raise UsageError(
            f"{', '.join(strangers)} cannot enter a room kept on {server} alone (--no-federate).",
            shlex.join(["comatrix", "room", "create", name, *(word for user in invite for word in ("--invite", user))]),
        )


def _server(user_id: str) -> str:
    return user_id.partition(":")[2]


async def _joined(homeserver: Homeserver, name: str) -> str:
    room_id = name
    if name.startswith("#"):
        found = await homeserver.resolve_alias(name)
        if not found.ok:
            raise refusal(found, f"find the room {name}", "comatrix room list")
        room_id = _room_id(found)
    # By alias: the homeserver then knows which servers are in the room.
    joined = await homeserver.join(name)
    if not joined.ok:
        raise refusal(joined, f"join {name}", f"invite {homeserver.user_id} to {name}, then type the command again")
    return room_id


async def _refuse_encrypted(homeserver: Homeserver, room_id: str, name: str) -> None:
    encrypted = await homeserver.is_encrypted(room_id)
    if encrypted is None:
        raise Unreachable(f"The homeserver did not say whether {name} is encrypted.", "comatrix doctor")
    if encrypted:
        raise _encrypted(name)


def _encrypted(name: str) -> GatewayError:
    return GatewayError(
        f"{name} is encrypted: what nodes say would stand there in plain, so nothing is ever posted to it.",
        UNENCRYPTED_ROOM,
    )


def _room_id(answer: HomeserverAnswer) -> str:
    room_id = (answer.body or {}).get("room_id")
    if not isinstance(room_id, str) or not room_id.startswith("!"):
        raise Unreachable("What answers at [homeserver] url gave no room id.", "comatrix config show")
    return room_id


def _other_name(answer: HomeserverAnswer, name: str) -> str:
    if answer.errcode == "M_ROOM_IN_USE":
        return f"comatrix room create {name!r} --alias OTHER"
    return "comatrix --help"


def alias_of(name: str) -> str:
    """ "My Garden" -> "my-garden"; "" where nothing is left."""
    return re.sub(r"[^a-z0-9._=-]+", "-", name.lower()).strip("-")


def named(room: Room) -> str:
    """What a person calls it."""
    return room.alias or room.room_id


def room_json(room: Room, members: list[str]) -> dict[str, Any]:
    """A room as the command line shows it; `members`: its nodes' names."""
    return {
        "id": room.id,
        "room": named(room),
        "room_id": room.room_id,
        "alias": room.alias,
        "encrypted": room.encrypted,
        "paused": room.paused,
        "nodes": members,
    }


def _all_rooms(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    members: dict[int, list[str]] = {}
    for node in nodes.all_nodes(connection):
        members.setdefault(node.room, []).append(node.name)
    return [room_json(room, members.get(room.id, [])) for room in rooms.all_rooms(connection)]
