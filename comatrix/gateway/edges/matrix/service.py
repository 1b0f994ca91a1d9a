"""The calls that only an application service may make (Matrix specification v1.17 and MSC4190)."""

from collections.abc import Sequence
from typing import Any

from comatrix.gateway.edges.matrix.client import MatrixClient
from comatrix.gateway.edges.matrix.paths import client_path
from comatrix.gateway.model import HomeserverAnswer, Voice
from comatrix.gateway.uplink.json_values import objects

LOGIN = "m.login.application_service"


class ServiceApi:
    """On a `MatrixClient` that speaks with the service's token."""

    def __init__(self, client: MatrixClient) -> None:
        self._client = client

    async def register(self, localpart: str) -> HomeserverAnswer:
        """Make a user; M_USER_IN_USE where it is there. Never logged in: with MSC4190 that would be refused."""
        body = {"type": LOGIN, "username": localpart, "inhibit_login": True}
        return await self._client.call("POST", client_path("v3", "register"), body)

    async def make_device(self, voice: Voice, display_name: str) -> HomeserverAnswer:
        """201 where it is new, 200 where it was there; 404 from servers that only rename devices."""
        path = client_path("v3", "devices", voice.device_id)
        return await self._client.call("PUT", path, {"display_name": display_name}, voice=Voice(voice.user_id, ""))

    async def log_in(self, voice: Voice, display_name: str) -> HomeserverAnswer:
        """Make the device as a side effect; the token that comes back is not kept."""
        body = {
            "type": LOGIN,
            "identifier": {"type": "m.id.user", "user": voice.user_id},
            "device_id": voice.device_id,
            "initial_device_display_name": display_name,
        }
        return await self._client.call("POST", client_path("v3", "login"), body)

    async def ping(self, service_id: str, txn_id: str) -> HomeserverAnswer:
        """Make the homeserver reach for our intake: `duration_ms`, or why it could not."""
        path = client_path("v1", "appservice", service_id, "ping")
        return await self._client.call("POST", path, {"transaction_id": txn_id})

    async def room_state(self, room_id: str, types: Sequence[str]) -> HomeserverAnswer:
        """Who is joined, and the state events of these types with the empty key, as full events under `events`."""
        path = client_path("v3", "rooms", room_id, "members")
        answer = await self._client.call("GET", path, query=[("membership", "join")])
        if not answer.ok:
            return answer
        events = objects((answer.body or {}).get("chunk"))
        for event_type in types:
            path = client_path("v3", "rooms", room_id, "state", event_type)
            answer = await self._client.call("GET", path, query=[("format", "event")])
            if answer.ok:
                events.append(_event(event_type, answer.body or {}))
            elif answer.errcode != "M_NOT_FOUND":
                return answer
        return HomeserverAnswer(200, {"events": events})


def _event(event_type: str, body: dict[str, Any]) -> dict[str, Any]:
    """The event; a server that knows no `format` gives its content alone."""
    if body.get("type") == event_type and isinstance(body.get("content"), dict):
        return body
    return {"type": event_type, "state_key": "", "content": body}
