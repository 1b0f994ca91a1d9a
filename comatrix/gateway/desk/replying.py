"""Keeps every reply true: an edit when its command's state changed, a reaction at the end, one event at a time."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Protocol

from comatrix.gateway.desk.sitting import House
from comatrix.gateway.downlink import catalogue, states
from comatrix.gateway.downlink.items import Item
from comatrix.gateway.downlink.replies import REACTIONS, Beside, Place, edit, first_reply, reaction
from comatrix.gateway.edges.store import descriptions, mailbox, nodes, replies, rooms
from comatrix.gateway.edges.store.replies import Reply, Speech
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import Room, SealedRow
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

    def _catch_up(self, connection: sqlite3.Connection) -> bool:
        """-> whether an event was sealed."""
        return sum(self._say(connection, number) for number in replies.behind(connection)) > 0

    def _say(self, connection: sqlite3.Connection, number: int) -> bool:
        item, reply = mailbox.by_number(connection, number), replies.of(connection, number)
        room = None if item is None or item.new.room is None else rooms.by_id(connection, item.new.room)
        if item is None or reply is None or room is None:
            return False
        # An edit counts in the reply's room, of the reply's sender and while the reply is there; else nobody sees it.
        moved = (reply.room_id, reply.sender) != (room.room_id, self._house.voice().user_id)
        gone = moved or reply.event_id is None
        if reply.shown == replies.shown(item) and reply.row_state != "parked":
            return self._react(connection, item, None if gone else reply.asked, room)
        if gone:
            return self._anew(connection, item, reply, room)
        return self._edit(connection, item, reply, room)

    def _anew(self, connection: sqlite3.Connection, item: Item, reply: Reply, room: Room) -> bool:
        """Another reply takes the place of one that is gone."""
        answered = reply.asked is not None and reply.room_id == room.room_id
        place = Place(reply.asked or "", reply.thread) if answered else None
        beside = self._beside(connection, item)
        speech = Speech(room, lambda txn: first_reply(item, beside, place, txn))
        replies.begin(connection, item, place, self._seal(connection, speech), self._now_ms())
        return True

    def _edit(self, connection: sqlite3.Connection, item: Item, reply: Reply, room: Room) -> bool:
        final = states.final(item.state)
        if not final and 0 <= self._now_ms() - reply.sealed_ms < self._spacing_ms:
            return False
        target, beside = reply.event_id or "", self._beside(connection, item)
        priority = FINAL_EDIT if final else INTERMEDIATE_EDIT
        speech = Speech(room, lambda txn: edit(item, beside, target, txn), "edit", priority)
        replies.edited(connection, item, self._seal(connection, speech), self._now_ms())
        return True

    def _react(self, connection: sqlite3.Connection, item: Item, asked: str | None, room: Room) -> bool:
        """On the message that asked for this alone: two of a key on one message are refused."""
        if asked is None or item.new.event_id is None:
            replies.end(connection, item.number)
            return False
        key = REACTIONS[item.state]
        speech = Speech(room, lambda txn: reaction(key, asked, txn), "react", REACTION)
        replies.end(connection, item.number, self._seal(connection, speech))
        return True

    def _beside(self, connection: sqlite3.Connection, item: Item) -> Beside:
        node = nodes.by_number(connection, item.new.node)
        return Beside(
            node=f"node {item.new.node}" if node is None else node.name,
            timezone=self._house.timezone,
            expected_ms=self._house.expected_ms(connection, item.new.node),
            value=catalogue.value_words(descriptions.read(connection, item.new.node), item.new.order, item.value),
            cost=self._house.cost(item.new.node, item) if item.state == states.QUEUED else None,
        )

    def _seal(self, connection: sqlite3.Connection, speech: Speech) -> int:
        return replies.seal(connection, self._house.instance, self._house.voice(), speech, self._now_ms())
