"""What nodes said can be set and called (table description)."""

import sqlite3

from comatrix.codec import cbor
from comatrix.codec.description import Description, read_description
from comatrix.errors import WireError
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


def read(connection: sqlite3.Connection, node: int) -> Description | None:
    """The description itself; None: it never described itself, or what is here cannot be read any more."""
    return described_untrusted(body(connection, node))


def described_untrusted(body: bytes | None) -> Description | None:
    """Its CBOR -> the description; None for what is none."""
    try:
        return None if body is None else read_description(cbor.decode_untrusted(body))
    except WireError:
        return None


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
