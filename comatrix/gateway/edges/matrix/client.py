"""The calls of the client-server API that the gateway makes (Matrix specification v1.11 and later)."""

import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from comatrix.gateway.edges.matrix.http import HttpCaller, Query
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import HomeserverAnswer

if TYPE_CHECKING:
    import httpx

MAX_RESPONSE_BYTES = 8 * 1024 * 1024  # a sync of 100 events of 64 KiB
REQUEST_TIMEOUT_S = 30.0
OWNER_POWER = 100
INVITE_POWER = 50  # a sensor room's members do not invite strangers to its data
FIRST_VERSION_WITH_INFINITE_CREATORS = 12


class MatrixClient:
    """One account on one homeserver. The access token leaves in the Authorization header and nowhere else."""

    def __init__(
        self,
        base_url: str,
        access_token: str = "",
        user_id: str = "",
        device_id: str = "",
        *,
        transport: "httpx.AsyncBaseTransport | None" = None,
        trust_env: bool = False,
        timeout_s: float = REQUEST_TIMEOUT_S,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ) -> None:
        """`transport` replaces the network. `trust_env`: proxies from the environment. Raises UsageError."""
        self._http = HttpCaller(
            base_url,
            transport=transport,
            trust_env=trust_env,
            timeout_s=timeout_s,
            max_response_bytes=max_response_bytes,
        )
        self.authenticate(access_token, user_id, device_id)

    def authenticate(self, access_token: str, user_id: str, device_id: str) -> None:
        """Speak as this account from the next call on. Raises UsageError if the token cannot be one."""
        if not (access_token.isascii() and access_token.isprintable() and " " not in access_token):
            raise UsageError("the access token holds characters no access token has", "comatrix init")
        self._token = access_token
        self.user_id = user_id
        self.device_id = device_id

    def authenticate_if_new(self, access_token: str, user_id: str, device_id: str) -> bool:
        """As `authenticate`, where the token differs from the present one -> whether it did."""
        if access_token == self._token:
            return False
        self.authenticate(access_token, user_id, device_id)
        return True

    @property
    def base_url(self) -> str:
        """The homeserver's address without a trailing slash."""
        return self._http.base_url

    def __repr__(self) -> str:
        return f"MatrixClient({self.base_url!r}, user_id={self.user_id!r}, device_id={self.device_id!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    # The account

    async def versions(self) -> HomeserverAnswer:
        """`versions`: what the server speaks. Needs no token."""
        return await self._http.request("GET", "/_matrix/client/versions")

    async def login_password(self, user: str, password: str, device_id: str, display_name: str) -> HomeserverAnswer:
        """`access_token`, `user_id`, `device_id`. `user`: a user id or a localpart. Never log the body."""
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user},
            "password": password,
            "device_id": device_id,
            "initial_device_display_name": display_name,
        }
        return await self._http.request("POST", _path("v3", "login"), data=_json(body))

    async def whoami(self) -> HomeserverAnswer:
        """`user_id` and `device_id` of the token."""
        return await self._call("GET", _path("v3", "account", "whoami"))

    async def logout(self) -> HomeserverAnswer:
        """End the token and its device."""
        return await self._call("POST", _path("v3", "logout"), {})

    async def set_display_name(self, name: str) -> HomeserverAnswer:
        """The account's name in every room."""
        return await self._call("PUT", _path("v3", "profile", self.user_id, "displayname"), {"displayname": name})

    async def capabilities(self) -> HomeserverAnswer:
        """`capabilities`, with the default room version under `m.room_versions`."""
        return await self._call("GET", _path("v3", "capabilities"))

    # Rooms

    async def resolve_alias(self, alias: str) -> HomeserverAnswer:
        """`room_id` and `servers` of `#name:server`."""
        return await self._call("GET", _path("v3", "directory", "room", alias))

    async def join(self, room: str, via: Sequence[str] = ()) -> HomeserverAnswer:
        """Join a room id or alias; `via`: servers that are in it. Joining twice is 200."""
        query: Query = [(key, server) for server in via for key in ("via", "server_name")]
        return await self._call("POST", _path("v3", "join", room), {}, query=query)

    async def leave(self, room_id: str, reason: str = "") -> HomeserverAnswer:
        """Leave, or decline an invite, with a reason that people see."""
        body = {"reason": reason} if reason else {}
        return await self._call("POST", _path("v3", "rooms", room_id, "leave"), body)

    async def invite(self, room_id: str, user_id: str) -> HomeserverAnswer:
        """Invite one user."""
        return await self._call("POST", _path("v3", "rooms", room_id, "invite"), {"user_id": user_id})

    async def create_room(
        self,
        name: str,
        *,
        invite: Sequence[str] = (),
        alias_localpart: str = "",
        topic: str = "",
        federate: bool = True,
        room_version: str = "",
    ) -> HomeserverAnswer:
        """`room_id` of a private room without encryption of our own. The invited own it with us (power 100).

        A server may be configured to encrypt every new room: ask `is_encrypted` before using it."""
        if not room_version:
            found = await self.capabilities()
            if not found.ok:
                return found
            room_version = _default_room_version(found)
        body: dict[str, Any] = {
            "name": name,
            "preset": "private_chat",
            "invite": list(invite),
            "room_version": room_version,
            "power_level_content_override": {
                "users": self._owners(invite, room_version),
                "invite": INVITE_POWER,
            },
        }
        if alias_localpart:
            body["room_alias_name"] = alias_localpart
        if topic:
            body["topic"] = topic
        if not federate:
            body["creation_content"] = {"m.federate": False}
        return await self._call("POST", _path("v3", "createRoom"), body)

    def _owners(self, invite: Sequence[str], room_version: str) -> dict[str, int]:
        """The `users` of m.room.power_levels: it replaces the server's own, so the creator must stand in it,
        and from room version 12 on it must not."""
        infinite = room_version.isdecimal() and int(room_version) >= FIRST_VERSION_WITH_INFINITE_CREATORS
        creator = [] if infinite else [self.user_id]
        return {user: OWNER_POWER for user in [*creator, *invite] if not (infinite and user == self.user_id)}

    async def state_event(self, room_id: str, event_type: str, state_key: str = "") -> HomeserverAnswer:
        """The content of one state event; 404 M_NOT_FOUND where there is none."""
        parts = ["v3", "rooms", room_id, "state", event_type]
        return await self._call("GET", _path(*parts, *([state_key] if state_key else [])))

    async def is_encrypted(self, room_id: str) -> bool | None:
        """True, False, or None where the homeserver did not say: then nothing may be sent."""
        answer = await self.state_event(room_id, "m.room.encryption")
        if answer.ok:
            return True
        return False if answer.status == 404 and answer.errcode == "M_NOT_FOUND" else None

    # Events

    async def send_event(self, room_id: str, event_type: str, txn_id: str, content: bytes) -> HomeserverAnswer:
        """`event_id`. `content` goes out as it is: a retry must be the same bytes, path and transaction id."""
        return await self._http.request(
            "PUT", _path("v3", "rooms", room_id, "send", event_type, txn_id), data=content, token=self._token
        )

    async def messages(
        self,
        room_id: str,
        *,
        from_token: str = "",
        to_token: str = "",
        direction: str = "b",
        limit: int = 100,
        event_filter: Mapping[str, Any] | None = None,
    ) -> HomeserverAnswer:
        """`chunk` and `end`: one page of a room's events, newest first unless `direction` is "f"."""
        query: Query = [("dir", direction), ("limit", str(limit))]
        query += [("from", from_token)] if from_token else []
        query += [("to", to_token)] if to_token else []
        query += [("filter", _json(event_filter).decode())] if event_filter is not None else []
        return await self._call("GET", _path("v3", "rooms", room_id, "messages"), query=query)

    async def sync(
        self, since: str | None, timeout_ms: int, sync_filter: Mapping[str, Any] | None = None
    ) -> HomeserverAnswer:
        """`next_batch` and what happened after `since`, or after `timeout_ms` that nothing did."""
        query: Query = [("timeout", str(timeout_ms))]
        query += [("since", since)] if since is not None else []
        query += [("filter", _json(sync_filter).decode())] if sync_filter is not None else []
        return await self._call("GET", _path("v3", "sync"), query=query, wait_s=timeout_ms / 1000)

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Query | None = None,
        wait_s: float = 0.0,
    ) -> HomeserverAnswer:
        data = None if body is None else _json(body)
        return await self._http.request(method, path, query=query, data=data, token=self._token, wait_s=wait_s)


def _path(*parts: str) -> str:
    return "/_matrix/client/" + "/".join(_quoted(part) for part in parts)


def _quoted(part: str) -> str:
    """One path segment. Dots alone would walk up the path."""
    text = quote(part, safe="", errors="replace")
    return text if text.strip(".") else text.replace(".", "%2E")


def _json(value: Mapping[str, Any]) -> bytes:
    """Compact JSON. A lone surrogate, which the homeserver would answer with 500, becomes '?'."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _default_room_version(answer: HomeserverAnswer) -> str:
    """The server's default; "10" where it does not say, which every server of today knows."""
    versions = ((answer.body or {}).get("capabilities") or {}).get("m.room_versions") or {}
    default = versions.get("default") if isinstance(versions, dict) else None
    return default if isinstance(default, str) and default else "10"
