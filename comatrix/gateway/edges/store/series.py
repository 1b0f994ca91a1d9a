"""What a node measured over a span of time, from the log (table record). It has no index for that: all is bounded."""

import sqlite3
from collections.abc import Iterable

from comatrix.codec import records as said
from comatrix.errors import CborError, RecordError
from comatrix.gateway.edges.store import nodes
from comatrix.gateway.edges.store.records import KINDS
from comatrix.gateway.plotting.series import Reading, Series, Word
from comatrix.gateway.uplink.formats.pack import is_pack, moments

MOST_ROWS = 20_000  # of the node that are decoded; more are thinned evenly
WALKED = 1_000_000  # newest rows of all nodes that are walked through: about a second, aside
WALKED_AT_ONCE = 50_000  # and within a transaction: some 10 ms
LOOKED_FOR_WORDS = 200

ROWS = (
    "SELECT body, measured_ms FROM"
    " (SELECT body, received_ms - age_ms AS measured_ms, row_number() OVER (ORDER BY id DESC) AS n"
    f" FROM record WHERE id >= ? AND node = ? AND kind = {KINDS['readings']}) WHERE (n - 1) % ? = 0"
)


def look_up(
    connection: sqlite3.Connection, node: int, word: int, since_ms: int, until_ms: int
) -> tuple[Series, list[int]]:
    """One word of a node over a span; where it sent none, the words it does send."""
    known = nodes.by_number(connection, node)
    points = readings(connection, node, [word], since_ms, until_ms)[word]
    found = Series(f"node {node}" if known is None else known.name, Word.of(word), points, since_ms, until_ms)
    return found, [] if points else words_sent(connection, node)


def readings(
    connection: sqlite3.Connection,
    node: int,
    words: Iterable[int],
    since_ms: int,
    until_ms: int,
    *,
    most: int = MOST_ROWS,
    walked: int = WALKED,
) -> dict[int, list[Reading]]:
    """Word -> its readings in order of time. The node's newest record in the span is always among those looked at."""
    first = _first(connection, since_ms, walked)
    counted = f"SELECT count(*) FROM record WHERE id >= ? AND node = ? AND kind = {KINDS['readings']}"
    every = -(-connection.execute(counted, (first, node)).fetchone()[0] // most)
    found: dict[int, list[Reading]] = {word: [] for word in words}
    for body, measured_ms in connection.execute(ROWS, (first, node, max(1, every))):
        for at_ms, values in _moments(body, measured_ms):
            if since_ms <= at_ms <= until_ms:
                for word, points in found.items():
                    if word in values:
                        points.append((at_ms, values[word]))
    for points in found.values():
        points.sort()
    return found


def words_sent(connection: sqlite3.Connection, node: int) -> list[int]:
    """The words in the node's newest readings, the newest reading's first."""
    rows = connection.execute(
        f"SELECT body FROM record WHERE id >= ? AND node = ? AND kind = {KINDS['readings']} ORDER BY id DESC LIMIT ?",
        (_newest(connection) - WALKED_AT_ONCE, node, LOOKED_FOR_WORDS),
    )
    return list(dict.fromkeys(word for (body,) in rows for _, values in _moments(body, 0) for word in values))


def first_since(connection: sqlite3.Connection, since_ms: int) -> int:
    """The first row id that came since; one above the newest where none did."""
    return _first(connection, since_ms, _newest(connection) + 1)


def _moments(body: bytes, measured_ms: int) -> list[tuple[int, dict[int, int]]]:
    """(when, what) of each moment a row tells."""
    try:
        if is_pack(body):
            return [(measured_ms - one.age_s * 1000, one.values) for one in moments(body)]
        return [(measured_ms, said.readings_untrusted(body)[1].values)]
    except (CborError, RecordError):
        return []


def _newest(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM record").fetchone()[0])


def _first(connection: sqlite3.Connection, since_ms: int, walked: int) -> int:
    """The first of the `walked` newest rows that came since: they stand in order of arrival."""
    high = _newest(connection) + 1
    low = max(0, high - walked)
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            "SELECT id, received_ms FROM record WHERE id >= ? ORDER BY id LIMIT 1", (middle,)
        ).fetchone()
        if row is None or row[1] >= since_ms:
            high = middle
        else:
            low = row[0] + 1
    return low
