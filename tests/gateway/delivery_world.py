"""A world for the poster in virtual time: a clock, a scripted homeserver, a real database."""

import asyncio
import heapq
import sqlite3
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any, TypeVar

from comatrix.codec import cbor
from comatrix.gateway.edges.poster import Poster
from comatrix.gateway.edges.store import nodes, outbox, rooms
from comatrix.gateway.edges.store.delivery import Delivery
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import NewRecord, Node, Room
from tests.gateway.delivery_homeserver import START_MS, FakeHomeserver, FakeVoices

T = TypeVar("T")


class Clock:
    """`wait` sleeps in virtual time; `run_until` lets it pass."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.ms = now_ms
        self._waits: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        return self.ms

    async def wait(self, until_ms: int) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waits, (until_ms, id(future), future))
        await future

    async def run_until(self, at_ms: int) -> None:
        await settle()
        while self._waits and self._waits[0][0] <= at_ms:
            until_ms, _, future = heapq.heappop(self._waits)
            if not future.done():
                self.ms = max(self.ms, until_ms)
                future.set_result(None)
                await settle()
        self.ms = max(self.ms, at_ms)


async def settle() -> None:
    for _ in range(40):
        await asyncio.sleep(0)


def render(records: Any, nodes: Any, *, txn_id: str, **more: Any) -> dict[str, Any]:
    return {"eu.comatrix.id": txn_id, "records": [[record.node, record.seq] for record in records]}


class InlineStore:
    """The store without its thread, so that a test's virtual time never waits for a real disk."""

    def __init__(self, store: Store) -> None:
        self.instance = store.instance
        self.read = store.read
        self._store = store

    async def run(self, job: Callable[[sqlite3.Connection], T]) -> T:
        return self._store.write(job)


class World:
    """One gateway's database and its poster; `crash` and `start` again as often as a test likes."""

    def __init__(self, folder: Path, clock: Clock | None = None, server: FakeHomeserver | None = None) -> None:
        self.path = folder / "gateway.db"
        self.clock = clock or Clock()
        self.server = server or FakeHomeserver()
        self.lines: list[str] = []
        self.server.clock_ms = self.clock.now_ms
        self.render: Any = render
        self.voices: FakeVoices | None = None
        self.dedupe = "auto"
        self.store = Store.open(self.path, self.clock.ms)
        self._seq = 0
        self._task: asyncio.Task[None] | None = None

    def room(self, room_id: str = "!a:b") -> Room:
        return self.store.write(lambda connection: rooms.add(connection, room_id))

    def node(self, name: str, room: Room, post: str = "every") -> Node:
        return self.store.write(lambda connection: nodes.add(connection, name, room.id, now_ms=0, post=post))

    async def say(self, node: Node, *values: int, kind: str = "readings") -> list[int]:
        """One record a value, each of the next seq -> the seqs."""
        said = []
        for value in values:
            self._seq += 1
            said.append(self._seq)
            await self.append(node, self._seq, {0: value}, kind)
        self.poke()
        return said

    async def append(self, node: Node, seq: int, values: dict[int, int], kind: str = "readings") -> Any:
        now_ms = self.clock.ms
        new = NewRecord(node.number, 1, seq, node.room, kind, cbor.encode(values), now_ms, now_ms, seq, b"12345678")
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.store.append(new, None, told.set_result)
        return await told

    def poke(self) -> None:
        if self._task is not None:
            self.poster.poke()

    async def start(self, sender: str = "@cx:b", device: str = "CX") -> None:
        voices = self.voices
        self.delivery = Delivery(InlineStore(self.store), sender=sender, device=device)
        self.poster = Poster(
            self.delivery,
            self.server,
            now_ms=self.clock.now_ms,
            wait=self.clock.wait,
            tell=self.lines.append,
            random=lambda n: n // 2,
            timezone=UTC,
            render=self.render,
            voices=voices,
            ours=None if voices is None else lambda user: user == "@cx:b" or user.startswith("@cx_node_"),
            dedupe=self.dedupe,
        )
        self._task = asyncio.create_task(self.poster.run())
        await settle()

    async def crash(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            assert self._task.cancelled(), self._task.exception()
            self._task = None
        await self.store.aclose()

    async def restart(self, *, after_ms: int = 0, sender: str = "@cx:b", device: str = "CX") -> None:
        await self.crash()
        self.clock.ms += after_ms
        self.store = Store.open(self.path, self.clock.ms)
        await self.start(sender, device)

    async def after(self, ms: int) -> None:
        await self.clock.run_until(self.clock.ms + ms)

    def counts(self) -> dict[str, int]:
        return self.store.read(outbox.counts)
