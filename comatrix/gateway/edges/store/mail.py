"""The mailbox as receiving and the desk see it. A change is told once it is on disk, in the loop's thread."""

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from comatrix.codec.records import Command
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item, Order
from comatrix.gateway.edges.store import descriptions, mailbox, node_texts, settled
from comatrix.gateway.edges.store.store import Store

TTL_MS = 86_400_000  # of a text from another node
HASH_SIZE = 4
Hinders = Callable[[int, Command], str | None]
NumberOf = Callable[[bytes | None, Order], int | str | None]
GONE = "the node does not offer that any more"
FORGOT = "the node made new keys, and may have forgotten what it did"


@dataclass(slots=True)
class Done:
    """What a job did: its answer, the items that changed, and of each node it touched whether something is open."""

    answer: Any = None
    changed: list[Item] = field(default_factory=list)
    open: dict[int, bool] = field(default_factory=dict)


Job = Callable[[sqlite3.Connection, Done], None]


class Mail:
    """Made and used in the event loop's thread. `begin` comes first.

    `changed(item)`: it is new, or its state is another; one more time on air is no change. `number_of(description,
    order)`: the order's number on the air, or the text of "say"; None: that description does not offer it.
    `hinders(node, command)`: why it cannot go over the node's link, in words, else None.
    Every method that waits raises StoreError where the disk refuses; then nothing of it was done.
    """

    def __init__(
        self,
        store: Store,
        *,
        now_ms: Callable[[], int],
        changed: Callable[[Item], None],
        number_of: NumberOf,
        ttl_ms: int = TTL_MS,
        hinders: Hinders = lambda node, command: None,
    ) -> None:
        self._store = store
        self._now_ms = now_ms
        self._told_of = [changed]
        self._number_of = number_of
        self._ttl_ms = ttl_ms
        self._hinders = hinders
        self._open: set[int] = set()

    def on_changed(self, tell: Callable[[Item], None]) -> None:
        """Somebody else is told of changes too."""
        self._told_of.append(tell)

    async def begin(self) -> int | None:
        """At start: what came of it all meanwhile -> when `expire` is due next; None: nothing waits."""

        def job(connection: sqlite3.Connection, done: Done) -> None:
            self._take_from_log(connection, done)
            done.changed += mailbox.doubt_copy(connection, self._now_ms())
            done.changed += mailbox.expire(connection, self._now_ms())
            done.open = dict.fromkeys(mailbox.nodes_with_open(connection), True)
            done.answer = mailbox.next_expiry_ms(connection)

        due_ms: int | None = await self._run(job)
        return due_ms

    async def look(self) -> None:
        """Something was written beside us: as `begin`, and of a node for which nothing waited before that is told."""
        known = set(self._open)
        await self.begin()
        news = self._open - known

        def job(connection: sqlite3.Connection, done: Done) -> None:
            for node in sorted(news):
                done.changed += mailbox.open_items(connection, node)[:1]

        if news:
            await self._run(job)

    def waits(self, node: int) -> bool:
        """Whether something is queued for the node, or on air to it."""
        return node in self._open

    async def air(self, node: int) -> Command | None:
        """What the next answer to the node carries, on air on disk; None: nothing, or its description is on the way."""
        if node not in self._open:
            return None

        def job(connection: sqlite3.Connection, done: Done) -> None:
            self._catch_up(connection, done, node)
            done.answer = self._next(connection, done, node)

        command: Command | None = await self._run(job, node)
        return command

    async def rekeyed(self, node: int) -> None:
        """The node made new keys (RFC 8613 Appendix B.2), as one does that lost its state: it may have executed what is
        on air and not know it, so that goes on air no more."""
        if node not in self._open:
            return

        def job(connection: sqlite3.Connection, done: Done) -> None:
            self._catch_up(connection, done, node)
            for item in mailbox.open_items(connection, node):
                if item.state == states.ON_AIR:
                    ended = mailbox.end(connection, item.number, states.LOST, self._now_ms(), FORGOT)
                    done.changed += [] if ended is None else [ended]

        await self._run(job, node)

    async def result_stored(self) -> None:
        """A result is in the log: its item hears of it."""
        await self._run(self._take_from_log)

    async def text_stored(self) -> None:
        """A text to a node is in the log: it waits for that node."""
        await self._run(self._take_from_log)

    async def apply(self, job: Callable[[sqlite3.Connection], list[Item]]) -> None:
        """A transaction of the desk -> the commands it queued or ended, told like any change. What is over by then is
        over before it."""

        def work(connection: sqlite3.Connection, done: Done) -> None:
            self._catch_up(connection, done, None)
            done.changed += job(connection)

        await self._run(work)

    async def expire(self) -> int | None:
        """Ends what nobody can answer any more -> when to call this next; None: nothing is open. Also after a node was
        revoked."""

        def job(connection: sqlite3.Connection, done: Done) -> None:
            self._catch_up(connection, done, None)
            done.answer = mailbox.next_expiry_ms(connection)

        due_ms: int | None = await self._run(job)
        return due_ms

    async def describe(self, node: int, body: bytes) -> None:
        """The node described itself: the CBOR as it came."""
        hash = hashlib.sha256(body).digest()[:HASH_SIZE]
        await self._store.run(
            lambda connection: descriptions.put(connection, node, hash, body, self._now_ms()), refusable=True
        )

    async def executed(self, node: int, id: int) -> None:
        """The node says it executed this id: the next ids are above it."""
        await self._store.run(lambda connection: mailbox.executed(connection, node, id), refusable=True)

    def known_hash(self, node: int) -> bytes | None:
        """Of the description that is here."""
        return self._store.read(lambda connection: descriptions.hash_of(connection, node))

    def description(self, node: int) -> bytes | None:
        """Its CBOR."""
        return self._store.read(lambda connection: descriptions.body(connection, node))

    def _take_from_log(self, connection: sqlite3.Connection, done: Done) -> None:
        """What nodes said of their commands, and to each other."""
        done.changed += settled.settle_results(connection)
        done.changed += node_texts.queue_texts(connection, self._ttl_ms)

    def _catch_up(self, connection: sqlite3.Connection, done: Done, node: int | None) -> None:
        """A result that is here already comes before any judgement that none came."""
        self._take_from_log(connection, done)
        done.changed += mailbox.expire(connection, self._now_ms(), node)

    def _next(self, connection: sqlite3.Connection, done: Done, node: int) -> Command | None:
        """The first standing item that the node offers, on air; what it does not offer ends."""
        outdated = descriptions.outdated(connection, node)
        while (item := mailbox.standing(connection, node, self._now_ms())) is not None:
            order = item.new.order
            if outdated and order.verb != "say":
                return None  # its numbers may mean something else by now
            what = self._number_of(descriptions.body(connection, node), order)
            values: list[object] = [] if isinstance(what, str) else list(order.values)
            reason = GONE if what is None else self._hinders(node, Command(item.id or 0, what, values))
            if what is not None and reason is None:
                item = self._aired(connection, done, item)
                if item.state == states.ON_AIR and item.id is not None:
                    return Command(item.id, what, values)
                continue
            event = states.DENIED if item.state == states.QUEUED else states.LOST  # it may have been done before
            done.changed += filter(None, [mailbox.end(connection, item.number, event, self._now_ms(), reason or GONE)])
        return None

    def _aired(self, connection: sqlite3.Connection, done: Done, item: Item) -> Item:
        after = mailbox.air(connection, item, self._now_ms())
        if after.state != item.state:
            done.changed.append(after)
        return after

    async def _run(self, job: Job, node: int | None = None) -> Any:
        """A job in one transaction -> its answer. What is committed is told also where who asked gave up waiting."""

        def work(connection: sqlite3.Connection) -> Done:
            done = Done()
            job(connection, done)
            touched = {item.new.node for item in done.changed} | ({node} if node is not None else set())
            done.open |= {one: bool(mailbox.open_items(connection, one)) for one in touched}
            return done

        return await asyncio.shield(asyncio.ensure_future(self._told(work)))

    async def _told(self, work: Callable[[sqlite3.Connection], Done]) -> Any:
        done = await self._store.run(work, refusable=True)
        for node, waits in done.open.items():
            (self._open.add if waits else self._open.discard)(node)
        for item in done.changed:
            for tell in self._told_of:
                tell(item)
        return done.answer
