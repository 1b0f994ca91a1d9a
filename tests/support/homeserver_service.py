"""Application services of the in-memory homeserver: registration, whom they may speak for, pushing to their URL.

Behaviour as measured on Synapse 1.163 (docs/reference/matrix.md, section Application service)."""

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.homeserver_room import Content, Event, Refusal, Room

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
MAX_EVENTS = 100


@dataclass(frozen=True, slots=True)
class Service:
    """A registration file's content."""

    id: str
    url: str | None
    as_token: str
    hs_token: str
    sender: str  # user id
    users: tuple[str, ...]  # regular expressions
    rate_limited: bool
    msc4190: bool

    @classmethod
    def of(cls, registration: dict[str, Any], server_name: str) -> "Service":
        """Raises KeyError for a field that is missing."""
        return cls(
            registration["id"],
            registration["url"],
            registration["as_token"],
            registration["hs_token"],
            f"@{registration['sender_localpart']}:{server_name}",
            tuple(space["regex"] for space in registration.get("namespaces", {}).get("users") or []),
            bool(registration.get("rate_limited", True)),
            bool(registration.get("io.element.msc4190", False)),
        )

    def owns(self, user: str) -> bool:
        """Whether the user is its own, or in its namespace."""
        return user == self.sender or any(re.match(pattern, user) for pattern in self.users)

    def wants(self, event: Event, room: Room) -> bool:
        """Whether it hears of an event: by its sender, by whom it is about, or by who is in the room."""
        about = event.state_key if event.type == "m.room.member" else None
        return (
            self.owns(event.sender)
            or (about is not None and self.owns(about))
            or any(self.owns(user) for user in room.joined())
        )

    def speaks_for(self, user: str, known: Callable[[str], bool]) -> None:
        """Raises Refusal where `?user_id=` names somebody it may not speak for."""
        if user == self.sender:
            return
        if not self.owns(user):
            raise Refusal(403, "M_FORBIDDEN", "Application service cannot masquerade as this user.")
        if not known(user):
            raise Refusal(403, "M_FORBIDDEN", "Application service has not registered this user")


class Pusher:
    """Sends one service its events, in order, each transaction until it is taken. `taken` is told the last position."""

    def __init__(
        self, service: Service, transport: httpx.AsyncBaseTransport | None, taken: Callable[[int], None]
    ) -> None:
        self.service = service
        self._taken = taken
        self.transactions = 0
        self.in_hand = False
        self._queue: asyncio.Queue[Event] = asyncio.Queue()
        self._http = httpx.AsyncClient(transport=transport, trust_env=False, timeout=10)
        self._task: asyncio.Task[None] | None = None

    def add(self, event: Event) -> None:
        """One more event for it."""
        if self.service.url is None:
            return
        self._queue.put_nowait(event)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def idle(self) -> bool:
        """Everything was taken."""
        return self._queue.empty() and not self.in_hand

    async def ping(self, transaction_id: str) -> Content:
        """POST /_matrix/app/v1/ping -> the answer to the service. Raises Refusal."""
        if self.service.url is None:
            raise Refusal(400, "M_URL_NOT_SET", "The application service does not have a URL set")
        try:
            answer = await self._send("POST", "ping", {"transaction_id": transaction_id} if transaction_id else {})
        except httpx.TransportError as error:
            raise Refusal(502, "M_CONNECTION_FAILED", str(error)) from None
        if answer.status_code != 200:
            raise Refusal(502, "M_BAD_STATUS", f"HTTP {answer.status_code}", body=answer.text)
        return {"duration_ms": 1}

    async def stop(self) -> None:
        """As the homeserver's end: what was not taken is not sent."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._http.aclose()

    async def _run(self) -> None:
        while True:
            events = [await self._queue.get()]
            self.in_hand = True
            while not self._queue.empty() and len(events) < MAX_EVENTS:
                events.append(self._queue.get_nowait())
            self.transactions += 1  # begins anew with each process
            shown = [event.seen_by("", "") for event in events]
            await self._until_taken(f"transactions/{self.transactions}", {"events": shown})
            self._taken(events[-1].position)
            self.in_hand = False

    async def _until_taken(self, path: str, body: Content) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await self._send("PUT", path, body)).status_code == 200:
                    return
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _send(self, method: str, path: str, body: Content) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.service.hs_token}"}
        return await self._http.request(method, f"{self.service.url}/_matrix/app/v1/{path}", json=body, headers=headers)
