"""Rooms that nodes are bound to (table room)."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from comatrix.gateway.model import Room

COLUMNS = "id, room_id, alias, encrypted, paused, successor"


def add(connection: sqlite3.Connection, room_id: str, alias: str | None = None) -> Room:
    """The row of `room_id`, made if need be; an alias given replaces the one known."""
    connection.execute(
        "INSERT INTO room (room_id, alias) VALUES (?, ?)"
        " ON CONFLICT (room_id) DO UPDATE SET alias = coalesce(excluded.alias, alias)",
        (room_id, alias),
    )
    return _room(connection.execute(f"SELECT {COLUMNS} FROM room WHERE room_id = ?", (room_id,)).fetchone())


def by_id(connection: sqlite3.Connection, room: int) -> Room | None:
    """The room with this row id."""
    row = connection.execute(f"SELECT {COLUMNS} FROM room WHERE id = ?", (room,)).fetchone()
    return None if row is None else _room(row)


def by_name(connection: sqlite3.Connection, name: str) -> Room | None:
    """The room with this Matrix id or alias."""
    row = connection.execute(
        f"SELECT {COLUMNS} FROM room WHERE room_id = ?1 OR alias = ?1 ORDER BY id LIMIT 1", (name,)
    ).fetchone()
    return None if row is None else _room(row)


def all_rooms(connection: sqlite3.Connection) -> list[Room]:
    """By row id."""
    return [_room(row) for row in connection.execute(f"SELECT {COLUMNS} FROM room ORDER BY id")]


def set_encrypted(connection: sqlite3.Connection, room: int) -> None:
    """Seen encrypted once: remembered for ever. There is no way back."""
    connection.execute("UPDATE room SET encrypted = 1 WHERE id = ?", (room,))


def set_paused(connection: sqlite3.Connection, room: int, reason: str | None) -> None:
    """Why nothing is sent there now; None: it goes on."""
    connection.execute("UPDATE room SET paused = ? WHERE id = ?", (reason, room))


def set_successor(connection: sqlite3.Connection, room: int, successor: str | None) -> None:
    """The room that is to take its place, so that nothing is sent there meanwhile; None: there is none."""
    connection.execute("UPDATE room SET successor = ? WHERE id = ?", (successor, room))


def replace(connection: sqlite3.Connection, room: int, room_id: str) -> bool:
    """From now on the row means the room `room_id`, of which nothing is known yet -> False: another row means it."""
    taken = connection.execute("SELECT 1 FROM room WHERE room_id = ? AND id <> ?", (room_id, room)).fetchone()
    if taken is None:
        connection.execute(
            "UPDATE room SET room_id = ?, encrypted = 0, paused = NULL, successor = NULL WHERE id = ?", (room_id, room)
        )
    return taken is None


def _room(row: Sequence[Any]) -> Room:
    return Room(row[0], row[1], row[2], bool(row[3]), row[4], row[5])
