"""Lines for the operator, also as notices in `[gateway] admin_room`. The log has them too, so none is retried."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from comatrix.gateway.model import HomeserverAnswer

PAUSE_S = 5.0  # lines that come meanwhile share a notice
MOST_LINES = 50
MESSAGE = "m.room.message"


class Homeserver(Protocol):
    """The calls this needs; none raises for what the network does."""

    async def join(self, room: str) -> HomeserverAnswer: ...

    async def is_encrypted(self, room_id: str) -> bool | None: ...

    async def send_event(self, room_id: str, event_type: str, txn_id: str, content: bytes) -> HomeserverAnswer: ...


class OperatorRoom:
    """`tell` from anywhere; `run` until cancelled. `transaction()` gives a fresh transaction id."""

    def __init__(
        self,
        homeserver: Homeserver,
        room: str,
        *,
        log: Callable[[str], None],
        transaction: Callable[[], str],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._homeserver = homeserver
        self._room = room
        self._log = log
        self._transaction = transaction
        self._sleep = sleep
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._wake = asyncio.Event()
        self._room_id: str | None = None

    def tell(self, text: str) -> None:
        """Log a line now, and post it soon if there is a room for it."""
        self._log(text)
        if self._room:
            self._lines.append(text)
            self._wake.set()

    async def run(self) -> None:
        """Post what was told."""
        while True:
            await self._wake.wait()
            await self._sleep(PAUSE_S)
            self._wake.clear()
            lines = list(self._lines)
            self._lines.clear()
            if lines and await self._may_post():
                content = {"msgtype": "m.notice", "body": "\n".join(lines), "m.mentions": {}}
                text = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
                assert self._room_id is not None
                await self._homeserver.send_event(self._room_id, MESSAGE, self._transaction(), text)

    async def _may_post(self) -> bool:
        """Joined, and known not to be encrypted; asked anew each time, since it may be switched on."""
        if self._room_id is None:
            joined = await self._homeserver.join(self._room)
            if not joined.ok or joined.body is None:
                return False
            self._room_id = str(joined.body.get("room_id", self._room))
        return await self._homeserver.is_encrypted(self._room_id) is False
