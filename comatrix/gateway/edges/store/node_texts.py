"""Texts of nodes to other nodes: from the log into the mailbox, each once."""

import sqlite3

from comatrix.codec import cbor
from comatrix.codec.records import Text, read_text
from comatrix.errors import WireError
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item, NewItem, Order
from comatrix.gateway.edges.store import mailbox, nodes, records
from comatrix.gateway.model import Node, Record

MOST_WAITING = 4  # texts of one node to another: the rest of a mailbox is for people
CROWDED = f"{MOST_WAITING} texts of its sender waited there already"
NO_CAP = 1 << 30


def queue_texts(connection: sqlite3.Connection, ttl_ms: int) -> list[Item]:
    """Texts stored since the last call -> their items, in one transaction with how far it came: each exactly once.

    Whoever is to get one has `ttl_ms` from when it came, not from now: this runs at every start too.
    """
    new = records.node_texts(connection)
    if new:
        records.set_texts_seen(connection, new[-1].id)
    queued = [_queue(connection, record, ttl_ms) for record in new]
    return [item for item in queued if item is not None]


def _queue(connection: sqlite3.Connection, record: Record, ttl_ms: int) -> Item | None:
    text = _text(record)
    sender = nodes.by_number(connection, record.node)
    receiver = None if text is None else nodes.by_number(connection, -text.room)
    if text is None or sender is None or receiver is None:
        return None  # only what was read before is stored, and nodes stay for ever
    crowded = _waiting(connection, sender.number, receiver.number) >= MOST_WAITING
    item, _ = mailbox.add(connection, _new(record, sender, receiver, text.text, ttl_ms), receiver.enrolment, NO_CAP)
    connection.execute("UPDATE command SET from_node = ? WHERE number = ?", (sender.number, item.number))
    if crowded:
        return mailbox.end(connection, item.number, states.WITHDREW, record.received_ms, CROWDED)
    return item


def _new(record: Record, sender: Node, receiver: Node, text: str, ttl_ms: int) -> NewItem:
    order = Order("say", "", (text,), f'"{text}"')
    at_ms = record.received_ms
    return NewItem(receiver.number, order, f"node {sender.name}", at_ms, at_ms + ttl_ms)


def _text(record: Record) -> Text | None:
    try:
        return read_text(cbor.decode_untrusted(record.body))
    except WireError:
        return None


def _waiting(connection: sqlite3.Connection, sender: int, receiver: int) -> int:
    row = connection.execute(
        f"SELECT count(*) FROM command WHERE {mailbox.OPEN} AND from_node = ? AND node = ?", (sender, receiver)
    ).fetchone()
    return int(row[0])
