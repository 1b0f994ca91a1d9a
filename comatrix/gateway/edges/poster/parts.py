"""What the parts of the poster share: its collaborators, and the books they keep together."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TypeVar

from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import SealedRow
from comatrix.gateway.uplink.budget import Budget
from comatrix.gateway.uplink.dispatch import Dispatch
from comatrix.gateway.uplink.ports import Homeserver, Outbox, Voices
from comatrix.gateway.uplink.sealing import Render
from comatrix.gateway.uplink.streams import Streams
from comatrix.gateway.uplink.troubles import Troubles

STORE_RETRY_MS = 5_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """`ours`: whether we may speak as this user. `now_ms` is Unix time; `wait(until_ms)` returns then."""

    outbox: Outbox
    homeserver: Homeserver
    voices: Voices
    ours: Callable[[str], bool]
    dedupe: str
    now_ms: Callable[[], int]
    wait: Callable[[int], Awaitable[None]]
    random: Callable[[int], int]
    timezone: tzinfo
    render: Render
    streams: Streams
    budget: Budget
    dispatch: Dispatch
    troubles: Troubles
    posted: list[Callable[[SealedRow], None]] = field(default_factory=list)  # told of each row that is in its room

    async def persist(self, write: Callable[[], Awaitable[T]]) -> T:
        """A write that must happen: again until the database takes it."""
        told = False
        while True:
            try:
                return await write()
            except StoreError as error:
                if not told:
                    self.troubles.database(error.text, error.next_step)
                told = True
                await self.wait(self.now_ms() + STORE_RETRY_MS)
