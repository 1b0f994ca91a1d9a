"""A node of the registry and its keys, read beside whatever runs: for commands that need no gateway."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from comatrix.gateway.admin.nodes import find
from comatrix.gateway.edges.store import contexts, nodes
from comatrix.gateway.edges.store.database import connect_reader
from comatrix.gateway.errors import StoreError, UsageError
from comatrix.gateway.model import Node, SecurityContext

T = TypeVar("T")


def look_up(
    database: Path, name: str, what: str, read: Callable[[sqlite3.Connection, Node, list[SecurityContext]], T]
) -> tuple[Node, list[SecurityContext], T]:
    """The node called so, its living keys, and what `read` finds of both. `what`: what a database holds.

    Raises UsageError, where there is no database yet, no such node or no key of it; StoreError."""
    if not database.exists():
        raise UsageError(f"There is no database yet, so there are no {what}.", "comatrix init")
    try:
        connection = connect_reader(database)
        try:
            node = find(nodes.all_nodes(connection), name)
            living = contexts.living(connection, node.number)
            found = read(connection, node, living)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise StoreError(f"The database cannot be read: {error}.", "comatrix doctor") from None
    if not living:
        raise UsageError(f"{node.name} has no keys.", f"comatrix node show {node.name}")
    return node, living, found
