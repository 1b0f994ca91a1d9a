"""Keeps every reply true: an edit when its command's state changed, a reaction at the end, one event at a time."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Protocol

from comatrix.gateway.desk.sitting import House
from comatrix.gateway.downlink import catalogue, states
from comatrix.gateway.downlink import replies as wording
from comatrix.gateway.downlink.items import Item
from comatrix.gateway.edges.store import descriptions, mailbox, nodes, replies, rooms
from comatrix.gateway.edges.store.replies import Reply, Speech
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import Node, SealedRow
from comatrix.gateway.uplink.priority import FINAL_EDIT, INTERMEDIATE_EDIT, REACTION

log = logging.getLogger(__name__)

LOOK_EVERY_S = 10.0
EDIT_SPACING_MS = 30_000  # between a reply and an edit that is not its last, where the account is limited


class Expiring(Protocol):
    """The part of the mailbox that time moves."""

    async def expire(self) -> int | None:
        """When to call it next, Unix ms."""


class Replying:
    """`run()` until cancelled. `poke()` when a command changed, `posted` when an event of ours is in its room.

    `sealed()` is called when there is something to send. `spacing_ms`: between edits that are not the last."""

    def __init__(
        self,
        store: Store,
        mail: Expiring,
        house: House,
        *,
        now_ms: Callable[[], int],
        sealed: Callable[[], None],
        spacing_ms: int = EDIT_SPACING_MS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._mail = mail
        self._house = house
        self._now_ms = now_ms
        self._sealed = sealed
        self._spacing_ms = spacing_ms
        self._sleep = sleep
        self._woken = asyncio.Event()

    def poke(self) -> None:
        """A command changed."""
        self._woken.set()

    def posted(self, row: SealedRow) -> None:
        """An event is in its room: the next of its reply may follow."""
        if not row.records:
            self._woken.set()

    async def run(self) -> None:
        """Look whenever something changed, and every few seconds."""
        while True:
            self._woken.clear()
            try:
                await self.look()
            except StoreError as error:
                log.warning("replies wait for the database: %s", error.text)
            await self._pause()

    async def look(self) -> None:
        """What is over ends, and every reply that may speak says what is true. Raises StoreError."""
        await self._mail.expire()
        if not self._store.read(replies.behind):
            return
        if await self._store.run(self._catch_up):
            self._sealed()

    async def _pause(self) -> None:
        waits = [asyncio.ensure_future(self._woken.wait()), asyncio.ensure_future(self._sleep(LOOK_EVERY_S))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    def _catch_up(self, connection: sqlite3.Connection) -> int:
        """-> how many events were sealed."""
        return sum(self._one(connection, number) for number in replies.behind(connection))

    def _one(self, connection: sqlite3.Connection, number: int) -> bool:
        item, reply = mailbox.by_number(connection, number), replies.of(connection, number)
        if item is None or reply is None or reply.open or reply.event_id is None:
            return False
        node = nodes.by_number(connection, item.new.node)
        if node is None:
            return False
        if reply.shown != replies.shown(item):
            return self._edit(connection, item, reply, node)
        return self._react(connection, item)

    def _edit(self, connection: sqlite3.Connection, item: Item, reply: Reply, node: Node) -> bool:
        final = states.final(item.state)
        if not final and self._now_ms() - reply.sealed_ms < self._spacing_ms:
            return False
        target = reply.event_id
        assert target is not None
        beside = wording.Beside(
            node=node.name,
            timezone=self._house.timezone,
            expected_ms=self._house.expected_ms(connection, node.number),
            value=catalogue.value_words(descriptions.read(connection, node.number), item.new.order, item.value),
        )
        priority = FINAL_EDIT if final else INTERMEDIATE_EDIT
        row = self._seal(connection, item, "edit", priority, lambda txn: wording.edit(item, beside, target, txn))
        if row is None:
            return False
        replies.edited(connection, item.number, row, replies.shown(item), self._now_ms())
        return True

    def _react(self, connection: sqlite3.Connection, item: Item) -> bool:
        event_id = item.new.event_id
        if event_id is None or wording.reaction(item, event_id, "") is None:
            replies.reacted(connection, item.number, None)
            return False
        row = self._seal(connection, item, "react", REACTION, lambda txn: wording.reaction(item, event_id, txn) or {})
        if row is None:
            return False
        replies.reacted(connection, item.number, row)
        return True

    def _seal(
        self, connection: sqlite3.Connection, item: Item, kind: str, priority: int, make: replies.Make
    ) -> int | None:
        """None: its room is gone, or encrypted by now."""
        room = None if item.new.room is None else rooms.by_id(connection, item.new.room)
        if room is None or room.encrypted:
            return None
        speech = Speech(room, make, kind, priority)
        return replies.seal(connection, self._house.instance, self._house.voice(), speech, self._now_ms())
