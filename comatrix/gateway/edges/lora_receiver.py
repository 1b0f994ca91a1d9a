"""Between the radios and the database: what nodes on LoRa say is stored, and answered once it is on disk."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from comatrix_lora.errors import LoraError
from comatrix_lora.hub import Hub
from comatrix_lora.hub_events import Heard, Reception
from comatrix_lora.rules import Command
from comatrix_lora.station_events import Reserve

from comatrix.codec.records import Command as Waiting
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import Appended, Duplicate, NewRecord, Node, WindowMove
from comatrix.gateway.uplink.associations import Address, Rekeyed
from comatrix.gateway.uplink.carrying import Mail
from comatrix.gateway.uplink.ingest import Ingest
from comatrix.gateway.uplink.lora_contexts import LoraContexts
from comatrix.gateway.uplink.lora_items import rule_of
from comatrix.gateway.uplink.lora_levels import Levels
from comatrix.gateway.uplink.lora_records import Told, Unreadable, told

log = logging.getLogger("comatrix")

Outcome = Appended | Duplicate | StoreError
Seen = dict[int, tuple[int, Address]]
TOO_LONG = "too long for the one frame that reaches a node that sleeps"
TIME_EVERY_MS = 86_400_000
LOOK_AGAIN_MS = 60_000  # the counter could not be reserved: the disk is full


class Storage(Protocol):
    """What is asked of the store."""

    def append(self, record: NewRecord | None, window: WindowMove | None, done: Callable[[Outcome], None]) -> None: ...

    async def reserve(self, context: int, reserved: int) -> None:
        """Sender counters below `reserved` may be used. Raises StoreError."""

    async def rekey(self, made: Rekeyed, window: WindowMove) -> int:
        """Store a context made by Appendix B.2 -> its row id. Raises StoreError."""

    async def settle(self, context: int) -> None:
        """A rotated node spoke under its new context: the older ones die. Raises StoreError."""

    async def hello(self, node: int, hello: Any, window: WindowMove | None, now_ms: int) -> None:
        """Store what a hello said, and the window its frame moved. Raises StoreError."""

    async def keep_unread(self, node: Node, said: Unreadable, received_ms: int) -> None:
        """Store readings nobody can read yet. Raises StoreError."""

    def unread(self, node: Node) -> list[tuple[int, list[NewRecord]]]:
        """Those that can be read by now: the row of each, and what it says."""

    async def forget_unread(self, ids: list[int]) -> None:
        """They are in the log. Raises StoreError."""


class LoraReceiver:
    """Feeds the hub and carries out what its frames say. `transmit(radio, frame)` puts one on the air now; `now` and
    `wall_ms` in ms; `awaits(node, bool)`: whether an older record of it is still on its way."""

    def __init__(
        self,
        hub: Hub,
        contexts: LoraContexts,
        ingest: Ingest,
        storage: Storage,
        nodes: Callable[[int], Node | None],
        mail: Mail,
        *,
        transmit: Callable[[str, bytes], None],
        now: Callable[[], int],
        wall_ms: Callable[[], int],
        start: Callable[[Coroutine[Any, Any, None]], object],
        stored: Callable[[NewRecord, int], None],
        awaits: Callable[[int, bool], None],
        refused: Callable[[Node, str], None],
        seen: Seen,
    ) -> None:
        self.hub = hub
        self.levels = Levels()
        self._contexts = contexts
        self._ingest = ingest
        self._storage = storage
        self._nodes = nodes
        self._mail = mail
        self._transmit = transmit
        self._now = now
        self._wall_ms = wall_ms
        self._start = start
        self._stored = stored
        self._awaits = awaits
        self._refused = refused
        self._seen = seen
        self._held: dict[int, set[int]] = {}  # seqs that wait for older ones, by node
        self._clock_set: dict[int, int] = {}
        self._offered: dict[int, int] = {}  # listening node -> the item offered to it
        self._timer: asyncio.TimerHandle | None = None
        self.received = self.acknowledged = self.duplicates = 0

    async def begin(self, nodes: Iterable[Node]) -> None:
        """At start: what the last run was told how to read, and had no time for."""
        for node in nodes:
            for record, row in await self._read_at_last(node):
                self._stored(record, row)

    def receive_frame(self, radio: str, data: bytes, rssi_dbm: int, snr_db: int) -> None:
        """One frame from one radio."""
        try:
            events = self.hub.receive_datagram(data, rssi_dbm, snr_db, radio, self._now())
        except StoreError as error:  # what is known of its node cannot be read: it is not answered, and sends again
            log.warning("a frame was let go: %s", error.text)
            return
        for event in events:
            if isinstance(event, Heard):
                self.levels.note(event.node, event.receptions[0])
                self._seen[event.node] = self._wall_ms(), (-1, (f"LoRa, radio {radio}", 0))
                self._start(self._take(event))
            elif isinstance(event, Reception) and event.heard is not None:
                self.levels.note(event.heard.node, event)
        if not events:
            self.pump()  # maybe an offer of new keys; what was told is pumped once it is on disk

    async def _take(self, heard: Heard) -> None:
        """Store a frame; on disk, it is answered. What fails is not: its node sends it again."""
        node = self._nodes(heard.node)
        if heard.rekeyed is not None:
            await self._rekey(heard, heard.rekeyed)
        context = self._contexts.of_peer(heard.peer)
        if node is None or context is None:
            self.hub.failed(heard)  # a person changed that meanwhile, or new keys could not be stored
            return
        wall_ms = self._wall_ms()
        said = told(heard, node, self._ingest, wall_ms)
        try:
            rows = await self._store(node, heard, said, context.window(), wall_ms)
        except StoreError:
            self.hub.failed(heard)
            return
        self.acknowledged += 1
        if said.refused:
            self._refused(node, said.refused)
        await self._answer(node, heard, said, wall_ms)
        self._hold(node, heard, rows)
        self.pump()
        for record, row in rows:
            self._stored(record, row)

    async def _rekey(self, heard: Heard, extra: bytes) -> None:
        """Keys that Appendix B.2 made go to disk before anything is answered under them."""
        secret = self._contexts.derived_from(heard.peer)
        if secret is None:
            return
        window = WindowMove(0, heard.peer.window.highest, heard.peer.window.mask)
        try:
            key = await self._storage.rekey(Rekeyed(heard.node, secret, extra), window)
            await self._mail.rekeyed(heard.node)
        except StoreError:
            return
        if self._contexts.derived_from(heard.peer) is not None:
            self._offered.pop(heard.node, None)
            self._contexts.rekeyed(heard.peer, key)

    async def _store(
        self, node: Node, heard: Heard, said: Told, window: WindowMove, wall_ms: int
    ) -> list[tuple[NewRecord, int]]:
        """All of it on disk -> the new rows. What was there already leaves `heard.records`. Raises StoreError."""
        self.received += len(said.records)
        entries: Sequence[NewRecord | None] = said.records or [None]
        outcomes = await asyncio.gather(*[self._appended(record, window) for record in entries])
        for outcome in outcomes:
            if isinstance(outcome, StoreError):
                raise outcome
        known = {
            record.seq
            for record, outcome in zip(said.records, outcomes, strict=False)
            if isinstance(outcome, Duplicate)
        }
        self.duplicates += len(known)
        heard.records = [record for record in heard.records if record.seq not in known]
        if said.unreadable is not None:
            await self._storage.keep_unread(node, said.unreadable, wall_ms)
        rows = [
            (record, outcome.id)
            for record, outcome in zip(said.records, outcomes, strict=False)
            if isinstance(outcome, Appended) and outcome.id is not None
        ]
        if said.hello is not None:
            await self._storage.hello(node.number, said.hello, window, wall_ms)
            if said.hello.executed is not None:
                await self._mail.executed(node.number, said.hello.executed)
            self._clock_set.pop(node.number, None)
        if said.description is not None:
            await self._mail.describe(node.number, said.description)
            self.hub.renew(node.number)
            rows += await self._read_at_last(node)
        return rows

    async def _read_at_last(self, node: Node) -> list[tuple[NewRecord, int]]:
        """The node described itself: what came in its schemas before goes into the log -> the new rows."""
        rows = []
        for id, records in self._storage.unread(node):
            outcomes = [(record, await self._appended(record, None)) for record in records]
            if any(isinstance(outcome, StoreError) for _, outcome in outcomes):
                break
            await self._storage.forget_unread([id])
            for record, outcome in outcomes:
                if isinstance(outcome, Appended) and outcome.id is not None:
                    rows.append((record, outcome.id))
        return rows

    async def _appended(self, record: NewRecord | None, window: WindowMove | None) -> Outcome:
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._storage.append(record, window, done.set_result)
        return await done

    async def _answer(self, node: Node, heard: Heard, said: Told, wall_ms: int) -> None:
        with suppress(StoreError):  # it is in the log: whoever looks there next finds it
            for kind in {record.kind for record in said.records}:
                if kind == "result":
                    await self._mail.result_stored()
                elif kind == "node_text":
                    await self._mail.text_stored()
        newest = self._contexts.superseded(heard.peer)
        if newest is not None:
            with suppress(StoreError):
                await self._storage.settle(newest)
        describe = (
            said.hello is not None
            and said.hello.description is not None
            and said.hello.description != self._mail.known_hash(node.number)
        )
        item = None if describe or node.listens else await self._item(node)
        if self._nodes(node.number) is None or self._contexts.of_peer(heard.peer) is None:
            return  # a person changed that meanwhile
        asked = said.asks_time or said.hello is not None
        # A frame that asks for no answer gets none: its node would wait a day for the next time.
        time_s = self._time_if_due(node.number, wall_ms, asked=asked) if heard.ack_wanted else None
        self.hub.committed(heard, self._now(), item, time_s, describe)
        if node.listens and not describe:
            await self._offer(node)

    async def _item(self, node: Node) -> Command | None:
        """What waits for the node, on air on disk."""
        if not self._mail.waits(node.number):
            return None
        with suppress(StoreError):
            item = await self._mail.air(node.number)
            return None if item is None else rule_of(item)
        return None

    def hinders(self, node: Node, command: Waiting) -> str | None:
        """Why a command cannot reach the node over the air, in words; None: it can."""
        rule = rule_of(command)
        try:
            if node.listens:
                self.hub.check(rule)
            elif not self.hub.reaches_sleeping(rule):
                return TOO_LONG
        except LoraError as error:
            return str(error)
        return None

    def changed(self, item: Item) -> None:
        """An item is queued, or its state is another: a node that listens is told of it, or of the next, at once."""
        node = self._nodes(item.new.node)
        if node is None or node.number not in self._contexts or not node.listens:
            return
        if states.final(item.state) and self._offered.get(node.number) == item.id:
            self._offered.pop(node.number, None)
            self.hub.withdraw(node.number)
        if self._mail.waits(node.number) and node.number not in self._offered:
            self._start(self._offer(node))

    async def _offer(self, node: Node) -> None:
        if node.number in self._offered or self._contexts.speaking(node.number) is None:
            return
        rule = await self._item(node)
        if rule is not None and node.number not in self._offered:
            self._offered[node.number] = rule.id
            self.hub.offer(node.number, rule, self._now())
            self.pump()

    def _hold(self, node: Node, heard: Heard, rows: list[tuple[NewRecord, int]]) -> None:
        """Readings wait in the log for older ones that may be under way."""
        new = {record.seq for record, _ in rows} & set(heard.seqs)
        if new:
            self._held.setdefault(node.number, set()).update(new)
        self._release()
        if self._held.get(node.number):
            self._awaits(node.number, True)

    def _release(self) -> None:
        for posted in self.hub.posted(self._now()):
            held = self._held.get(posted.node)
            if held is not None:
                held.discard(posted.seq)
                if not held:
                    del self._held[posted.node]
                    self._awaits(posted.node, False)

    def pump(self) -> None:
        """Send what is due, and look again when the next is."""
        self._release()
        now = self._now()
        while frames := self.hub.datagrams_to_send(now):
            for radio, data in frames:
                self._transmit(radio, data)
        while (event := self.hub.next_event()) is not None:
            number, reserve = event
            self._start(self._reserve(number, reserve))
        self._arm(now)

    async def _reserve(self, number: int, wanted: Reserve) -> None:
        context = None if wanted.peer is None else self._contexts.of_peer(wanted.peer)
        limit = 0
        if context is not None:
            try:
                await self._storage.reserve(context.key, wanted.limit)
                if self._contexts.speaking(number) is context:  # else the next frame goes under another counter
                    limit = wanted.limit
            except StoreError:
                await asyncio.sleep(LOOK_AGAIN_MS / 1000)
        self.hub.reserved(number, limit, wanted.peer)
        self.pump()

    def _arm(self, now: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.hub.next_deadline(now)
        if due is not None:
            self._timer = asyncio.get_running_loop().call_later(max(1, due - now) / 1000, self.pump)

    def close(self) -> None:
        """Nothing is sent any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _time_if_due(self, node: int, wall_ms: int, *, asked: bool) -> int | None:
        if not asked and wall_ms - self._clock_set.get(node, -TIME_EVERY_MS) < TIME_EVERY_MS:
            return None
        self._clock_set[node] = wall_ms
        return wall_ms // 1000
