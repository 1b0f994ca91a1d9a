"""A gateway that judges readings, in virtual time: a real database, a poster, a scripted homeserver."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

from comatrix.codec import cbor
from comatrix.gateway.desk.alarming import Alarming
from comatrix.gateway.desk.sitting import House, Sitting
from comatrix.gateway.desk.verbs import Verbs
from comatrix.gateway.downlink.addressing import Called
from comatrix.gateway.downlink.alarm_words import limit_of
from comatrix.gateway.downlink.grammar import read_untrusted
from comatrix.gateway.downlink.replies import Place
from comatrix.gateway.edges.store import alarms, nodes, status
from comatrix.gateway.edges.store.status import NodeStatus
from comatrix.gateway.model import NewRecord, Voice
from tests.gateway.delivery_world import InlineStore, World

ANN = "@ann:b"
HUMIDITY, BATTERY = 1, 2
MINUTE_MS = 60_000


class AlarmWorld(World):
    """`node`: garden, in `room`. `type` is a command of Ann's, `read` a reading that is stored and looked at."""

    def __init__(self, folder: Path, *, silence: bool = True, limits: Sequence[str] = ()) -> None:
        super().__init__(folder)
        self.room_ = self.room("!a:b")
        self.garden = self.node("garden", self.room_, post="7d")
        self.silence = silence
        self.limits = limits
        self.operator: list[str] = []
        self.seen: dict[int, int] = {}
        self.sealed = 0
        self.voice: Callable[[], Voice] = lambda: Voice("@cx:b", "CX")
        self.open_alarming()

    def open_alarming(self) -> None:
        """As a start of the gateway does."""
        self.seen.clear()
        self.house = House(
            instance=self.store.instance,
            voice=lambda: self.voice(),
            timezone=UTC,
            expected_ms=lambda connection, node: None,
            called=Called("!cx", ""),
            ttl_ms=1,
            max_age_ms=1,
            per_node=1,
            limits=[limit_of(text) for text in self.limits],
        )
        self.alarming = Alarming(
            InlineStore(self.store),  # type: ignore[arg-type]
            self.house,
            now_ms=self.clock.now_ms,
            seen=self.seen.get,
            sealed=self._sealed,
            tell=self.operator.append,
            silence=self.silence,
            sleep=self._sleep,
        )

    async def again(self, *, after_ms: int = 0) -> None:
        """The process ends and another one starts."""
        await self.restart(after_ms=after_ms)
        self.poster.on_posted(self.alarming.posted)
        self.open_alarming()

    def type(self, line: str) -> str:
        """-> the gateway's answer."""
        parsed = read_untrusted(f"!cx {line}")
        assert parsed is not None
        told: list[str] = []

        def job(connection: sqlite3.Connection) -> None:
            sitting = Told(connection, self.house, self.room_, self.clock.ms, Place("$asked"), ANN)
            Verbs(self.seen.get, "!cx", lambda here: []).act(sitting, parsed, nodes.all_nodes(connection))
            told.extend(sitting.texts)

        self.store.write(job)
        return "\n".join(told)

    async def keep(self, values: dict[int, int], *, age_s: int = 0) -> None:
        """A reading is stored, and nobody looked yet."""
        self._seq += 1
        now_ms = self.clock.ms
        record = NewRecord(
            self.garden.number, 1, self._seq, self.room_.id, "readings", cbor.encode(values),
            now_ms - age_s * 1000, now_ms, self._seq, b"12345678",
        )  # fmt: skip
        self.seen[self.garden.number] = now_ms
        await self._append(record)
        self.alarming.stored(record)

    async def read(self, *volts: int, after_ms: int = MINUTE_MS, age_s: int = 0) -> None:
        """Battery readings in hundredths of a volt, each a while after the one before, and looked at."""
        for value in volts:
            await self.after(after_ms)
            await self.keep({BATTERY: value}, age_s=age_s)
            await self.look()

    async def look(self) -> None:
        """What woke the loop, or its tick, leads to."""
        await self.alarming.look()
        await self.after(0)

    def state(self) -> list[str]:
        """Of garden's alarms."""
        return [one.standing.state for one in self.store.read(alarms.of)]

    def every(self, interval_s: int) -> None:
        """Garden says how often it wakes."""
        said = NodeStatus(self.garden.number, last_seen_ms=self.clock.ms, wake_interval_s=interval_s)
        self.store.write(lambda connection: status.update(connection, said))

    def events(self) -> list[dict[str, Any]]:
        """What was said of alarms and silence, oldest first."""
        contents = [event["content"] for event in self.server.log]
        return [one for one in contents if "eu.comatrix.alarm" in one or "eu.comatrix.presence" in one]

    def bodies(self) -> list[str]:
        """The same, for people."""
        return [event["body"] for event in self.events()]

    async def _sleep(self, seconds: float) -> None:
        await self.clock.wait(self.clock.ms + round(seconds * 1000))

    async def _append(self, record: NewRecord) -> None:
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.store.append(record, None, told.set_result)
        await told

    def _sealed(self) -> None:
        self.sealed += 1
        if self._task is not None:
            self.poster.reload()


@dataclass(slots=True)
class Told(Sitting):
    """Keeps what it tells, instead of sealing it."""

    texts: list[str] = field(default_factory=list)

    def tell(self, text: str) -> None:
        self.texts.append(text)
