"""Provisioned nodes (tables node, node_room)."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import UDP, Node

COLUMNS = (
    "number, name, enrolment, room, security, post, address, created_ms, revoked, blocked, link, listens, over_dtls"
)
HIGHEST_NUMBER = 65535
DTLS = "dtls"


def add(
    connection: sqlite3.Connection,
    name: str,
    room: int,
    *,
    now_ms: int,
    security: str = "oscore",
    post: str = "15min",
    address: str | None = None,
    link: str = UDP,
    listens: bool = False,
) -> Node:
    """A new node under the next number. Raises StoreError when the name is taken or the numbers are used up."""
    number = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM node").fetchone()[0]
    if number > HIGHEST_NUMBER:
        raise StoreError("all 65,535 node numbers are used up", "start a second gateway: comatrix --home DIR init")
    _refuse_taken(connection, name)
    stored = "oscore" if security == DTLS else security  # 0014_dtls.sql says why
    connection.execute(
        f"INSERT INTO node ({COLUMNS}) VALUES (?, ?, 1, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?)",
        (number, name, room, stored, post, address, now_ms, link, listens, security == DTLS),
    )
    return Node(number, name, 1, room, security, post, address, now_ms, link=link, listens=listens)


def enrol_again(connection: sqlite3.Connection, number: int) -> int:
    """A node provisioned anew or reset -> its next enrolment; its records count from the start again."""
    row = connection.execute(
        "UPDATE node SET enrolment = enrolment + 1 WHERE number = ? RETURNING enrolment", (number,)
    ).fetchone()
    return int(row[0])


def by_name(connection: sqlite3.Connection, name: str) -> Node | None:
    """The node that bears this name now."""
    return _one(connection, "name = ? AND NOT revoked", name)


def by_number(connection: sqlite3.Connection, number: int) -> Node | None:
    """The node, also a revoked one."""
    return _one(connection, "number = ?", number)


def all_nodes(connection: sqlite3.Connection, *, revoked: bool = False) -> list[Node]:
    """By number. `revoked` True: those too."""
    where = "" if revoked else "WHERE NOT revoked"
    return [_node(row) for row in connection.execute(f"SELECT {COLUMNS} FROM node {where} ORDER BY number")]


def of_room(connection: sqlite3.Connection, room: int) -> list[Node]:
    """Those bound to a room, by default or by a number of its own, that are not revoked; by number."""
    where = "NOT revoked AND (room = ?1 OR number IN (SELECT node FROM node_room WHERE room = ?1))"
    rows = connection.execute(f"SELECT {COLUMNS} FROM node WHERE {where} ORDER BY number", (room,))
    return [_node(row) for row in rows]


def rename(connection: sqlite3.Connection, number: int, name: str) -> None:
    """Raises StoreError when the name is taken."""
    _refuse_taken(connection, name)
    connection.execute("UPDATE node SET name = ? WHERE number = ?", (name, number))


def revoke(connection: sqlite3.Connection, number: int) -> None:
    """Its number stays used for ever; its name is free, and its PSK identities are."""
    connection.execute("DELETE FROM dtls_key WHERE node = ?", (number,))
    connection.execute("UPDATE node SET revoked = 1 WHERE number = ?", (number,))


def block(connection: sqlite3.Connection, number: int, blocked: bool) -> None:
    """Its records and keys stay; whether it is heard changes."""
    connection.execute("UPDATE node SET blocked = ? WHERE number = ?", (blocked, number))


def set_listens(connection: sqlite3.Connection, number: int, listens: bool) -> None:
    """Whether its radio is always on."""
    connection.execute("UPDATE node SET listens = ? WHERE number = ?", (listens, number))


def set_post(connection: sqlite3.Connection, number: int, post: str) -> None:
    """When its records are posted; `post` as uplink.cadence reads it."""
    connection.execute("UPDATE node SET post = ? WHERE number = ?", (post, number))


def set_room(connection: sqlite3.Connection, number: int, room: int) -> None:
    """The default room of records to come; what waits is posted where it was bound for."""
    connection.execute("UPDATE node SET room = ? WHERE number = ?", (room, number))


def bind_room(connection: sqlite3.Connection, number: int, small: int, room: int) -> None:
    """The node may name `room` by the integer `small` (1 or more)."""
    connection.execute("REPLACE INTO node_room VALUES (?, ?, ?)", (number, small, room))


def bound_rooms(connection: sqlite3.Connection) -> dict[tuple[int, int], int]:
    """(node, small integer) -> room row id."""
    rows = connection.execute("SELECT node, number, room FROM node_room")
    return {(node, small): room for node, small, room in rows}


def _refuse_taken(connection: sqlite3.Connection, name: str) -> None:
    if by_name(connection, name) is not None:
        raise StoreError(f"there is a node {name!r} already", f"comatrix node show {name}")


def _one(connection: sqlite3.Connection, where: str, value: object) -> Node | None:
    row = connection.execute(f"SELECT {COLUMNS} FROM node WHERE {where}", (value,)).fetchone()
    return None if row is None else _node(row)


def _node(row: Sequence[Any]) -> Node:
    number, name, enrolment, room, security, post, address, created_ms, revoked, blocked, link, listens, dtls = row
    security = DTLS if dtls else security
    flags = {"revoked": bool(revoked), "blocked": bool(blocked), "listens": bool(listens)}
    return Node(number, name, enrolment, room, security, post, address, created_ms, link=link, **flags)
