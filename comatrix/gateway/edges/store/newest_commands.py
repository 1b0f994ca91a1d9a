"""The newest commands of any state, of a node or all (table command). For jobs of the store."""

import sqlite3

from comatrix.gateway.downlink.items import Item
from comatrix.gateway.edges.store import mailbox


def newest(connection: sqlite3.Connection, most: int, node: int | None = None) -> list[Item]:
    """At most `most`, newest last."""
    rows = connection.execute(
        "SELECT number FROM command WHERE ?1 IS NULL OR node = ?1 ORDER BY number DESC LIMIT ?2", (node, most)
    )
    found = [mailbox.by_number(connection, number) for (number,) in rows.fetchall()]
    return [item for item in reversed(found) if item is not None]
