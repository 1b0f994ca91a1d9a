"""The client-server API of the in-memory homeserver: accounts, rooms, events, sync."""

import asyncio
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import astuple

import httpx

from tests.support.homeserver_accounts import Accounts
from tests.support.homeserver_journal import Fact, Journal
from tests.support.homeserver_room import DEFAULT_LEVELS, Content, Event, Refusal, Room, check_content
from tests.support.homeserver_sync import Viewer, rooms_section

MAX_EVENT_BYTES = 65_536
EVENT_OVERHEAD_BYTES = 800  # hashes, signatures and references, which count too


class Api(Accounts):
    """What each path does. A handler gets the request, its JSON body and the path's variable parts."""

    def __init__(
        self, server_name: str, default_room_version: str, clock_s: Callable[[], float], journal: Journal
    ) -> None:
        super().__init__(server_name, default_room_version, clock_s, journal)
        self.rooms: dict[str, Room] = {}
        self._aliases: dict[str, str] = {}
        self._sent: dict[tuple[str, str, str, str], str] = {}
        self._position = 0
        self._news = asyncio.Event()
        for fact in journal.read():
            self._learn(fact)

    def _learn(self, fact: Fact) -> None:
        match fact:
            case ["room", room_id, version, creator]:
                self.rooms[room_id] = Room(room_id, version, creator)
            case ["alias", alias, room_id]:
                self._aliases[alias] = room_id
            case ["event", *parts]:
                self._take(Event.of(parts))
            case _:
                super()._learn(fact)

    def _take(self, event: Event) -> None:
        self._position = event.position
        self.rooms[event.room_id].add(event)
        if event.txn is not None:
            self._sent[event.room_id, *event.txn] = event.event_id

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
        alias = f"#{body['room_alias_name']}:{self.server_name}" if "room_alias_name" in body else ""
        if alias in self._aliases:
            raise Refusal(400, "M_ROOM_IN_USE", f"Room alias {alias} already taken")
        levels = {**DEFAULT_LEVELS, "users": {} if version == "12" else {user: 100}}
        levels.update(body.get("power_level_content_override", {}))
        if version == "12" and user in levels["users"]:
            raise Refusal(400, "M_INVALID_PARAM", "the creator must not be in power_levels")
        suffix = "" if version == "12" else f":{self.server_name}"
        room_id = f"!{secrets.token_hex(9)}{suffix}"
        self._keep("room", room_id, version, user)
        room = self.rooms[room_id]
        create = {**body.get("creation_content", {}), "room_version": version}
        self._add(room, user, "m.room.create", create, "")
        self._add(room, user, "m.room.member", {"membership": "join"}, user)
        self._add(room, user, "m.room.power_levels", levels, "")
        rule = "public" if body.get("preset") == "public_chat" else "invite"
        self._add(room, user, "m.room.join_rules", {"join_rule": rule}, "")
        if "name" in body:
            self._add(room, user, "m.room.name", {"name": body["name"]}, "")
        for state in body.get("initial_state", []):
            self._add(room, user, state["type"], state["content"], state.get("state_key", ""))
        for invited in body.get("invite", []):
            self._add(room, user, "m.room.member", {"membership": "invite"}, invited)
        if alias:
            self._keep("alias", alias, room.room_id)
        return {"room_id": room.room_id}

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
            self._add(room, user, "m.room.member", {"membership": "join"}, user)
        return {"room_id": room_id}

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
        self._add(room, user, "m.room.member", {"membership": "invite"}, body["user_id"])
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

    async def get_state(self, request: httpx.Request, _body: Content, parts: list[str]) -> Content:
        """GET /rooms/{room}/state/{type}/{key}"""
        user = self._caller(request).user
        room = self._room(parts[0], user)
        room.require_joined(user)
        event = room.state.get((parts[1], parts[2] if len(parts) > 2 else ""))
        if event is None:
            raise Refusal(404, "M_NOT_FOUND", "Event not found.")
        return event.content

    async def put_state(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """PUT /rooms/{room}/state/{type}/{key}"""
        user = self._caller(request).user
        room = self._room(parts[0], user)
        check_content(body)
        room.require_joined(user)
        room.require_power(user, room.level_to_send(parts[1], is_state=True), parts[1])
        return {"event_id": self._add(room, user, parts[1], body, parts[2] if len(parts) > 2 else "").event_id}

    # Events

    async def send(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """PUT /rooms/{room}/send/{type}/{txn}: the type is no part of what makes a transaction the same."""
        caller = self._caller(request)
        room_id, event_type, txn_id = parts
        key = (room_id, caller.user, caller.device, txn_id)
        if key in self._sent:
            return {"event_id": self._sent[key]}
        self._take_token(caller.user)
        check_content(body)
        room = self._room(room_id, caller.user)
        room.require_joined(caller.user)
        room.require_power(caller.user, room.level_to_send(event_type, is_state=False), event_type)
        size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
        if size + EVENT_OVERHEAD_BYTES > MAX_EVENT_BYTES:
            raise Refusal(413, "M_TOO_LARGE", "event too large")
        event = self._add(room, caller.user, event_type, body, None, (caller.user, caller.device, txn_id))
        return {"event_id": event.event_id}

    async def messages(self, request: httpx.Request, _body: Content, parts: list[str]) -> Content:
        """GET /rooms/{room}/messages: tokens are positions; an event lies between its position less one and it."""
        caller = self._caller(request)
        room = self._room(parts[0], caller.user)
        room.require_joined(caller.user)
        query = request.url.params
        backwards = query.get("dir", "b") == "b"
        start = _position(query.get("from", f"s{self._position if backwards else 0}"))
        end = _position(query.get("to", "s0" if backwards else f"s{self._position}"))
        low, high = (end, start) if backwards else (start, end)
        types = json.loads(query.get("filter", "{}")).get("types")
        found = [e for e in room.events if low < e.position <= high and (types is None or e.type in types)]
        found = found[::-1] if backwards else found
        page = found[: int(query.get("limit", "10"))]
        answer: Content = {
            "chunk": [event.seen_by(caller.user, caller.device) for event in page],
            "start": f"s{start}",
        }
        if len(found) > len(page):
            answer["end"] = f"s{page[-1].position - 1 if backwards else page[-1].position}"
        return answer

    async def sync(self, request: httpx.Request, _body: Content, _parts: list[str]) -> Content:
        """GET /sync"""
        caller = self._caller(request)
        query = request.url.params
        since = _position(query["since"]) if "since" in query else None
        viewer = Viewer(caller.user, caller.device, since, json.loads(query.get("filter", "{}")))
        deadline_s = time.monotonic() + int(query.get("timeout", "0")) / 1000
        while True:
            news, position = self._news, self._position
            rooms = rooms_section(viewer, self.rooms.values())
            left_s = deadline_s - time.monotonic()
            if rooms or since is None or left_s <= 0:
                return {"next_batch": f"s{position}", **({"rooms": rooms} if rooms else {})}
            try:
                await asyncio.wait_for(news.wait(), left_s)
            except TimeoutError:
                continue

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
        return event


Route = Callable[[Api, httpx.Request, Content, list[str]], Awaitable[Content]]


def _route(method: str, path: str, route: Route) -> tuple[str, re.Pattern[str], Route]:
    prefix = "/_matrix/client" if path == "/versions" else "/_matrix/client/v3"
    return method, re.compile(prefix + path.replace("*", "([^/]*)")), route


ROUTES = [
    _route("GET", "/versions", Api.versions),
    _route("POST", "/login", Api.login),
    _route("POST", "/logout", Api.logout),
    _route("GET", "/account/whoami", Api.whoami),
    _route("GET", "/capabilities", Api.capabilities),
    _route("GET", "/profile/*/displayname", Api.display_name),
    _route("PUT", "/profile/*/displayname", Api.display_name),
    _route("POST", "/createRoom", Api.create_room),
    _route("GET", "/directory/room/*", Api.alias),
    _route("POST", "/join/*", Api.join),
    _route("POST", "/rooms/*/leave", Api.leave),
    _route("POST", "/rooms/*/invite", Api.invite),
    _route("POST", "/rooms/*/kick", Api.kick),
    _route("GET", "/rooms/*/state/*", Api.get_state),
    _route("GET", "/rooms/*/state/*/*", Api.get_state),
    _route("PUT", "/rooms/*/state/*", Api.put_state),
    _route("PUT", "/rooms/*/state/*/*", Api.put_state),
    _route("PUT", "/rooms/*/send/*/*", Api.send),
    _route("GET", "/rooms/*/messages", Api.messages),
    _route("GET", "/sync", Api.sync),
]


def _position(token: str) -> int:
    if not re.fullmatch(r"s\d+", token):
        raise Refusal(400, "M_UNKNOWN", f"Invalid token {token}")
    return int(token[1:])
