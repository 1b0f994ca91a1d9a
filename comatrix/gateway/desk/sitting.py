"""One message's part of the transaction that hears it: what it queues, ends and is answered commits together."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from comatrix.gateway.downlink.addressing import Called
from comatrix.gateway.downlink.alarm_words import Limit
from comatrix.gateway.downlink.costs import CostOf, free
from comatrix.gateway.downlink.items import Item, NewItem, Order
from comatrix.gateway.downlink.replies import Beside, Place, first_reply, notice
from comatrix.gateway.edges.store import mailbox, replies
from comatrix.gateway.edges.store.replies import Make, Speech
from comatrix.gateway.model import Node, Room, Voice

Expected = Callable[[sqlite3.Connection, int], int | None]  # node -> its next contact, Unix ms


@dataclass(frozen=True, slots=True)
class House:
    """What is the same for every message. `voice()`: the bot as it is now; `instance`: of the database; `max_age_ms`:
    older commands are not done; `per_node`: commands that may wait for one node; `limits`: of readings, that the
    configuration sets; `cost(node, item)`: in airtime, before it is sent."""

    instance: str
    voice: Callable[[], Voice]
    timezone: tzinfo
    expected_ms: Expected
    called: Called
    ttl_ms: int
    max_age_ms: int
    per_node: int
    limits: Sequence[Limit] = ()
    cost: CostOf = free


@dataclass(slots=True)
class Sitting:
    """`place`, `sender`: of a message that is answered. `changed`: commands that are new or over; `nodes`: those a
    person changed; `sealed`: whether there is something to send."""

    connection: sqlite3.Connection
    house: House
    room: Room
    now_ms: int
    place: Place | None = None
    sender: str = ""
    changed: list[Item] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)
    sealed: bool = False

    def tell(self, text: str) -> None:
        """One notice, in reply to the message where there is one."""
        self._seal(lambda txn: notice(text, self.place, txn))

    def queue(self, node: Node, order: Order, *, ttl_ms: int | None, priority: int | None, alone: bool = True) -> None:
        """Into the node's mailbox, with its reply. `alone`: the message asks for this and nothing else. Raises
        MailboxFull."""
        event_id = self.place.event_id if alone and self.place is not None else None
        if event_id is not None and mailbox.by_event(self.connection, event_id) is not None:
            return  # heard so long ago that only its command is remembered
        new = NewItem(
            node=node.number,
            order=order,
            sender=self.sender,
            created_ms=self.now_ms,
            expires_ms=self.now_ms + (ttl_ms or self.house.ttl_ms),
            room=self.room.id,
            event_id=event_id,
            priority=1 if priority is None else priority,
        )
        item, replaced = mailbox.add(self.connection, new, node.enrolment, self.house.per_node)
        self.changed += [item] if replaced is None else [item, replaced]
        self._reply(node, item)

    def end(self, number: int, event: str, reason: str) -> Item | None:
        """Takes a command back -> it; None: it is on air or over."""
        ended = mailbox.end(self.connection, number, event, self.now_ms, reason)
        self.changed += [] if ended is None else [ended]
        return ended

    def _reply(self, node: Node, item: Item) -> None:
        expected_ms = self.house.expected_ms(self.connection, node.number)
        beside = Beside(node.name, self.house.timezone, expected_ms, cost=self.house.cost(node.number, item))
        row_id = self._seal(lambda txn: first_reply(item, beside, self.place, txn))
        replies.begin(self.connection, item, self.place, row_id, self.now_ms)

    def _seal(self, make: Make) -> int:
        self.sealed = True
        speech = Speech(self.room, make)
        return replies.seal(self.connection, self.house.instance, self.house.voice(), speech, self.now_ms)
