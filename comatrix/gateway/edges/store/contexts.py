"""OSCORE contexts and their replay windows (tables context, replay_window).

A stored record carries the counter that moved its context's window. The table holds the windows as of meta.folded, and
moves that made no row; `living` adds the rest.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from comatrix.gateway.edges.store import known
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import SecurityContext, WindowMove
from comatrix.session.replay import Window

MASK = (1 << 64) - 1

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
    return _context(connection.execute(f"{SELECT} WHERE id = ?", (id,)).fetchone(), Window())


def rotate(connection: sqlite3.Connection, node: int, link: str, secret: bytes) -> SecurityContext:
    """A new secret beside the present one, which is tried last from now on and dies with `settle`."""
    connection.execute(
        "UPDATE context SET state = 'retiring' WHERE node = ? AND link = ? AND state = 'active'", (node, link)
    )
    return add(connection, node, link, secret)


def rekey(connection: sqlite3.Connection, node: int, link: str, secret: bytes, id_context: bytes) -> SecurityContext:
    """A context that Appendix B.2 made: those of its secret and older ones die. A newer secret, on its way to the
    node by hand and not heard yet, stays the newest: the node may have to begin anew under the old one before.

    Raises StoreError where the secret died meanwhile: rotated out, or its node revoked."""
    same = connection.execute(
        "SELECT max(generation) FROM context WHERE node = ? AND link = ? AND secret = ? AND state != 'dead'",
        (node, link, secret),
    ).fetchone()[0]
    if same is None:
        raise StoreError(f"these keys of node {node} are dead", f"comatrix node show {node}")
    newer = connection.execute(
        "SELECT id FROM context WHERE node = ? AND link = ? AND state != 'dead' AND generation > ? ORDER BY generation",
        (node, link, same),
    ).fetchall()
    made = add(connection, node, link, secret, id_context)
    for place, (id,) in enumerate(newer, 1):
        connection.execute("UPDATE context SET generation = ? WHERE id = ?", (made.generation + place, id))
    if newer:
        connection.execute("UPDATE context SET state = 'retiring' WHERE id = ?", (made.id,))
    settle(connection, made.id)
    return made


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
    folded = known.folded(connection)  # first: what is folded meanwhile is then seen twice, not missed
    rows = connection.execute(
        f"{SELECT} WHERE state != 'dead' AND (?1 IS NULL OR node = ?1) ORDER BY node, link, generation DESC", (node,)
    ).fetchall()
    moves = connection.execute(
        "SELECT context, seq + ahead FROM record WHERE id > ? AND context IS NOT NULL AND (?2 IS NULL OR node = ?2)",
        (folded, node),
    )
    windows = {row[0]: Window(row[6], row[7] & MASK) for row in rows}
    for context, counter in moves:
        if context in windows:
            take(windows[context], counter)
    return [_context(row, windows[row[0]]) for row in rows]


def reserve(connection: sqlite3.Connection, context: int, reserved: int) -> None:
    """Sender counters below `reserved` may be used once this is synced. Never moves back."""
    connection.execute("UPDATE context SET tx_reserved = max(tx_reserved, ?) WHERE id = ?", (reserved, context))


def move_windows(connection: sqlite3.Connection, moves: Iterable[WindowMove]) -> None:
    """Stores windows beside what is stored: a counter once accepted stays so, in whatever order they come."""
    for move in moves:
        stored = connection.execute(
            "SELECT highest, mask FROM replay_window WHERE context = ?", (move.context,)
        ).fetchone()
        highest, mask = merged((stored[0], stored[1] & MASK), (move.highest, move.mask))
        connection.execute(
            "UPDATE replay_window SET highest = ?, mask = ? WHERE context = ?", (highest, _signed(mask), move.context)
        )


def merged(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """Two windows, each (highest, mask) -> the window that accepted what either did."""
    (lower, below), (highest, mask) = sorted((one, other))
    behind = highest - lower
    return highest, (mask | below << behind) & MASK if behind < 64 else mask


def take(window: Window, counter: int) -> None:
    """Accepts a counter that a stored row names; one too old to matter changes nothing."""
    if window.fresh(counter):
        window.accept(counter)


def _signed(mask: int) -> int:
    """64 bits as SQLite's signed integer."""
    return mask - (1 << 64) if mask >> 63 else mask


def _context(row: Sequence[Any], window: Window) -> SecurityContext:
    id, node, link, generation, secret, id_context, _, _, missing, tx_reserved, state = row
    return SecurityContext(
        id, node, link, generation, secret, id_context, window.highest, window.mask, bool(missing), tx_reserved, state
    )
