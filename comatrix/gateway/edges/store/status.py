"""What is known of a node beside its records (table node_status)."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """Every part may be None: not known yet. `battery_cv`: hundredths of a volt."""

    node: int
    last_seen_ms: int | None = None
    address: str | None = None
    address_proven: bool = False
    firmware: str | None = None
    wake_interval_s: int | None = None
    battery_cv: int | None = None
    vocabulary: int | None = None
    description_hash: bytes | None = None
    executed_id: int | None = None
    dropped: int | None = None


NAMES = [field.name for field in fields(NodeStatus)]


def update(connection: sqlite3.Connection, status: NodeStatus) -> None:
    """Stores what is not None; a new address is unproven unless it says otherwise."""
    connection.execute("INSERT OR IGNORE INTO node_status (node) VALUES (?)", (status.node,))
    known = {name: getattr(status, name) for name in NAMES[1:] if getattr(status, name) is not None}
    if status.address is None and not status.address_proven:
        del known["address_proven"]
    if known:
        sets = ", ".join(f"{name} = ?" for name in known)
        connection.execute(f"UPDATE node_status SET {sets} WHERE node = ?", (*known.values(), status.node))


def of(connection: sqlite3.Connection, node: int) -> NodeStatus:
    """What is known of one node."""
    row = connection.execute(f"SELECT {', '.join(NAMES)} FROM node_status WHERE node = ?", (node,)).fetchone()
    return NodeStatus(node) if row is None else _status(row)


def all_status(connection: sqlite3.Connection) -> dict[int, NodeStatus]:
    """Node number -> what is known."""
    rows = connection.execute(f"SELECT {', '.join(NAMES)} FROM node_status")
    return {row[0]: _status(row) for row in rows}


def _status(row: Sequence[Any]) -> NodeStatus:
    known = dict(zip(NAMES, row, strict=True))
    return NodeStatus(**{**known, "address_proven": bool(known["address_proven"])})
