"""Which node may send texts to which other (table node_grant)."""

import sqlite3

from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item
from comatrix.gateway.edges.store import mailbox

Pair = tuple[int, int]  # (sender, receiver)


def grant(connection: sqlite3.Connection, sender: int, receiver: int) -> None:
    """From now on texts of one node reach the other. A second time changes nothing."""
    connection.execute("INSERT OR IGNORE INTO node_grant VALUES (?, ?)", (sender, receiver))


def ungrant(connection: sqlite3.Connection, sender: int, receiver: int, now_ms: int) -> bool:
    """Not any more, and what still waits is withdrawn -> whether it was granted."""
    removed = connection.execute("DELETE FROM node_grant WHERE sender = ? AND receiver = ?", (sender, receiver))
    _withdraw(connection, sender, receiver, now_ms, "its sender may not tell this node anything any more")
    return removed.rowcount > 0


def forget(connection: sqlite3.Connection, node: int, now_ms: int) -> list[Item]:
    """The node was revoked: nobody may tell it anything -> what it told others and still waited, withdrawn."""
    connection.execute("DELETE FROM node_grant WHERE sender = ?1 OR receiver = ?1", (node,))
    return _withdraw(connection, node, None, now_ms, "its sender was revoked")


def all_grants(connection: sqlite3.Connection) -> set[Pair]:
    """Every (sender, receiver)."""
    return set(connection.execute("SELECT sender, receiver FROM node_grant"))


def _withdraw(
    connection: sqlite3.Connection, sender: int, receiver: int | None, now_ms: int, reason: str
) -> list[Item]:
    """What is on air cannot be called back: it stays."""
    rows = connection.execute(
        "SELECT number FROM command WHERE state = 'queued' AND from_node = ?1 AND node = coalesce(?2, node)",
        (sender, receiver),
    ).fetchall()
    ended = [mailbox.end(connection, number, states.WITHDREW, now_ms, reason) for (number,) in rows]
    return [item for item in ended if item is not None]
