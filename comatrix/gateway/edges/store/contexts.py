"""OSCORE contexts and their replay windows (tables context, replay_window)."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from comatrix.gateway.model import SecurityContext, WindowMove

SELECT = (
    "SELECT id, node, link, generation, secret, id_context, highest, mask, missing, tx_reserved, state"
    " FROM context JOIN replay_window ON context = id"
)


def add(
    connection: sqlite3.Connection, node: int, link: str, secret: bytes, id_context: bytes = b""
) -> SecurityContext:
    """A context with keys never used before: nothing received, nothing sent. Its generation is the next one.

    `id_context`: the bytes RFC 8613 Appendix B.2 appended, where it made the context.
    """
    generation = connection.execute(
        "SELECT coalesce(max(generation), 0) + 1 FROM context WHERE node = ? AND link = ?", (node, link)
    ).fetchone()[0]
    id = connection.execute(
        "INSERT INTO context (node, link, generation, secret, id_context) VALUES (?, ?, ?, ?, ?)",
        (node, link, generation, secret, id_context),
    ).lastrowid
    connection.execute("INSERT INTO replay_window (context, highest, mask) VALUES (?, -1, 0)", (id,))
    return _context(connection.execute(f"{SELECT} WHERE id = ?", (id,)).fetchone())


def rotate(connection: sqlite3.Connection, node: int, link: str, secret: bytes) -> SecurityContext:
    """A new secret beside the present one, which is tried last from now on and dies with `settle`."""
    connection.execute(
        "UPDATE context SET state = 'retiring' WHERE node = ? AND link = ? AND state = 'active'", (node, link)
    )
    return add(connection, node, link, secret)


def settle(connection: sqlite3.Connection, context: int) -> None:
    """The node spoke with this context: older ones of its link die, their secrets with them."""
    connection.execute(
        "UPDATE context SET state = 'dead', secret = x'' WHERE (node, link) = (SELECT node, link FROM context WHERE"
        " id = ?1) AND generation < (SELECT generation FROM context WHERE id = ?1)",
        (context,),
    )


def revoke(connection: sqlite3.Connection, node: int) -> None:
    """All contexts of the node die, their secrets with them."""
    connection.execute("UPDATE context SET state = 'dead', secret = x'' WHERE node = ?", (node,))


def living(connection: sqlite3.Connection, node: int | None = None) -> list[SecurityContext]:
    """Contexts that may receive, of one node or all; a node's newest first, the order to try them in."""
    rows = connection.execute(
        f"{SELECT} WHERE state != 'dead' AND (?1 IS NULL OR node = ?1) ORDER BY node, link, generation DESC", (node,)
    )
    return [_context(row) for row in rows]


def reserve(connection: sqlite3.Connection, context: int, reserved: int) -> None:
    """Sender counters below `reserved` may be used once this is synced. Never moves back."""
    connection.execute("UPDATE context SET tx_reserved = max(tx_reserved, ?) WHERE id = ?", (reserved, context))


def move_windows(connection: sqlite3.Connection, moves: Iterable[WindowMove]) -> None:
    """Stores windows. One that moved is known again."""
    connection.executemany(
        "UPDATE replay_window SET highest = ?, mask = ?, missing = 0 WHERE context = ?",
        [(move.highest, _signed(move.mask), move.context) for move in moves],
    )


def _signed(mask: int) -> int:
    """64 bits as SQLite's signed integer."""
    return mask - (1 << 64) if mask >> 63 else mask


def _context(row: Sequence[Any]) -> SecurityContext:
    id, node, link, generation, secret, id_context, highest, mask, missing, tx_reserved, state = row
    mask &= (1 << 64) - 1
    return SecurityContext(
        id, node, link, generation, secret, id_context, highest, mask, bool(missing), tx_reserved, state
    )
