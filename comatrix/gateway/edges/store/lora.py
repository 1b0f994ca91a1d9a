"""Readings in schemas that are not known yet (table unread_reading), and the airtime radios spent (radio_ledger)."""

import json
import sqlite3
from dataclasses import dataclass

from comatrix.gateway.errors import StoreFull

MOST = 1000  # frames of one node; it acknowledges no more before the node describes itself
RETRY_AFTER_S = 600


@dataclass(frozen=True, slots=True)
class Unread:
    """A frame's readings. `seqs`: the newest first; `measured_ms`: of the newest, Unix ms."""

    node: int
    enrolment: int
    counter: int
    schema: int
    seqs: tuple[int, ...]
    body: bytes
    measured_ms: int
    received_ms: int
    id: int = 0


def keep(connection: sqlite3.Connection, one: Unread) -> None:
    """Stores it; a frame that is here already changes nothing. Raises StoreFull: too many of this node wait."""
    count = connection.execute("SELECT count(*) FROM unread_reading WHERE node = ?", (one.node,)).fetchone()[0]
    if count >= MOST:
        raise StoreFull(
            f"{MOST:,} frames of node {one.node} wait for its self-description",
            f"comatrix node show {one.node}",
            retry_after_s=RETRY_AFTER_S,
        )
    connection.execute(
        "INSERT OR IGNORE INTO unread_reading (node, enrolment, counter, schema, seqs, body, measured_ms, received_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            one.node,
            one.enrolment,
            one.counter,
            one.schema,
            json.dumps(one.seqs),
            one.body,
            one.measured_ms,
            one.received_ms,
        ),
    )


def of(connection: sqlite3.Connection, node: int) -> list[Unread]:
    """Those of a node, oldest first."""
    rows = connection.execute(
        "SELECT node, enrolment, counter, schema, seqs, body, measured_ms, received_ms, id FROM unread_reading"
        " WHERE node = ? ORDER BY id",
        (node,),
    )
    return [
        Unread(node, enrolment, counter, schema, tuple(json.loads(seqs)), body, measured_ms, received_ms, id)
        for node, enrolment, counter, schema, seqs, body, measured_ms, received_ms, id in rows
    ]


def forget(connection: sqlite3.Connection, ids: list[int]) -> None:
    """They were read."""
    connection.executemany("DELETE FROM unread_reading WHERE id = ?", [(id,) for id in ids])


def save_ledger(connection: sqlite3.Connection, radio: str, channel: str, spent: bytes) -> None:
    """What a radio is about to have spent."""
    connection.execute("REPLACE INTO radio_ledger VALUES (?, ?, ?)", (radio, channel, spent))


def ledger(connection: sqlite3.Connection, radio: str, channel: str) -> bytes | None:
    """What it spent in this band, as saved last; None: nothing is known."""
    row = connection.execute(
        "SELECT spent FROM radio_ledger WHERE radio = ? AND channel = ?", (radio, channel)
    ).fetchone()
    return None if row is None else row[0]
