"""What waits for nodes and what became of it (table command). Every change of a state goes through downlink.states."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from comatrix.codec import cbor
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item, NewItem, Order
from comatrix.gateway.edges.store import nodes
from comatrix.gateway.errors import MailboxFull

COLUMNS = (
    "node, room, event_id, sender, verb, name, arguments, shown, priority, created_ms, expires_ms, number, id, state,"
    " attempts, aired_ms, ended_ms, reason, value"
)
IN_ORDER = "ORDER BY state = 'queued', priority, number"  # what is on air stands first
OPEN = "state IN ('queued', 'on_air')"  # as the index command_open has it
HIGHEST_ID = 65_535
REMEMBERED = 10_000  # numbers: what is over and further back leaves, and a message repeated since then is taken as new
USED_UP = "all 65,535 command numbers of the node are used up: revoke it and add it again"
LIST = "comatrix command list"
MOVED = "its node belongs to another room now"
COPY = "the database was put back from a copy: what became of this is not known"

End = tuple[int, str, str]  # (number, event, reason)


def add(connection: sqlite3.Connection, new: NewItem, enrolment: int, cap: int) -> tuple[Item, Item | None]:
    """-> (the queued item, the queued `set` of the same setting that it replaced). Raises MailboxFull.

    A message that asked before gets the item it got then.
    """
    asked = None if new.event_id is None else by_event(connection, new.event_id)
    if asked is not None:
        return asked, None
    older = _queued_set(connection, new)
    waiting = len(open_items(connection, new.node)) - (older is not None)
    if waiting >= cap:
        raise MailboxFull(f"{_name(connection, new.node)} has {cap} commands waiting, and may not have more", LIST)
    number = _insert(connection, new, enrolment)
    _forget(connection, number)
    replaced = None if older is None else end(connection, older, states.REPLACED_BY, new.created_ms, f"#{number}")
    return _existing(connection, number), replaced


def by_number(connection: sqlite3.Connection, number: int) -> Item | None:
    """What people call by this number."""
    return next(iter(_items(connection, "WHERE number = ?", number)), None)


def by_event(connection: sqlite3.Connection, event_id: str) -> Item | None:
    """What this message asked for."""
    return next(iter(_items(connection, "WHERE event_id = ?", event_id)), None)


def open_items(connection: sqlite3.Connection, node: int | None = None) -> list[Item]:
    """What is not over, of one node or all, in the order it goes: on air, then by priority, then the older one."""
    where, values = _open(node)
    return _items(connection, f"WHERE {where} {IN_ORDER}", *values)


def recent(connection: sqlite3.Connection, limit: int, node: int | None = None) -> list[Item]:
    """The newest of any state, of one node or all, newest last."""
    return _items(connection, "WHERE ?1 IS NULL OR node = ?1 ORDER BY number DESC LIMIT ?2", node, limit)[::-1]


def nodes_with_open(connection: sqlite3.Connection) -> set[int]:
    """Nodes that something waits for, or is on air to."""
    return {node for (node,) in connection.execute(f"SELECT DISTINCT node FROM command WHERE {OPEN}")}


def standing(connection: sqlite3.Connection, node: int, now_ms: int) -> Item | None:
    """What the node gets next: the one on air, else the next that waits. None: nothing, or `expire` comes first."""
    items = _items(
        connection,
        f"WHERE {OPEN} AND node = ?1 AND (state = 'on_air' OR expires_ms > ?2) AND EXISTS (SELECT 1 FROM node WHERE"
        f" node.number = ?1 AND node.enrolment = command.enrolment AND NOT revoked) {IN_ORDER} LIMIT 1",
        node,
        now_ms,
    )
    return next((item for item in items if item.new.expires_ms > now_ms), None)


def air(connection: sqlite3.Connection, item: Item, now_ms: int) -> Item:
    """An open item about to be handed out, once more or first, with its id -> as it is then.

    It ends refused where the node's ids are used up.
    """
    if item.id is None:
        id = _next_id(connection, item)
        if id > HIGHEST_ID:
            return end(connection, item.number, states.DENIED, now_ms, USED_UP) or item
        connection.execute(
            "UPDATE command SET state = ?, id = ?, aired_ms = ? WHERE number = ?",
            (states.step(item.state, states.AIRED), id, now_ms, item.number),
        )
    connection.execute("UPDATE command SET attempts = attempts + 1 WHERE number = ?", (item.number,))
    return _existing(connection, item.number)


def end(
    connection: sqlite3.Connection,
    number: int,
    event: str,
    now_ms: int,
    reason: str = "",
    value: int | str | None = None,
) -> Item | None:
    """An event that ends an item -> the item, over; None: it changes nothing there, or there is no such item."""
    item = by_number(connection, number)
    after = None if item is None else states.step(item.state, event)
    if after is None or not states.final(after):
        return None
    connection.execute(
        "UPDATE command SET state = ?, ended_ms = ?, reason = ?, value = ? WHERE number = ?",
        (after, now_ms, reason, None if value is None else cbor.encode(value), number),
    )
    return _existing(connection, number)


def expire(connection: sqlite3.Connection, now_ms: int, node: int | None = None) -> list[Item]:
    """Ends what is not to reach its node any more, of one node or all: its time is over, the node's keys are, or the
    node left the room it was typed in."""
    ends = [*_overtaken(connection, node), *_timed_out(connection, now_ms, node), *_moved(connection, node)]
    ended = [end(connection, number, event, now_ms, reason) for number, event, reason in ends]
    return [item for item in ended if item is not None]


def next_expiry_ms(connection: sqlite3.Connection) -> int | None:
    """When the next open item's time is over; None: nothing is open."""
    found: int | None = connection.execute(f"SELECT min(expires_ms) FROM command WHERE {OPEN}").fetchone()[0]
    return found


def doubt_copy(connection: sqlite3.Connection, now_ms: int) -> list[Item]:
    """At start: where the database is a copy put back, whatever is open in it may have been done since it was made.

    So none of it goes on air again: a command is executed at most once.
    """
    marks = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('instance', 'mailbox_of')").fetchall())
    _mark_instance(connection, "REPLACE")
    if marks.get("mailbox_of", marks.get("instance")) == marks.get("instance"):
        return []
    ended = [end(connection, item.number, states.LOST, now_ms, COPY) for item in open_items(connection)]
    return [item for item in ended if item is not None]


def executed(connection: sqlite3.Connection, node: int, id: int) -> None:
    """The node says it executed this id: the next ids are above it."""
    connection.execute("INSERT OR IGNORE INTO node_status (node) VALUES (?)", (node,))
    connection.execute(
        "UPDATE node_status SET executed_id = max(coalesce(executed_id, 0), ?) WHERE node = ?", (id, node)
    )


def _open(node: int | None) -> tuple[str, tuple[int, ...]]:
    """-> (condition, its values): what is not over, of one node or all."""
    return (OPEN, ()) if node is None else (f"{OPEN} AND node = ?", (node,))


def _overtaken(connection: sqlite3.Connection, node: int | None) -> list[End]:
    """What waits for keys that the node has no more."""
    where, values = _open(node)
    rows = connection.execute(
        "SELECT command.number, state, revoked FROM command JOIN node ON node.number = command.node"
        f" WHERE {where} AND (revoked OR command.enrolment <> node.enrolment)",
        values,
    ).fetchall()
    return [
        (number, _too_late(state), "the node was " + ("revoked" if revoked else "enrolled anew"))
        for number, state, revoked in rows
    ]


def _timed_out(connection: sqlite3.Connection, now_ms: int, node: int | None) -> list[End]:
    where, values = _open(node)
    rows = connection.execute(f"SELECT number FROM command WHERE {where} AND expires_ms <= ?", (*values, now_ms))
    return [(number, states.TIMED_OUT, "") for (number,) in rows.fetchall()]


def _moved(connection: sqlite3.Connection, node: int | None) -> list[End]:
    """What was typed in a room that the node left: nobody asks any more who may there."""
    where, values = _open(node)
    rows = connection.execute(
        "SELECT command.number FROM command JOIN node ON node.number = command.node"
        f" WHERE {where} AND state = 'queued' AND command.room <> node.room AND NOT EXISTS"
        " (SELECT 1 FROM node_room WHERE node_room.node = command.node AND node_room.room = command.room)",
        values,
    )
    return [(number, states.WITHDREW, MOVED) for (number,) in rows.fetchall()]


def _too_late(state: str) -> str:
    return states.WITHDREW if state == states.QUEUED else states.LOST


def _queued_set(connection: sqlite3.Connection, new: NewItem) -> int | None:
    if new.order.verb != "set":
        return None
    row = connection.execute(
        f"SELECT number FROM command WHERE {OPEN} AND state = 'queued' AND node = ? AND verb = 'set' AND name = ?",
        (new.node, new.order.name),
    ).fetchone()
    return None if row is None else int(row[0])


def _insert(connection: sqlite3.Connection, new: NewItem, enrolment: int) -> int:
    _mark_instance(connection, "INSERT OR IGNORE")
    order = new.order
    number = connection.execute(
        "INSERT INTO command (node, enrolment, room, event_id, sender, verb, name, arguments, shown, priority,"
        " created_ms, expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.node,
            enrolment,
            new.room,
            new.event_id,
            new.sender,
            order.verb,
            order.name,
            cbor.encode(order.values),
            order.shown,
            new.priority,
            new.created_ms,
            new.expires_ms,
        ),
    ).lastrowid
    assert number is not None
    return number


def _mark_instance(connection: sqlite3.Connection, how: str) -> None:
    """Whose commands these are: a copy put back gets another instance id."""
    connection.execute(f"{how} INTO meta SELECT 'mailbox_of', value FROM meta WHERE key = 'instance'")


def _forget(connection: sqlite3.Connection, newest: int) -> None:
    """The highest id of an enrolment stays known: the next one is above it."""
    connection.execute(
        f"DELETE FROM command WHERE number <= ? AND NOT ({OPEN}) AND (id IS NULL OR id < (SELECT max(id) FROM command"
        " AS other WHERE other.node = command.node AND other.enrolment = command.enrolment AND id IS NOT NULL))",
        (newest - REMEMBERED,),
    )


def _next_id(connection: sqlite3.Connection, item: Item) -> int:
    row = connection.execute(
        "SELECT max(coalesce((SELECT max(id) FROM command WHERE node = mine.node AND enrolment = mine.enrolment"
        " AND id IS NOT NULL), 0), coalesce((SELECT executed_id FROM node_status WHERE node = mine.node), 0)) + 1"
        " FROM command AS mine WHERE number = ?",
        (item.number,),
    ).fetchone()
    return int(row[0])


def _name(connection: sqlite3.Connection, number: int) -> str:
    node = nodes.by_number(connection, number)
    return f"node {number}" if node is None else node.name


def _existing(connection: sqlite3.Connection, number: int) -> Item:
    item = by_number(connection, number)
    assert item is not None
    return item


def _items(connection: sqlite3.Connection, rest: str, *values: object) -> list[Item]:
    return [_item(row) for row in connection.execute(f"SELECT {COLUMNS} FROM command {rest}", values)]


def _item(row: Sequence[Any]) -> Item:
    node, room, event_id, sender, verb, name, arguments, shown, priority, created_ms, expires_ms, number, *rest = row
    id, state, attempts, aired_ms, ended_ms, reason, value = rest
    values: Any = cbor.decode_untrusted(arguments)
    said: Any = None if value is None else cbor.decode_untrusted(value)
    order = Order(verb, name, tuple(values), shown)
    new = NewItem(node, order, sender, created_ms, expires_ms, room, event_id, priority)
    return Item(number, new, state, id, attempts, aired_ms, ended_ms, reason, said)
