"""Rooms of the in-memory homeserver's API: making, joining, leaving, state, upgrading."""

import asyncio
import copy
import secrets
import time
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import httpx

from tests.support.homeserver_accounts import Accounts
from tests.support.homeserver_journal import Fact, Journal
from tests.support.homeserver_room import DEFAULT_LEVELS, Content, Event, Refusal, Room, check_content
from tests.support.homeserver_service import Pusher, Service

COPIED = (  # what a new room takes over from the one it replaces
    "m.room.join_rules",
    "m.room.name",
    "m.room.topic",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.encryption",
)


class Rooms(Accounts):
    """What paths about rooms do. A handler gets the request, its JSON body and the path's variable parts."""

    def __init__(
        self, server_name: str, default_room_version: str, clock_s: Callable[[], float], journal: Journal
    ) -> None:
        super().__init__(server_name, default_room_version, clock_s, journal)
        self.rooms: dict[str, Room] = {}
        self._aliases: dict[str, str] = {}
        self.receipts: dict[tuple[str, str], str] = {}  # (room, user) -> the event read last
        self._sent: dict[tuple[str, str, str, str], str] = {}
        self._position = 0
        self._pushed: dict[str, int] = {}  # service -> the last position it took
        self._news = asyncio.Event()
        for fact in journal.read():
            self._learn(fact)

    def _learn(self, fact: Fact) -> None:
        match fact:
            case ["room", room_id, version, creator]:
                self.rooms[room_id] = Room(room_id, version, creator)
            case ["pushed", service, position]:
                self._pushed[service] = position
            case ["alias", alias, room_id]:
                self._aliases[alias] = room_id
            case ["event", *parts]:
                self._take(Event.of(parts))
            case _:
                super()._learn(fact)

    def _take(self, event: Event) -> None:
        self._position = event.position
        self.rooms[event.room_id].add(event)
        if event.txn is not None and event.txn[1]:  # without a device a transaction is remembered in memory only
            self._sent[event.room_id, *event.txn] = event.event_id

    def connect_service(
        self, registration: dict[str, Any], transport: httpx.AsyncBaseTransport | None = None
    ) -> Pusher:
        """A registration file is read. `transport` leads to the service's URL in place of the network.

        What an earlier process of this journal had not pushed is pushed now."""
        service = Service.of(registration, self.server_name)
        pusher = Pusher(service, transport, lambda position: self._keep("pushed", service.id, position))
        self.services[service.as_token] = pusher
        if service.id not in self._pushed:
            self._keep("pushed", service.id, self._position)
        for event in self.events():
            if event.position > self._pushed[service.id] and service.wants(event, self.rooms[event.room_id]):
                pusher.add(event)
        return pusher

    def forget_transactions(self) -> None:
        """As a server does that keeps them in memory, at its restart."""
        self._sent.clear()

    def events(self) -> list[Event]:
        """Every event of every room, oldest first."""
        found = [event for room in self.rooms.values() for event in room.events]
        return sorted(found, key=lambda event: event.position)

    def messages_in(self, room_id: str) -> list[Event]:
        """The room's m.room.message events, oldest first."""
        return [event for event in self.rooms[room_id].events if event.type == "m.room.message"]

    def _room(self, room_id: str, user: str) -> Room:
        room = self.rooms.get(room_id)
        if room is None:
            raise Refusal(403, "M_FORBIDDEN", f"User {user} not in room {room_id}")
        return room

    # Rooms

    async def create_room(self, request: httpx.Request, body: Content, _parts: list[str]) -> Content:
        """POST /createRoom"""
        user = self._caller(request).user
        version = str(body.get("room_version", self._default_room_version))
        if version not in ("10", "11", "12"):
            raise Refusal(400, "M_UNSUPPORTED_ROOM_VERSION", "Unknown room version")
        if user in body.get("invite", []):
            raise Refusal(403, "M_FORBIDDEN", f"{user} is already in the room.")  # as Synapse 1.163 says it
        alias = f"#{body['room_alias_name']}:{self.server_name}" if "room_alias_name" in body else ""
        if alias in self._aliases:
            raise Refusal(400, "M_ROOM_IN_USE", f"Room alias {alias} already taken")
        levels = {**DEFAULT_LEVELS, "users": {} if version == "12" else {user: 100}}
        if version == "12":
            levels["events"] = {**DEFAULT_LEVELS["events"], "m.room.tombstone": 150}
        levels.update(body.get("power_level_content_override", {}))
        if version == "12" and user in levels["users"]:
            raise Refusal(400, "M_INVALID_PARAM", "the creator must not be in power_levels")
        room = self._new_room(user, version, body.get("creation_content", {}))
        self._add(room, user, "m.room.power_levels", levels, "")
        rule = "public" if body.get("preset") == "public_chat" else "invite"
        self._add(room, user, "m.room.join_rules", {"join_rule": rule}, "")
        if "name" in body:
            self._add(room, user, "m.room.name", {"name": body["name"]}, "")
        for state in body.get("initial_state", []):
            self._add(room, user, state["type"], state["content"], state.get("state_key", ""))
        for invited in body.get("invite", []):
            self._add(room, user, "m.room.member", self._shown("invite", invited), invited)
        if alias:
            self._keep("alias", alias, room.room_id)
        return {"room_id": room.room_id}

    def _new_room(self, user: str, version: str, creation: Content) -> Room:
        """A room with its creator in it."""
        if version not in ("10", "11", "12"):
            raise Refusal(400, "M_UNSUPPORTED_ROOM_VERSION", "Unknown room version")
        suffix = "" if version == "12" else f":{self.server_name}"
        room_id = f"!{secrets.token_hex(9)}{suffix}"
        self._keep("room", room_id, version, user)
        room = self.rooms[room_id]
        self._add(room, user, "m.room.create", {**creation, "room_version": version}, "")
        self._add(room, user, "m.room.member", self._shown("join", user), user)
        return room

    async def alias(self, _request: httpx.Request, _body: Content, parts: list[str]) -> Content:
        """GET /directory/room/{alias}"""
        if parts[0] not in self._aliases:
            raise Refusal(404, "M_NOT_FOUND", f"Room alias {parts[0]} not found")
        return {"room_id": self._aliases[parts[0]], "servers": [self.server_name]}

    async def join(self, request: httpx.Request, _body: Content, parts: list[str]) -> Content:
        """POST /join/{room id or alias}"""
        user = self._caller(request).user
        if parts[0].startswith("#") and parts[0] not in self._aliases:
            raise Refusal(404, "M_NOT_FOUND", f"Room alias {parts[0]} not found")
        room_id = self._aliases.get(parts[0], parts[0])
        room = self.rooms.get(room_id)
        if room is None:
            raise Refusal(404, "M_UNKNOWN", "Can't join remote room because no servers are known")
        membership = room.membership(user)
        if membership != "join":
            public = room.content("m.room.join_rules").get("join_rule") == "public"
            if membership == "ban" or (membership != "invite" and not public):
                raise Refusal(403, "M_FORBIDDEN", "You are not invited to this room.")
            self._add(room, user, "m.room.member", self._shown("join", user), user)
        return {"room_id": room_id}

    def _shown(self, membership: str, user: str) -> Content:
        """A membership with the user's name, where it has one."""
        name = self._names.get(user)
        return {"membership": membership} | ({"displayname": name} if name else {})

    async def display_name(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """GET, PUT /profile/{user}/displayname: a new name shows in every room the user is in."""
        answer = await super().display_name(request, body, parts)
        if request.method == "PUT":
            for room in self.rooms.values():
                if parts[0] in room.joined():
                    self._add(room, parts[0], "m.room.member", self._shown("join", parts[0]), parts[0])
        return answer

    async def leave(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """POST /rooms/{room}/leave"""
        user = self._caller(request).user
        room = self._room(parts[0], user)
        if room.membership(user) in ("join", "invite"):
            self._add(room, user, "m.room.member", {**body, "membership": "leave"}, user)
        return {}

    async def invite(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """POST /rooms/{room}/invite"""
        user = self._caller(request).user
        room = self._room(parts[0], user)
        room.require_joined(user)
        room.require_power(user, room.level("invite", 0), "inviting")
        if room.membership(body["user_id"]) in ("join", "ban"):
            raise Refusal(403, "M_FORBIDDEN", f"{body['user_id']} is already in the room.")
        self._add(room, user, "m.room.member", self._shown("invite", body["user_id"]), body["user_id"])
        return {}

    async def kick(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """POST /rooms/{room}/kick"""
        user, target = self._caller(request).user, str(body["user_id"])
        room = self._room(parts[0], user)
        room.require_joined(user)
        room.require_power(user, max(room.level("kick", 50), room.power(target) + 1), "kicking")
        reason = {"reason": body["reason"]} if "reason" in body else {}
        self._add(room, user, "m.room.member", {**reason, "membership": "leave"}, target)
        return {}

    async def ban(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """POST /rooms/{room}/ban"""
        user, target = self._caller(request).user, str(body["user_id"])
        room = self._room(parts[0], user)
        room.require_joined(user)
        room.require_power(user, max(room.level("ban", 50), room.power(target) + 1), "banning")
        reason = {"reason": body["reason"]} if "reason" in body else {}
        self._add(room, user, "m.room.member", {**reason, "membership": "ban"}, target)
        return {}

    async def unban(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """POST /rooms/{room}/unban"""
        user = self._caller(request).user
        room = self._room(parts[0], user)
        room.require_joined(user)
        room.require_power(user, room.level("ban", 50), "unbanning")
        self._add(room, user, "m.room.member", {"membership": "leave"}, str(body["user_id"]))
        return {}

    async def upgrade(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """POST /rooms/{room}/upgrade: nobody but the caller is in the new room, and nobody is invited."""
        user, version = self._caller(request).user, str(body["new_version"])
        old = self._room(parts[0], user)
        old.require_joined(user)
        old.require_power(user, old.level_to_send("m.room.tombstone", is_state=True), "m.room.tombstone")
        predecessor: Content = {"room_id": old.room_id}
        new = self._new_room(user, version, {"predecessor": predecessor})
        tombstone = {"body": "This room has been replaced", "replacement_room": new.room_id}
        self._add(old, user, "m.room.tombstone", tombstone, "")
        levels = copy.deepcopy(old.content("m.room.power_levels"))
        infinite = {user} if int(version) >= 12 else set()
        levels["users"] = {one: power for one, power in levels.get("users", {}).items() if one not in infinite}
        if not infinite:
            levels["users"].setdefault(user, 100)
        self._add(new, user, "m.room.power_levels", levels, "")
        for kind in COPIED:
            if (kind, "") in old.state:
                self._add(new, user, kind, old.content(kind), "")
        for alias in [alias for alias, room_id in self._aliases.items() if room_id == old.room_id]:
            self._keep("alias", alias, new.room_id)
        closed = max(50, int(levels.get("users_default", 0)) + 1)
        shut = {**old.content("m.room.power_levels"), "events_default": closed, "invite": closed}
        self._add(old, user, "m.room.power_levels", shut, "")
        return {"replacement_room": new.room_id}

    async def joined_rooms(self, request: httpx.Request, _body: Content, _parts: list[str]) -> Content:
        """GET /joined_rooms"""
        user = self._caller(request).user
        return {"joined_rooms": [room.room_id for room in self.rooms.values() if room.membership(user) == "join"]}

    async def members(self, request: httpx.Request, _body: Content, parts: list[str]) -> Content:
        """GET /rooms/{room}/members, by membership if one is asked for"""
        caller = self._caller(request)
        room = self._room(parts[0], caller.user)
        room.require_joined(caller.user)
        wanted = request.url.params.get("membership")
        members = [event for (kind, _), event in room.state.items() if kind == "m.room.member"]
        found = [event for event in members if wanted in (None, event.content.get("membership"))]
        return {"chunk": [event.seen_by(caller.user, caller.device) for event in found]}

    async def joined_members(self, request: httpx.Request, _body: Content, parts: list[str]) -> Content:
        """GET /rooms/{room}/joined_members"""
        user = self._caller(request).user
        room = self._room(parts[0], user)
        room.require_joined(user)
        return {"joined": {member: {"display_name": self._names.get(member)} for member in room.joined()}}

    async def all_state(self, request: httpx.Request, _body: Content, parts: list[str]) -> list[Content]:
        """GET /rooms/{room}/state"""
        caller = self._caller(request)
        room = self._room(parts[0], caller.user)
        room.require_joined(caller.user)
        return [event.seen_by(caller.user, caller.device) for event in room.state.values()]

    async def get_state(self, request: httpx.Request, _body: Content, parts: list[str]) -> Content:
        """GET /rooms/{room}/state/{type}/{key}"""
        user = self._caller(request).user
        room = self._room(parts[0], user)
        room.require_joined(user)
        event = room.state.get((parts[1], parts[2] if len(parts) > 2 else ""))
        if event is None:
            raise Refusal(404, "M_NOT_FOUND", "Event not found.")
        whole = request.url.params.get("format") == "event"
        return event.seen_by(user, "") if whole else event.content

    async def receipt(self, request: httpx.Request, _body: Content, parts: list[str]) -> Content:
        """POST /rooms/{room}/receipt/{type}/{event}: 200 whatever it names, as Synapse 1.163 does"""
        user = self._caller(request).user
        room = self.rooms.get(parts[0])
        if room is not None and any(event.event_id == parts[2] for event in room.events):
            self.receipts[room.room_id, user] = parts[2]
        return {}

    async def put_state(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """PUT /rooms/{room}/state/{type}/{key}"""
        user = self._caller(request).user
        room = self._room(parts[0], user)
        check_content(body)
        room.require_joined(user)
        room.require_power(user, room.level_to_send(parts[1], is_state=True), parts[1])
        return {"event_id": self._add(room, user, parts[1], body, parts[2] if len(parts) > 2 else "").event_id}

    def _add(
        self,
        room: Room,
        sender: str,
        event_type: str,
        content: Content,
        state_key: str | None,
        txn: tuple[str, str, str] | None = None,
    ) -> Event:
        event_id = f"${secrets.token_hex(16)}"
        ts_ms = int(time.time() * 1000)
        event = Event(self._position + 1, room.room_id, event_id, sender, event_type, content, state_key, ts_ms, txn)
        self._journal.write(["event", *astuple(event)])
        self._take(event)
        news, self._news = self._news, asyncio.Event()
        news.set()
        for pusher in self.services.values():
            if pusher.service.wants(event, room):
                pusher.add(event)
        return event
