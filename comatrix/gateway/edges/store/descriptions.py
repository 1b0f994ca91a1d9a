"""What nodes said can be set and called (table description)."""

import sqlite3

from comatrix.gateway.edges.store import status
from comatrix.gateway.edges.store.status import NodeStatus


def put(connection: sqlite3.Connection, node: int, hash: bytes, body: bytes, now_ms: int) -> None:
    """The node's description from now on: newer than any hello."""
    connection.execute("REPLACE INTO description VALUES (?, ?, ?, ?)", (node, hash, body, now_ms))
    status.update(connection, NodeStatus(node, description_hash=hash))


def body(connection: sqlite3.Connection, node: int) -> bytes | None:
    """Its CBOR; None: it never described itself."""
    row = connection.execute("SELECT body FROM description WHERE node = ?", (node,)).fetchone()
    return None if row is None else row[0]


def hash_of(connection: sqlite3.Connection, node: int) -> bytes | None:
    """Of what is here."""
    row = connection.execute("SELECT hash FROM description WHERE node = ?", (node,)).fetchone()
    return None if row is None else row[0]


def outdated(connection: sqlite3.Connection, node: int) -> bool:
    """Its hello named another description than the one here: numbers on the air may mean something else there."""
    row = connection.execute(
        "SELECT 1 FROM node_status LEFT JOIN description USING (node)"
        " WHERE node = ? AND description_hash IS NOT description.hash",
        (node,),
    ).fetchone()
    return row is not None
