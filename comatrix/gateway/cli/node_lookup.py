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
    """The node called so, its living keys of OSCORE, and what `read` finds of both. `what`: what a database holds.

    Raises UsageError, where there is no database yet, no such node or no key of it; StoreError."""

    def with_keys(connection: sqlite3.Connection, node: Node) -> tuple[list[SecurityContext], T]:
        living = contexts.living(connection, node.number)
        return living, read(connection, node, living)

    node, (living, found) = look_at(database, name, what, with_keys)
    if not living:
        raise UsageError(f"{node.name} has no keys.", f"comatrix node show {node.name}")
    return node, living, found


def look_at(database: Path, name: str, what: str, read: Callable[[sqlite3.Connection, Node], T]) -> tuple[Node, T]:
    """The node called so, and what `read` finds of it. Raises as `look_up`, but for keys."""
    if not database.exists():
        raise UsageError(f"There is no database yet, so there are no {what}.", "comatrix init")
    try:
        connection = connect_reader(database)
        try:
            node = find(nodes.all_nodes(connection), name)
            return node, read(connection, node)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise StoreError(f"The database cannot be read: {error}.", "comatrix doctor") from None
