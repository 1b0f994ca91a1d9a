"""How far the rooms were heard, and which events were (tables heard_until, heard_event). For jobs of the store."""

import sqlite3

KEPT_MS = 30 * 24 * 3_600_000
KEPT_EVENTS = 100_000
STEP = 64  # old rows looked at with each new one


def since(connection: sqlite3.Connection, whose: str) -> str | None:
    """The token that `whose` intake goes on from; None: there is none, or this is a copy put back."""
    row = connection.execute(
        "SELECT since FROM heard_until JOIN meta ON meta.key = 'instance' AND meta.value = instance WHERE whose = ?",
        (whose,),
    ).fetchone()
    return None if row is None else str(row[0])


def set_since(connection: sqlite3.Connection, whose: str, since: str) -> None:
    """Everything before this token was taken in: part of the transaction that does so."""
    connection.execute(
        "REPLACE INTO heard_until (whose, since, instance) SELECT ?, ?, value FROM meta WHERE key = 'instance'",
        (whose, since),
    )


def is_new(connection: sqlite3.Connection, event_id: str, now_ms: int) -> bool:
    """Whether this event is heard for the first time; from now on it is not."""
    cursor = connection.execute(
        "INSERT OR IGNORE INTO heard_event (event_id, heard_ms) VALUES (?, ?)", (event_id, now_ms)
    )
    if not cursor.rowcount:
        return False
    _forget_old(connection, cursor.lastrowid or 0, now_ms)
    return True


def _forget_old(connection: sqlite3.Connection, newest: int, now_ms: int) -> None:
    """Some of the oldest, so that the table shrinks faster than it grows and no call takes long."""
    connection.execute(
        "DELETE FROM heard_event WHERE id IN (SELECT id FROM (SELECT id, heard_ms FROM heard_event ORDER BY id LIMIT ?)"
        " WHERE id <= ? OR heard_ms < ?)",
        (STEP, newest - KEPT_EVENTS, now_ms - KEPT_MS),
    )
