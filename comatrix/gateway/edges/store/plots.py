"""Pictures that wait to be drawn (table plot), the oldest first. For jobs of the store."""

import sqlite3
from dataclasses import dataclass

from comatrix.gateway.downlink.replies import Place

COLUMNS = "id, room, event_id, thread, node, word, since_ms, until_ms"


@dataclass(frozen=True, slots=True)
class Asked:
    """A picture somebody asked for at `until_ms`, in the room with this row id."""

    room: int
    place: Place
    node: int
    word: int
    since_ms: int
    until_ms: int
    id: int = 0


def add(connection: sqlite3.Connection, asked: Asked) -> None:
    """It waits. A message that asked before asks for nothing."""
    connection.execute(
        "INSERT OR IGNORE INTO plot (instance, room, event_id, thread, node, word, since_ms, until_ms)"
        " SELECT value, ?, ?, ?, ?, ?, ?, ? FROM meta WHERE key = 'instance'",
        (
            asked.room,
            asked.place.event_id,
            asked.place.thread,
            asked.node,
            asked.word,
            asked.since_ms,
            asked.until_ms,
        ),
    )


def first(connection: sqlite3.Connection) -> Asked | None:
    """The next to draw; None: none waits."""
    row = connection.execute(f"SELECT {COLUMNS} FROM plot ORDER BY id LIMIT 1").fetchone()
    if row is None:
        return None
    id, room, event_id, thread, node, word, since_ms, until_ms = row
    return Asked(room, Place(event_id, thread), node, word, since_ms, until_ms, id)


def count(connection: sqlite3.Connection) -> int:
    """How many wait."""
    return int(connection.execute("SELECT count(*) FROM plot").fetchone()[0])


def take(connection: sqlite3.Connection, id: int) -> bool:
    """It waits no more: part of the transaction that answers it -> False: it did not wait, so it has no answer."""
    return connection.execute("DELETE FROM plot WHERE id = ?", (id,)).rowcount == 1


def withdraw(connection: sqlite3.Connection, event_id: str) -> None:
    """The message that asked was taken back."""
    connection.execute("DELETE FROM plot WHERE event_id = ?", (event_id,))


def forget_copied(connection: sqlite3.Connection) -> None:
    """At start: where the database is a copy put back, its original may have answered."""
    connection.execute("DELETE FROM plot WHERE instance <> (SELECT value FROM meta WHERE key = 'instance')")
