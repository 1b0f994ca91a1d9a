"""The client-server API of the in-memory homeserver: events, sync, and the table of paths."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.support import homeserver_media as media
from tests.support.homeserver_room import Content, Event, Refusal, check_content
from tests.support.homeserver_rooms import Rooms
from tests.support.homeserver_sync import Viewer, rooms_section

MAX_EVENT_BYTES = 65_536
EVENT_OVERHEAD_BYTES = 800  # hashes, signatures and references, which count too


class Api(Rooms):
    """What paths about events do, and the table of all paths."""

    # Events

    async def send(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """PUT /rooms/{room}/send/{type}/{txn}: the type is no part of what makes a transaction the same."""
        caller = self._caller(request)
        room_id, event_type, txn_id = parts
        user = (caller.user, caller.device) if caller.device else ("", caller.service)
        key = (room_id, *user, txn_id)
        if key in self._sent:
            return {"event_id": self._sent[key]}
        self._take_token(caller)
        check_content(body)
        room = self._room(room_id, caller.user)
        room.require_joined(caller.user)
        room.require_power(caller.user, room.level_to_send(event_type, is_state=False), event_type)
        size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
        if size + EVENT_OVERHEAD_BYTES > MAX_EVENT_BYTES:
            raise Refusal(413, "M_TOO_LARGE", "event too large")
        event = self._add(room, caller.user, event_type, body, None, (caller.user, caller.device, txn_id))
        self._sent[key] = event.event_id
        return {"event_id": event.event_id}

    async def redact(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """PUT /rooms/{room}/redact/{event}/{txn}: of one's own events, or with the power for it."""
        room_id, event_id, txn_id = parts
        user = self._caller(request).user
        targets = [event for event in self._room(room_id, user).events if event.event_id == event_id]
        if targets and targets[0].sender != user:
            room = self._room(room_id, user)
            room.require_power(user, room.level("redact", 50), "redacting")
        return await self.send(request, {**body, "redacts": event_id}, [room_id, "m.room.redaction", txn_id])

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

    async def relations(self, request: httpx.Request, _body: Content, parts: list[str]) -> Content:
        """GET /rooms/{room}/relations/{event}[/{rel_type}]: newest first."""
        caller = self._caller(request)
        room = self._room(parts[0], caller.user)
        room.require_joined(caller.user)
        if all(event.event_id != parts[1] for event in room.events):
            raise Refusal(404, "M_NOT_FOUND", "Unknown parent event.")
        end = _position(request.url.params.get("from", f"s{self._position}"))
        found = [event for event in reversed(room.events) if event.position <= end and _relates(event, *parts[1:])]
        page = found[: int(request.url.params.get("limit", "5"))]
        answer: Content = {"chunk": [event.seen_by(caller.user, caller.device) for event in page]}
        if len(found) > len(page):
            answer["next_batch"] = f"s{page[-1].position - 1}"
        return answer

    async def sync(self, request: httpx.Request, _body: Content, _parts: list[str]) -> Content:
        """GET /sync"""
        caller = self._caller(request)
        if caller.service and caller.user == self.services[request.headers["authorization"][7:]].service.sender:
            raise Refusal(500, "M_UNKNOWN", "Internal server error")  # as Synapse 1.163 does
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


Route = Callable[[Api, httpx.Request, Content, list[str]], Awaitable[Any]]


def _route(
    method: str, path: str, route: Route, prefix: str = "/_matrix/client/v3"
) -> tuple[str, re.Pattern[str], Route]:
    return method, re.compile(prefix + path.replace("*", "([^/]*)")), route


V1 = "/_matrix/client/v1"
ROUTES = [
    _route("PUT", "/rooms/*/send/*/*", Api.send),
    _route("PUT", "/rooms/*/redact/*/*", Api.redact),
    _route("GET", "/sync", Api.sync),
    _route("GET", "/versions", Api.versions, "/_matrix/client"),
    _route("GET", "/version", Api.software_version, "/_matrix/federation/v1"),
    _route("POST", "/login", Api.login),
    _route("POST", "/refresh", Api.refresh),
    _route("POST", "/register", Api.register_user),
    _route("POST", "/logout", Api.logout),
    _route("GET", "/account/whoami", Api.whoami),
    _route("GET", "/capabilities", Api.capabilities),
    _route("GET", "/devices/*", Api.device),
    _route("PUT", "/devices/*", Api.device),
    _route("DELETE", "/devices/*", Api.device),
    _route("POST", "/appservice/*/ping", Api.ping, V1),
    _route("GET", "/profile/*/displayname", Api.display_name),
    _route("PUT", "/profile/*/displayname", Api.display_name),
    _route("POST", "/createRoom", Api.create_room),
    _route("GET", "/directory/room/*", Api.alias),
    _route("POST", "/join/*", Api.join),
    _route("GET", "/joined_rooms", Api.joined_rooms),
    _route("POST", "/rooms/*/leave", Api.leave),
    _route("POST", "/rooms/*/invite", Api.invite),
    _route("POST", "/rooms/*/kick", Api.kick),
    _route("POST", "/rooms/*/ban", Api.ban),
    _route("POST", "/rooms/*/unban", Api.unban),
    _route("POST", "/rooms/*/upgrade", Api.upgrade),
    _route("GET", "/rooms/*/members", Api.members),
    _route("GET", "/rooms/*/joined_members", Api.joined_members),
    _route("GET", "/rooms/*/state", Api.all_state),
    _route("GET", "/rooms/*/state/*", Api.get_state),
    _route("GET", "/rooms/*/state/*/*", Api.get_state),
    _route("PUT", "/rooms/*/state/*", Api.put_state),
    _route("PUT", "/rooms/*/state/*/*", Api.put_state),
    _route("POST", "/rooms/*/receipt/*/*", Api.receipt),
    _route("GET", "/rooms/*/messages", Api.messages),
    _route("GET", "/rooms/*/relations/*", Api.relations, V1),
    _route("GET", "/rooms/*/relations/*/*", Api.relations, V1),
    _route("GET", "/media/config", media.config, V1),
    _route("GET", "/media/download/*/*", media.download, V1),
    _route("POST", "/upload", media.upload, "/_matrix/media/v3"),
]


def _relates(event: Event, event_id: str, rel_type: str = "") -> bool:
    relation = event.content.get("m.relates_to")
    if not isinstance(relation, dict) or relation.get("event_id") != event_id:
        return False
    return rel_type in ("", relation.get("rel_type"))


def _position(token: str) -> int:
    if not re.fullmatch(r"s\d+", token):
        raise Refusal(400, "M_UNKNOWN", f"Invalid token {token}")
    return int(token[1:])
