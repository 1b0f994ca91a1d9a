"""People at a homeserver, real or in memory: who they are, and what they do with a client of their own."""

import secrets
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from comatrix.gateway.edges.matrix import MatrixClient

PASSWORD = "correct horse"


class Server(Protocol):
    """What both homeservers offer to a test."""

    @property
    def base_url(self) -> str:
        """Its address."""

    async def register(self, user: str, password: str, admin: bool = False) -> str:
        """The user id of a new account."""


@dataclass(slots=True)
class Place:
    """A homeserver with fresh accounts. `transport` None: over the network."""

    server: Server
    transport: httpx.AsyncBaseTransport | None = None
    _clients: list[MatrixClient] = field(default_factory=list)

    @property
    def server_name(self) -> str:
        """The domain of its user ids."""
        return "localhost"

    async def client(self, name: str = "bot", **options: Any) -> MatrixClient:
        """A gateway's client, logged in as a new account."""
        user = f"{name}-{secrets.token_hex(4)}"
        await self.server.register(user, PASSWORD)
        client = self.anonymous(**options)
        answer = await client.login_password(user, PASSWORD, "GATEWAY", "CoMatrix gateway")
        assert answer.ok and answer.body is not None, answer
        client.authenticate(answer.body["access_token"], answer.body["user_id"], answer.body["device_id"])
        return client

    def anonymous(self, **options: Any) -> MatrixClient:
        """A client without a token."""
        client = MatrixClient(self.server.base_url, transport=self.transport, **options)
        self._clients.append(client)
        return client

    async def person(self, name: str = "me") -> "Person":
        """Somebody with a Matrix client."""
        return Person(await self.client(name), self.transport)

    async def aclose(self) -> None:
        """Close every client."""
        for client in self._clients:
            await client.aclose()


class Person:
    """Does what the gateway's own client has no call for, by plain HTTP."""

    def __init__(self, client: MatrixClient, transport: httpx.AsyncBaseTransport | None) -> None:
        self.client = client
        self.user_id = client.user_id
        self._transport = transport

    async def put_state(self, room_id: str, event_type: str, content: dict[str, Any], state_key: str = "") -> None:
        """Send a state event."""
        await self._do("PUT", ["rooms", room_id, "state", event_type, state_key], content)

    async def kick(self, room_id: str, user_id: str, reason: str = "") -> None:
        """Make somebody leave."""
        await self._do("POST", ["rooms", room_id, "kick"], {"user_id": user_id, "reason": reason})

    async def create_room(self, **body: Any) -> str:
        """The id of a room made with exactly this body."""
        return str((await self._do("POST", ["createRoom"], body))["room_id"])

    async def upgrade(self, room_id: str, version: str = "12") -> str:
        """The id of the room that replaces it. Nobody is invited there."""
        answer = await self._do("POST", ["rooms", room_id, "upgrade"], {"new_version": version})
        return str(answer["replacement_room"])

    async def ban(self, room_id: str, user_id: str) -> None:
        """Keep somebody out."""
        await self._do("POST", ["rooms", room_id, "ban"], {"user_id": user_id})

    async def unban(self, room_id: str, user_id: str) -> None:
        """Let somebody in again, by an invite."""
        await self._do("POST", ["rooms", room_id, "unban"], {"user_id": user_id})

    async def say(self, room_id: str, text: str, **more: Any) -> str:
        """Type something -> its event id. `more`: what else stands in the content."""
        path = ["rooms", room_id, "send", "m.room.message", secrets.token_hex(8)]
        return str((await self._do("PUT", path, {"msgtype": "m.text", "body": text, **more}))["event_id"])

    async def redact(self, room_id: str, event_id: str) -> str:
        """Take something back -> the id of the event that does."""
        path = ["rooms", room_id, "redact", event_id, secrets.token_hex(8)]
        return str((await self._do("PUT", path, {}))["event_id"])

    async def _do(self, method: str, parts: list[str], body: dict[str, Any]) -> dict[str, Any]:
        path = "/".join(quote(part, safe="") for part in parts)
        headers = {"Authorization": f"Bearer {self.client.account.access_token}"}
        async with httpx.AsyncClient(transport=self._transport, trust_env=False, timeout=30) as http:
            url = f"{self.client.base_url}/_matrix/client/v3/{path}"
            answer = await http.request(method, url, json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())
