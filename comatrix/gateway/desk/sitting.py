"""One message's part of the transaction that hears it: what it queues, ends and is answered commits together."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo

from comatrix.gateway.downlink import replies as wording
from comatrix.gateway.downlink.items import Item, NewItem, Order
from comatrix.gateway.edges.store import mailbox, replies
from comatrix.gateway.edges.store.replies import Speech
from comatrix.gateway.errors import MailboxFull
from comatrix.gateway.model import Node, Room, Voice

Expected = Callable[[sqlite3.Connection, int], int | None]  # node -> its next contact, Unix ms


@dataclass(frozen=True, slots=True)
class House:
    """What is the same for every message. `voice()`: the bot as it is now; `instance`: of the database."""

    instance: str
    voice: Callable[[], Voice]
    timezone: tzinfo
    expected_ms: Expected
    ttl_ms: int
    per_node: int


@dataclass(slots=True)
class Sitting:
    """`changed`: commands that are new or over; `nodes`: those a person changed."""

    connection: sqlite3.Connection
    house: House
    room: Room
    place: wording.Place | None
    sender: str
    now_ms: int
    changed: list[Item] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)

    def tell(self, text: str) -> None:
        """One notice, in reply to the message where there is one."""
        self._seal(lambda txn: wording.notice(text, self.place, txn))

    def queue(self, node: Node, order: Order, *, ttl_ms: int | None, priority: int | None, alone: bool = True) -> None:
        """Into the node's mailbox, with its reply. `alone`: the message asks for this and nothing else."""
        new = NewItem(
            node=node.number,
            order=order,
            sender=self.sender,
            created_ms=self.now_ms,
            expires_ms=self.now_ms + (ttl_ms or self.house.ttl_ms),
            room=self.room.id,
            event_id=self.place.event_id if alone and self.place is not None else None,
            priority=1 if priority is None else priority,
        )
        try:
            item, replaced = mailbox.add(self.connection, new, node.enrolment, self.house.per_node)
        except MailboxFull as full:
            self.tell(f"{full.text}: cancel one of them, or wait")
            return
        self.changed += [item] if replaced is None else [item, replaced]
        self._reply(node, item)

    def _reply(self, node: Node, item: Item) -> None:
        place = self.place
        if place is None:
            return
        expected_ms = self.house.expected_ms(self.connection, node.number)
        beside = wording.Beside(node.name, self.house.timezone, expected_ms)
        row_id = self._seal(lambda txn: wording.first_reply(item, beside, place, txn))
        shown = replies.shown(item)
        replies.begin(self.connection, item.number, row_id, shown, place.thread, self.now_ms)

    def _seal(self, make: replies.Make) -> int:
        speech = Speech(self.room, make)
        return replies.seal(self.connection, self.house.instance, self.house.voice(), speech, self.now_ms)
