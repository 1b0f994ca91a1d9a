"""The poster's homeserver in tests: scripted, in memory, and it forgets when it is told to."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from comatrix.gateway.model import HomeserverAnswer, Room, Voice

START_MS = 1_700_000_000_000
Step = Callable[["FakeHomeserver", str, str, bytes], HomeserverAnswer | None]


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
