"""A world for the poster in virtual time: a clock, an in-memory homeserver, a real database."""

import asyncio
import heapq
import json
import sqlite3
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any, TypeVar

from comatrix.codec import cbor
from comatrix.gateway.edges.poster import Poster
from comatrix.gateway.edges.store import nodes, outbox, rooms
from comatrix.gateway.edges.store.delivery import Delivery
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import HomeserverAnswer, NewRecord, Node, Room, Voice

T = TypeVar("T")
START_MS = 1_700_000_000_000
Step = Callable[["FakeHomeserver", str, str, bytes], HomeserverAnswer | None]


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


def answer(status: int, errcode: str, **more: Any) -> Step:
    def step(server: "FakeHomeserver", room: str, txn: str, content: bytes) -> HomeserverAnswer:
        return HomeserverAnswer(status, {"errcode": errcode}, errcode, "in words", **more)

    return step


def lost_before(server: "FakeHomeserver", room: str, txn: str, content: bytes) -> HomeserverAnswer:
    return HomeserverAnswer(None, error="timed out")


def lost_after(server: "FakeHomeserver", room: str, txn: str, content: bytes) -> HomeserverAnswer:
    server.store(room, txn, content)
    return HomeserverAnswer(None, error="timed out")


def hang_before(server: "FakeHomeserver", room: str, txn: str, content: bytes) -> None:
    return None


def hang_after(server: "FakeHomeserver", room: str, txn: str, content: bytes) -> None:
    server.store(room, txn, content)


class FakeHomeserver:
    """Remembers transaction ids by room, user and device, as Synapse does, until `forget`. `script` is consulted first,
    `rule` next; then it accepts."""

    def __init__(self, name: str | None = "Synapse") -> None:
        self.name = name
        self.events: list[tuple[str, str]] = []  # (room id, transaction id)
        self.log: list[dict[str, Any]] = []  # the same as events
        self.contents: dict[str, dict[str, Any]] = {}
        self.bytes_of: dict[tuple[str, str], bytes] = {}
        self.calls: list[tuple[str, str]] = []
        self.voices: list[Voice] = []  # of the calls
        self.checks: list[str] = []
        self.reads: list[tuple[str, str]] = []  # (room id, whom it was read as)
        self.relations_asked: list[tuple[str, str]] = []  # (event id, relation) of those that asked for relations
        self.reading: dict[str, list[HomeserverAnswer]] = defaultdict(list)  # what the next reads of a room get
        self.script: deque[Step] = deque()
        self.rule: Callable[[str, bytes], Step | None] = lambda room, content: None
        self.encrypted: dict[str, bool | None] = defaultdict(bool)
        self.unreadable: dict[str, tuple[int, str]] = {}
        self.in_flight: dict[str, int] = defaultdict(int)
        self.most_in_flight: dict[str, int] = defaultdict(int)
        self.latency: Callable[[], Any] | None = None
        self.clock_ms: Callable[[], int] = lambda: START_MS
        self.page_events = 100
        self._known: dict[tuple[str, str, str, str], str] = {}
        self._speaking = Voice("@cx:b", "CX")

    async def server_name(self) -> str | None:
        return self.name

    def forget(self, device: str | None = None) -> None:
        """Its transaction ids, or those of a device that is removed."""
        self._known = {key: event for key, event in self._known.items() if device not in (None, key[2])}

    def store(self, room: str, txn: str, content: bytes) -> HomeserverAnswer:
        voice = self._speaking
        key = (room, voice.user_id, voice.device_id, txn)
        if key not in self._known:
            self._known[key] = f"${len(self.log)}.{txn}"
            self.events.append((room, txn))
            self.contents[txn] = json.loads(content)
            self.say(room, voice.user_id, self.contents[txn], self._known[key])
        return HomeserverAnswer(200, {"event_id": self._known[key]})

    def say(self, room: str, sender: str, content: dict[str, Any], event_id: str = "") -> None:
        """An event, of whomever."""
        self.log.append(
            {
                "room_id": room,
                "type": "m.room.message",
                "event_id": event_id or f"${len(self.log)}.other",
                "sender": sender,
                "origin_server_ts": self.clock_ms(),
                "content": content,
            }
        )

    async def state_event(self, room_id: str, event_type: str) -> HomeserverAnswer:
        assert event_type == "m.room.encryption"
        self.checks.append(room_id)
        encrypted = self.encrypted[room_id]
        if room_id in self.unreadable:
            status, errcode = self.unreadable[room_id]
            return HomeserverAnswer(status, {"errcode": errcode}, errcode, "in words")
        if encrypted is None:
            return HomeserverAnswer(502, error="HTML")
        if encrypted:
            return HomeserverAnswer(200, {"algorithm": "m.megolm.v1.aes-sha2"})
        return HomeserverAnswer(404, {"errcode": "M_NOT_FOUND"}, "M_NOT_FOUND")

    async def send_event(
        self, room_id: str, event_type: str, txn_id: str, content: bytes, *, voice: Voice
    ) -> HomeserverAnswer:
        assert event_type == "m.room.message"
        assert self.bytes_of.setdefault((room_id, txn_id), content) == content, "a retry sent other bytes"
        self.calls.append((room_id, txn_id))
        self.voices.append(voice)
        self.in_flight[room_id] += 1
        self.most_in_flight[room_id] = max(self.most_in_flight[room_id], self.in_flight[room_id])
        try:
            if self.latency is not None:
                await self.latency()
            self._speaking = voice
            step = self.script.popleft() if self.script else self.rule(room_id, content)
            said = self.store(room_id, txn_id, content) if step is None else step(self, room_id, txn_id, content)
            if said is None:
                await asyncio.get_running_loop().create_future()
                raise AssertionError("hangs for ever")
            return said
        finally:
            self.in_flight[room_id] -= 1

    async def messages(
        self,
        room_id: str,
        *,
        from_token: str = "",
        limit: int = 100,
        event_filter: Mapping[str, Any] | None = None,
        voice: Voice | None = None,
    ) -> HomeserverAnswer:
        assert voice is not None and event_filter == {"senders": [voice.user_id], "types": ["m.room.message"]}
        found = [event for event in self.log if event["room_id"] == room_id and event["sender"] == voice.user_id]
        return self._page(room_id, voice, found, from_token, "end")

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
        assert voice is not None
        self.relations_asked.append((event_id, rel_type))
        about = {"rel_type": rel_type, "event_id": event_id}
        found = [event for event in self.log if event["content"].get("m.relates_to") == about]
        return self._page(room_id, voice, found, from_token, "next_batch")

    def _page(
        self, room_id: str, voice: Voice, found: list[dict[str, Any]], from_token: str, end: str
    ) -> HomeserverAnswer:
        self.reads.append((room_id, voice.user_id))
        if self.reading[room_id]:
            return self.reading[room_id].pop(0)
        start = int(from_token or 0)
        page = found[::-1][start : start + self.page_events]
        more = {end: str(start + self.page_events)} if start + self.page_events < len(found) else {}
        return HomeserverAnswer(200, {"chunk": page, **more})

    def seqs(self, room: str = "!a:b") -> list[list[int]]:
        """(node, seq) as the room's events show them."""
        shown = [event["content"].get("records", []) for event in self.log if event["room_id"] == room]
        return [pair for records in shown for pair in records]

    def batches(self, room: str = "!a:b") -> list[int]:
        return [len(self.contents[txn]["records"]) for there, txn in self.events if there == room]


class FakeVoices:
    """A ghost for each node of `ghosts`, the bot for the others. `refusals`: what `prepare` answers a user."""

    def __init__(self, ghosts: Iterable[int]) -> None:
        self.bot = Voice("@cx:b", "CX")
        self.ghosts = {node: Voice(f"@cx_node_{node}:b", "G") for node in ghosts}
        self.refusals: dict[str, HomeserverAnswer] = {}
        self.prepared: list[tuple[str, str]] = []
        self.forgotten: list[tuple[str, str | None]] = []
        self.fallen: list[str] = []

    def voice(self, room: Room, node: int) -> Voice:
        ghost = self.ghosts.get(node, self.bot)
        return self.bot if ghost.user_id in self.fallen else ghost

    async def prepare(self, voice: Voice, room: Room) -> HomeserverAnswer:
        self.prepared.append((voice.user_id, room.room_id))
        return self.refusals.get(voice.user_id, HomeserverAnswer(200, {}))

    def fall_back(self, voice: Voice, room: Room, reason: str) -> None:
        self.fallen.append(voice.user_id)

    def forget(self, voice: Voice, room: Room | None) -> None:
        self.forgotten.append((voice.user_id, None if room is None else room.room_id))


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
