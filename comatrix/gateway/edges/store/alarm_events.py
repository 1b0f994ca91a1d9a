"""Events that tell of something that goes on, until they were edited, and silent nodes (tables alarm_event,
silent_node). For jobs of the store."""

import json
import sqlite3
from dataclasses import dataclass

from comatrix.gateway.edges.store import outbox
from comatrix.gateway.uplink import alarm_events as wording
from comatrix.gateway.uplink.alarm_events import Words

# Its row in the outbox is finished, or left it: what it became does not change any more.
SETTLED = "(alarm_event.event_id IS NOT NULL OR coalesce(state, 'gone') IN ('done', 'dropped', 'unsealed', 'gone'))"


@dataclass(frozen=True, slots=True)
class Over:
    """An event that is to be edited. `event_id` None: it never came to its room."""

    id: int
    room: int
    room_id: str
    sender: str
    event_id: str | None
    told: Words
    over: Words


def begin(connection: sqlite3.Connection, room: int, row_id: int, told: Words) -> int:
    """It was sealed as this row of the outbox -> its number here."""
    row = outbox.by_id(connection, row_id)
    assert row is not None
    cursor = connection.execute(
        "INSERT INTO alarm_event (room, room_id, sender, outbox, told) VALUES (?, ?, ?, ?, ?)",
        (room, row.room_id, row.sender, row_id, json.dumps(wording.to_json(told))),
    )
    return int(cursor.lastrowid or 0)


def over(connection: sqlite3.Connection, id: int, words: Words) -> None:
    """What it told of is over: it is to say this. One that is over already stays so."""
    connection.execute(
        "UPDATE alarm_event SET ending = ? WHERE id = ? AND ending IS NULL", (json.dumps(wording.to_json(words)), id)
    )


def end(connection: sqlite3.Connection, id: int, why: str) -> None:
    """The same, of something that nobody looks at any more."""
    row = connection.execute("SELECT told FROM alarm_event WHERE id = ?", (id,)).fetchone()
    if row is not None:
        over(connection, id, wording.ended(wording.from_json(json.loads(row[0])), why))


def unlearned(connection: sqlite3.Connection) -> bool:
    """Whether `learn` has something to do."""
    row = connection.execute(
        "SELECT 1 FROM alarm_event JOIN outbox ON outbox.id = alarm_event.outbox WHERE alarm_event.event_id IS NULL"
        " AND outbox.event_id IS NOT NULL LIMIT 1"
    )
    return row.fetchone() is not None


def learn(connection: sqlite3.Connection) -> None:
    """Matrix's ids of those that came to their rooms."""
    connection.execute(
        "UPDATE alarm_event SET event_id = (SELECT event_id FROM outbox WHERE outbox.id = alarm_event.outbox)"
        " WHERE event_id IS NULL"
    )


def to_edit(connection: sqlite3.Connection) -> list[Over]:
    """What is over, once it is known what became of its event; the oldest first."""
    rows = connection.execute(
        "SELECT alarm_event.id, alarm_event.room, alarm_event.room_id, alarm_event.sender,"
        " coalesce(alarm_event.event_id, outbox.event_id), told, ending"
        " FROM alarm_event LEFT JOIN outbox ON outbox.id = alarm_event.outbox"
        f" WHERE ending IS NOT NULL AND {SETTLED} ORDER BY alarm_event.id"
    )
    return [
        Over(
            *(id, room, room_id, sender, event_id),
            wording.from_json(json.loads(told)),
            wording.from_json(json.loads(ending)),
        )
        for id, room, room_id, sender, event_id, told, ending in rows
    ]


def forget(connection: sqlite3.Connection, id: int) -> None:
    """It was edited, or cannot be."""
    connection.execute("DELETE FROM alarm_event WHERE id = ?", (id,))


def silent(connection: sqlite3.Connection) -> dict[int, int]:
    """Silent node -> its last contact."""
    return dict(connection.execute("SELECT node, last_ms FROM silent_node").fetchall())


def fell_silent(connection: sqlite3.Connection, node: int, last_ms: int, event: int | None) -> None:
    """`event` None: nothing can be said in its room."""
    connection.execute("REPLACE INTO silent_node VALUES (?, ?, ?)", (node, last_ms, event))


def came_back(connection: sqlite3.Connection, node: int) -> int | None:
    """-> the event that said it was silent."""
    row = connection.execute("DELETE FROM silent_node WHERE node = ? RETURNING event", (node,)).fetchone()
    return None if row is None else row[0]


def unwatched(connection: sqlite3.Connection) -> list[int]:
    """Silent nodes that were revoked or blocked since: nobody waits for them."""
    rows = connection.execute("SELECT node FROM silent_node JOIN node ON number = node WHERE revoked OR blocked")
    return [node for (node,) in rows]


def watched(connection: sqlite3.Connection) -> dict[int, tuple[int, int | None]]:
    """Node that may speak and says how often it wakes -> (interval in ms, last contact as the store knows it)."""
    rows = connection.execute(
        "SELECT node, wake_interval_s, last_seen_ms FROM node_status JOIN node ON number = node"
        " WHERE wake_interval_s > 0 AND NOT revoked AND NOT blocked"
    )
    return {node: (interval_s * 1000, last_ms) for node, interval_s, last_ms in rows}
