"""The calls of the client-server API that the gateway makes (Matrix specification v1.11 and later)."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from comatrix.gateway.clock import wall_ms
from comatrix.gateway.config.secrets import Secrets
from comatrix.gateway.edges.matrix.answer import one_line
from comatrix.gateway.edges.matrix.http import Caller, HttpCaller, Query
from comatrix.gateway.edges.matrix.new_room import creation, default_room_version
from comatrix.gateway.edges.matrix.paths import client_path, json_bytes, media_path
from comatrix.gateway.edges.matrix.session import Keep, Session
from comatrix.gateway.model import HomeserverAnswer, Voice

if TYPE_CHECKING:
    import httpx

MAX_RESPONSE_BYTES = 8 * 1024 * 1024  # a sync of 100 events of 64 KiB
REQUEST_TIMEOUT_S = 30.0


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
        service: bool = False,
        keep: Keep | None = None,
        now_ms: Callable[[], int] = wall_ms,
        caller: Caller | None = None,
    ) -> None:
        """`transport` replaces the network, `caller` HTTP as well. `trust_env`: proxies from the environment.
        Raises UsageError.

        `service`: the token is an application service's, and `voice` may be any of its users. `keep`: where a renewed
        access token is stored before it is used."""
        self._http: Caller = caller or HttpCaller(
            base_url,
            transport=transport,
            trust_env=trust_env,
            timeout_s=timeout_s,
            max_response_bytes=max_response_bytes,
        )
        self.service = service
        self._session = Session(self._http, Secrets(user_id, device_id, access_token), keep=keep, now_ms=now_ms)

    @property
    def account(self) -> Secrets:
        """Whose calls these are, and the tokens of now."""
        return self._session.account

    @property
    def user_id(self) -> str:
        """The account's user id; "" before it is known."""
        return self._session.account.user_id

    @property
    def device_id(self) -> str:
        """The token's device; "" for none."""
        return self._session.account.device_id

    def authenticate(self, access_token: str, user_id: str, device_id: str) -> None:
        """Speak as this account from the next call on. Raises UsageError if the token cannot be one."""
        self._session.take(Secrets(user_id, device_id, access_token))

    def take(self, account: Secrets) -> Self:
        """As `authenticate`, with what renews the token."""
        self._session.take(account)
        return self

    def take_if_new(self, account: Secrets) -> bool:
        """As `take`, where a person signed in again -> whether that was so."""
        return self._session.take_if_new(account)

    def on_reached(self, reached: Callable[[], None]) -> None:
        """Call `reached` with the first success after a request that got no answer."""
        self._session.reached = reached

    def on_answer(self, answered: Callable[[HomeserverAnswer, float], None]) -> None:
        """Call `answered` with the end of each request, answered or not, and the seconds it was overdue."""
        if isinstance(self._http, HttpCaller):
            self._http.answered = answered

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
        """Close the connections. A token that is being renewed is renewed first."""
        await self._session.aclose()
        await self._http.aclose()

    # The account

    async def versions(self) -> HomeserverAnswer:
        """`versions`: what the server speaks. Needs no token."""
        return await self._http.request("GET", "/_matrix/client/versions")

    async def server_name(self) -> str | None:
        """The homeserver's software as it names itself ("Synapse", "Dendrite", "conduit"); None where it does not."""
        answer = await self._http.request("GET", "/_matrix/federation/v1/version")
        server = (answer.body or {}).get("server") if answer.ok else None
        name = server.get("name") if isinstance(server, dict) else None
        return one_line(name) or None

    async def login_password(
        self, user: str, password: str, device_id: str, display_name: str, *, renewable: bool = False
    ) -> HomeserverAnswer:
        """`access_token`, `user_id`, `device_id`; if `renewable` and the homeserver does that, `refresh_token` and
        `expires_in_ms`. `user`: a user id or a localpart. Never log the body."""
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user},
            "password": password,
            "device_id": device_id,
            "initial_device_display_name": display_name,
            **({"refresh_token": True} if renewable else {}),
        }
        return await self._http.request("POST", client_path("v3", "login"), data=json_bytes(body))

    async def whoami(self, *, voice: Voice | None = None) -> HomeserverAnswer:
        """`user_id` and `device_id` of the token."""
        return await self.call("GET", client_path("v3", "account", "whoami"), voice=voice)

    async def logout(self) -> HomeserverAnswer:
        """End the token and its device."""
        return await self.call("POST", client_path("v3", "logout"), {})

    async def set_display_name(self, name: str, *, voice: Voice | None = None) -> HomeserverAnswer:
        """The account's name in every room."""
        user_id = self.user_id if voice is None else voice.user_id
        path = client_path("v3", "profile", user_id, "displayname")
        return await self.call("PUT", path, {"displayname": name}, voice=voice)

    async def capabilities(self, *, voice: Voice | None = None) -> HomeserverAnswer:
        """`capabilities`, with the default room version under `m.room_versions`."""
        return await self.call("GET", client_path("v3", "capabilities"), voice=voice)

    # Rooms

    async def resolve_alias(self, alias: str, *, voice: Voice | None = None) -> HomeserverAnswer:
        """`room_id` and `servers` of `#name:server`."""
        return await self.call("GET", client_path("v3", "directory", "room", alias), voice=voice)

    async def join(self, room: str, via: Sequence[str] = (), *, voice: Voice | None = None) -> HomeserverAnswer:
        """Join a room id or alias; `via`: servers that are in it. Joining twice is 200."""
        query: Query = [(key, server) for server in via for key in ("via", "server_name")]
        return await self.call("POST", client_path("v3", "join", room), {}, query=query, voice=voice)

    async def leave(self, room_id: str, reason: str = "", *, voice: Voice | None = None) -> HomeserverAnswer:
        """Leave, or decline an invite, with a reason that people see."""
        body = {"reason": reason} if reason else {}
        return await self.call("POST", client_path("v3", "rooms", room_id, "leave"), body, voice=voice)

    async def invite(self, room_id: str, user_id: str, *, voice: Voice | None = None) -> HomeserverAnswer:
        """Invite one user."""
        path = client_path("v3", "rooms", room_id, "invite")
        return await self.call("POST", path, {"user_id": user_id}, voice=voice)

    async def create_room(
        self,
        name: str,
        *,
        invite: Sequence[str] = (),
        alias_localpart: str = "",
        topic: str = "",
        federate: bool = True,
        room_version: str = "",
        voice: Voice | None = None,
    ) -> HomeserverAnswer:
        """`room_id` of a private room without encryption of our own. The invited own it with us (power 100).

        A server may be configured to encrypt every new room: ask `is_encrypted` before using it."""
        if not room_version:
            found = await self.capabilities(voice=voice)
            if not found.ok:
                return found
            room_version = default_room_version(found)
        body = creation(
            name,
            creator=self.user_id if voice is None else voice.user_id,
            room_version=room_version,
            invite=invite,
            alias_localpart=alias_localpart,
            topic=topic,
            federate=federate,
        )
        return await self.call("POST", client_path("v3", "createRoom"), body, voice=voice)

    async def state_event(
        self, room_id: str, event_type: str, state_key: str = "", *, voice: Voice | None = None
    ) -> HomeserverAnswer:
        """The content of one state event; 404 M_NOT_FOUND where there is none."""
        parts = ["v3", "rooms", room_id, "state", event_type]
        return await self.call("GET", client_path(*parts, *([state_key] if state_key else [])), voice=voice)

    async def whole_state_event(
        self, room_id: str, event_type: str, state_key: str = "", *, voice: Voice | None = None
    ) -> HomeserverAnswer:
        """One state event with its sender; 404 M_NOT_FOUND where there is none. A server that knows no `format` gives
        its content alone."""
        parts = ["v3", "rooms", room_id, "state", event_type]
        path = client_path(*parts, *([state_key] if state_key else []))
        return await self.call("GET", path, query=[("format", "event")], voice=voice)

    async def put_state(
        self,
        room_id: str,
        event_type: str,
        state_key: str,
        body: Mapping[str, Any],
        *,
        voice: Voice | None = None,
    ) -> HomeserverAnswer:
        """`event_id`. Setting what is there already changes nothing."""
        path = client_path("v3", "rooms", room_id, "state", event_type, state_key)
        return await self.call("PUT", path, body, voice=voice)

    async def is_encrypted(self, room_id: str, *, voice: Voice | None = None) -> bool | None:
        """True, False, or None where the homeserver did not say: then nothing may be sent."""
        answer = await self.state_event(room_id, "m.room.encryption", voice=voice)
        if answer.ok:
            return True
        return False if answer.status == 404 and answer.errcode == "M_NOT_FOUND" else None

    # Events

    async def send_event(
        self, room_id: str, event_type: str, txn_id: str, content: bytes, *, voice: Voice | None = None
    ) -> HomeserverAnswer:
        """`event_id`. `content` goes out as it is: a retry must be the same bytes, path and transaction id."""
        path = client_path("v3", "rooms", room_id, "send", event_type, txn_id)
        return await self._request("PUT", path, data=content, voice=voice)

    async def messages(
        self,
        room_id: str,
        *,
        from_token: str = "",
        to_token: str = "",
        direction: str = "b",
        limit: int = 100,
        event_filter: Mapping[str, Any] | None = None,
        voice: Voice | None = None,
    ) -> HomeserverAnswer:
        """`chunk` and `end`: one page of a room's events, newest first unless `direction` is "f"."""
        query: Query = [("dir", direction), ("limit", str(limit))]
        query += [("from", from_token)] if from_token else []
        query += [("to", to_token)] if to_token else []
        query += [("filter", json_bytes(event_filter).decode())] if event_filter is not None else []
        return await self.call("GET", client_path("v3", "rooms", room_id, "messages"), query=query, voice=voice)

    async def relations(
        self,
        room_id: str,
        event_id: str,
        rel_type: str = "",
        *,
        from_token: str = "",
        limit: int = 100,
        voice: Voice | None = None,
    ) -> HomeserverAnswer:
        """`chunk` and `next_batch`: one page of what relates to an event (edits, reactions), newest first."""
        parts = ["v1", "rooms", room_id, "relations", event_id, *([rel_type] if rel_type else [])]
        query: Query = [("dir", "b"), ("limit", str(limit))]
        query += [("from", from_token)] if from_token else []
        return await self.call("GET", client_path(*parts), query=query, voice=voice)

    async def mark_read(self, room_id: str, event_id: str, *, voice: Voice | None = None) -> HomeserverAnswer:
        """The account's read receipt is at this event now: people see that it was read."""
        path = client_path("v3", "rooms", room_id, "receipt", "m.read", event_id)
        return await self.call("POST", path, {}, voice=voice)

    async def sync(
        self,
        since: str | None,
        timeout_ms: int,
        sync_filter: Mapping[str, Any] | None = None,
        *,
        voice: Voice | None = None,
    ) -> HomeserverAnswer:
        """`next_batch` and what happened after `since`, or after `timeout_ms` that nothing did."""
        query: Query = [("timeout", str(timeout_ms))]
        query += [("since", since)] if since is not None else []
        query += [("filter", json_bytes(sync_filter).decode())] if sync_filter is not None else []
        path = client_path("v3", "sync")
        return await self.call("GET", path, query=query, wait_s=timeout_ms / 1000, voice=voice)

    # Media

    async def media_config(self, *, voice: Voice | None = None) -> HomeserverAnswer:
        """`m.upload.size`: the most bytes a file may have; absent where the homeserver does not say."""
        return await self.call("GET", client_path("v1", "media", "config"), voice=voice)

    async def upload(
        self, data: bytes, content_type: str, filename: str, *, voice: Voice | None = None
    ) -> HomeserverAnswer:
        """`content_uri`: the mxc address of the file. Uploaded twice it has two; one that no event names is seen by
        nobody."""
        query: Query = [("filename", filename)]
        path = media_path("v3", "upload")
        return await self._request("POST", path, data=data, content_type=content_type, query=query, voice=voice)

    # Any call

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Query | None = None,
        wait_s: float = 0.0,
        voice: Voice | None = None,
    ) -> HomeserverAnswer:
        """Any call with our token; `path` is quoted already (`client_path`), `body` goes out as JSON."""
        data = None if body is None else json_bytes(body)
        return await self._request(method, path, data=data, query=query, wait_s=wait_s, voice=voice)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        data: bytes | None,
        content_type: str = "application/json",
        query: Query | None = None,
        wait_s: float = 0.0,
        voice: Voice | None,
    ) -> HomeserverAnswer:
        query = [*(query or []), *self._masquerade(voice)]
        return await self._session.request(
            method, path, query=query, data=data, content_type=content_type, wait_s=wait_s
        )

    def _masquerade(self, voice: Voice | None) -> Query:
        """Who speaks, where that is not the token's own user (application service API, Identity assertion).

        The user of an application service's own token has a device only where it is named."""
        if voice is None:
            voice = Voice(self.user_id, self.device_id)
        own = voice.user_id == self.user_id
        if own and not (self.service and voice.device_id):
            return []
        device: Query = [("device_id", voice.device_id)] if voice.device_id else []
        return [("user_id", voice.user_id), *device]
