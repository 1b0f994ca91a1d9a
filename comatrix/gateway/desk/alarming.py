"""Keeps rooms told of readings beyond their limits and of silent nodes. While there is no limit, no reading is read."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable

from comatrix.gateway.desk.announcing import edit_over
from comatrix.gateway.desk.judging import Judging
from comatrix.gateway.desk.silence import Silence
from comatrix.gateway.desk.sitting import House
from comatrix.gateway.edges.store import alarm_events, alarms
from comatrix.gateway.edges.store.configured_alarms import bring_in_step
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import NewRecord, SealedRow
from comatrix.gateway.uplink.priority import ALARM

log = logging.getLogger(__name__)

LOOK_EVERY_S = 10.0
GATHER_S = 0.2  # readings that come together are judged together


class Alarming:
    """`run()` until cancelled. `stored` with every record on disk, `posted` when an event of ours is in its room,
    `poke()` when a person changed something.

    `seen(node)`: when the running gateway heard it last, Unix ms. `sealed()`: there is something to send. `tell(line)`:
    the operator. `silence`: whether rooms are told of silent nodes.
    """

    def __init__(
        self,
        store: Store,
        house: House,
        *,
        now_ms: Callable[[], int],
        seen: Callable[[int], int | None],
        sealed: Callable[[], None],
        tell: Callable[[str], None],
        silence: bool = True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._house = house
        self._now_ms = now_ms
        self._sealed = sealed
        self._tell = tell
        self._told: frozenset[str] = frozenset()
        self._in_step = False  # with the configuration's limits
        self._sleep = sleep
        self._woken = asyncio.Event()
        self._watched: frozenset[int] = frozenset()
        self._judging = Judging(house, now_ms)
        self._silence = Silence(store, house, now_ms, seen, on=silence)

    def stored(self, record: NewRecord) -> None:
        """Called for every record: costs nothing while its node has no limit."""
        if record.node in self._watched and record.kind == "readings":
            self._woken.set()

    def poke(self) -> None:
        """A person changed a limit or a node."""
        self._in_step = False
        self._woken.set()

    def posted(self, row: SealedRow) -> None:
        """An event is in its room: if it is over by now, it can be edited."""
        if row.priority == ALARM and not row.records:
            self._woken.set()

    async def run(self) -> None:
        """Look whenever something changed, and every few seconds."""
        while True:
            self._woken.clear()
            try:
                await self.look()
            except StoreError as error:
                log.warning("alarms wait for the database: %s", error.text)
            await self._pause()

    async def look(self) -> None:
        """Judge what came, tell of who is silent, edit what is over. Raises StoreError."""
        store, sealed = self._store, 0
        if not self._in_step:
            await self._bring_in_step()
        self._watched = store.read(alarms.watched)
        while self._has_to_judge():
            sealed += await store.run(self._judging.next_part)
        change = self._silence.change()
        if change.silent or change.back:
            sealed += await store.run(lambda connection: self._silence.tell(connection, change))
        if store.read(self._is_behind):
            sealed += await store.run(self._catch_up)
        if sealed:
            self._sealed()

    async def _bring_in_step(self) -> None:
        self._in_step = True  # first: what is changed meanwhile makes it untrue again
        limits = self._house.limits
        try:
            problems = await self._store.run(lambda connection: bring_in_step(connection, limits))
        except StoreError:
            self._in_step = False
            raise
        for line in problems:
            if line not in self._told:
                self._tell(line)
        self._told = frozenset(problems)

    def _has_to_judge(self) -> bool:
        return bool(self._watched) and self._store.read(alarms.unjudged)

    def _is_behind(self, connection: sqlite3.Connection) -> bool:
        return bool(
            alarm_events.unlearned(connection)
            or alarm_events.to_edit(connection)
            or self._silence.given_up(connection)
            or alarms.orphans(connection)
            or alarms.owed(connection, self._now_ms())
        )

    def _catch_up(self, connection: sqlite3.Connection) -> int:
        self._silence.give_up(connection)
        return self._judging.catch_up(connection) + edit_over(connection, self._house, self._now_ms())

    async def _pause(self) -> None:
        waits = [asyncio.ensure_future(self._woken.wait()), asyncio.ensure_future(self._sleep(LOOK_EVERY_S))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
        if self._woken.is_set():
            await self._sleep(GATHER_S)
