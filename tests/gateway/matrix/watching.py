"""A room watch in virtual time, and what it told."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from comatrix.gateway.downlink.hearing import News, Said
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.room_watch import RoomWatch
from tests.support.people import Person


@dataclass(slots=True)
class Told:
    """Writes down what it is told."""

    configured: set[str] = field(default_factory=set)
    seen: list[tuple[str, ...]] = field(default_factory=list)
    follows: bool = False
    settlings: int = 0
    news: list[News] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)  # tokens

    def is_configured(self, room_id: str) -> bool:
        return room_id in self.configured

    def following(self, follows: bool) -> None:
        self.follows = follows

    async def encrypted(self, room_id: str) -> None:
        self.seen.append(("encrypted", room_id))

    async def joined(self, room_id: str) -> None:
        self.seen.append(("joined", room_id))

    async def left(self, room_id: str, membership: str, reason: str) -> None:
        self.seen.append(("left", room_id, membership, reason))

    async def upgraded(self, room_id: str, replacement: str, via: str) -> None:
        self.seen.append(("upgraded", room_id, replacement, via))

    async def power_changed(self, room_id: str) -> None:
        self.seen.append(("power", room_id))

    async def somebody_left(self, room_id: str) -> None:
        self.seen.append(("gone", room_id))

    async def heard(self, news: Sequence[News], since: str) -> None:
        self.news += news
        self.stored.append(since)

    async def settled(self) -> None:
        self.settlings += 1

    def take(self) -> list[tuple[str, ...]]:
        """What was told since the last time."""
        seen, self.seen = self.seen, []
        return seen

    def texts(self) -> list[str]:
        """What people said since the last time."""
        news, self.news = self.news, []
        return [one.text for one in news if isinstance(one, Said)]


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now_ms = 0

    def __call__(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)
        await asyncio.sleep(0)


def watching(
    client: MatrixClient, told: Told, clock: Clock, timeout_ms: int = 2000, since: str | None = None
) -> RoomWatch:
    return RoomWatch(client, told, now=clock, sleep=clock.sleep, timeout_ms=timeout_ms, since=since)


async def shared_room(client: MatrixClient, person: Person) -> str:
    """A room of the person's, with the bot in it."""
    room_id = await person.create_room(name="garden", invite=[client.user_id])
    assert (await client.join(room_id)).ok
    return room_id
