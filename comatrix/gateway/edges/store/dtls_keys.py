"""Pre-shared keys of nodes that come over DTLS (table dtls_key)."""

import sqlite3

from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import DtlsKey

_COLUMNS = "identity, node, generation, key"


def add(connection: sqlite3.Connection, node: int, identity: bytes, key: bytes) -> DtlsKey:
    """A further key of a node, its newest. Raises StoreError where another one has that identity."""
    if connection.execute("SELECT 1 FROM dtls_key WHERE identity = ?", (identity,)).fetchone():
        raise StoreError(f"there is a PSK identity {identity.decode(errors='replace')!a} already", "comatrix node list")
    generation = next_generation(connection, node)
    connection.execute(f"INSERT INTO dtls_key ({_COLUMNS}) VALUES (?, ?, ?, ?)", (identity, node, generation, key))
    return DtlsKey(identity, node, generation, key)


def next_generation(connection: sqlite3.Connection, node: int) -> int:
    """The number of the next key of a node; 1 for its first."""
    row = connection.execute("SELECT coalesce(max(generation), 0) + 1 FROM dtls_key WHERE node = ?", (node,)).fetchone()
    return int(row[0])


def of_node(connection: sqlite3.Connection, node: int) -> list[DtlsKey]:
    """A node's keys, the newest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM dtls_key WHERE node = ? ORDER BY generation DESC", (node,)
    ).fetchall()
    return [DtlsKey(*row) for row in rows]


def settle(connection: sqlite3.Connection, node: int, generation: int) -> None:
    """A node was heard under a key: its older ones are forgotten."""
    connection.execute("DELETE FROM dtls_key WHERE node = ? AND generation < ?", (node, generation))
