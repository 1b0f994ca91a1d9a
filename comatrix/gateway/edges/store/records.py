"""The log (table record) and the streams' cursors into it, read. `appender.py` writes it."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from comatrix.gateway.edges.store import known
from comatrix.gateway.model import Arrivals, Record

KINDS = {"readings": 1, "text": 2, "result": 3, "hello": 4, "description": 5, "node_text": 6}
NAMES = {number: name for name, number in KINDS.items()}

LOOKED_BACK = 100_000  # rows: of records older than that a late one is not told apart
ROOMLESS = 0  # the room of results: shown by their commands' replies, never posted, so that they never wait
SEEN = "SELECT value FROM meta WHERE key = 'results_seen'"
TEXTS_SEEN = "SELECT value FROM meta WHERE key = 'texts_seen'"

COLUMNS = "record.id, record.node, enrolment, seq, record.room, kind, body, received_ms - age_ms, received_ms, late"


def highest_seq(connection: sqlite3.Connection, whose: known.Enrolment) -> int:
    """The highest seq ever stored of (node, enrolment), -1 for none."""
    row = connection.execute(
        "SELECT max(seq) FROM record WHERE id > ? AND node = ? AND enrolment = ?", (known.folded(connection), *whose)
    ).fetchone()
    return max(known.highest(connection, whose), -1 if row[0] is None else int(row[0]))


def waiting(connection: sqlite3.Connection, after: int) -> list[Arrivals]:
    """Unsealed records with a row id above `after`, a row a stream."""
    rows = connection.execute(
        "SELECT record.room, record.node, count(*), min(id), max(id), min(received_ms), max(kind) > 1"
        " FROM record LEFT JOIN cursor ON cursor.room = record.room AND cursor.node = record.node"
        f" WHERE id > ? AND id > coalesce(sealed, 0) AND record.room <> {ROOMLESS} GROUP BY record.room, record.node",
        (after,),
    )
    return [
        Arrivals(room, node, count, first_id, last_id, first_ms, bool(not_readings))
        for room, node, count, first_id, last_id, first_ms, not_readings in rows
    ]


def newest_id(connection: sqlite3.Connection) -> int:
    """Row id of the record that arrived last; 0: none did."""
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM record").fetchone()[0]
    return max(int(newest), known.folded(connection))


def unsealed(
    connection: sqlite3.Connection, room: int, nodes: Sequence[int], *, first_id: int, last_id: int, limit: int
) -> list[Record]:
    """The oldest waiting records of these streams with first_id <= row id <= last_id, in order of arrival."""
    marks = ",".join("?" * len(nodes))
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM record"
        " LEFT JOIN cursor ON cursor.room = record.room AND cursor.node = record.node"
        f" WHERE record.id BETWEEN ? AND ? AND record.room = ? AND record.node IN ({marks})"
        f" AND record.id > coalesce(sealed, 0) AND record.room <> {ROOMLESS} ORDER BY record.id LIMIT ?",
        (first_id, last_id, room, *nodes, limit),
    )
    return [record_of(row) for row in rows]


def behind_newer(connection: sqlite3.Connection, record: Record) -> bool:
    """Whether a newer record of its node is sealed already, of the last LOOKED_BACK: else it is late for nobody."""
    sealed = connection.execute(
        "SELECT sealed FROM cursor WHERE room = ? AND node = ?", (record.room, record.node)
    ).fetchone()
    if sealed is None:
        return False
    newer = connection.execute(
        "SELECT 1 FROM record WHERE id > ? AND id <= ? AND node = ? AND enrolment = ? AND seq > ? LIMIT 1",
        (sealed[0] - LOOKED_BACK, sealed[0], record.node, record.enrolment, record.seq),
    ).fetchone()
    return newer is not None


def bodies(connection: sqlite3.Connection, room: int, node: int, first_id: int, last_id: int) -> list[bytes]:
    """Bodies of a stream's records in a range of row ids, oldest first."""
    rows = connection.execute(
        "SELECT body FROM record WHERE id BETWEEN ? AND ? AND room = ? AND node = ? ORDER BY id",
        (first_id, last_id, room, node),
    )
    return [row[0] for row in rows]


def results(connection: sqlite3.Connection) -> list[Record]:
    """Results that `set_results_seen` was not told of yet, oldest first."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM record INDEXED BY record_result WHERE kind = 3 AND id > ({SEEN}) ORDER BY id"
    )
    return [record_of(row) for row in rows]


def set_results_seen(connection: sqlite3.Connection, id: int) -> None:
    """Results up to this row id were applied to their commands: they may leave the log."""
    connection.execute("UPDATE meta SET value = max(value, ?) WHERE key = 'results_seen'", (id,))


def node_texts(connection: sqlite3.Connection) -> list[Record]:
    """Texts to nodes that `set_texts_seen` was not told of yet, oldest first."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM record INDEXED BY record_node_text WHERE kind = 6 AND id > ({TEXTS_SEEN}) ORDER BY id"
    )
    return [record_of(row) for row in rows]


def set_texts_seen(connection: sqlite3.Connection, id: int) -> None:
    """Texts to nodes up to this row id are in the mailbox: they may leave the log once posted."""
    connection.execute("UPDATE meta SET value = max(value, ?) WHERE key = 'texts_seen'", (id,))


def cursors(connection: sqlite3.Connection) -> list[tuple[int, int, int, int]]:
    """(room, node, sealed row id, sealed_ms) of every stream that was ever sealed."""
    return connection.execute("SELECT room, node, sealed, sealed_ms FROM cursor").fetchall()


def tail(connection: sqlite3.Connection, limit: int, node: int | None = None) -> list[Record]:
    """The newest records, newest last."""
    where, values = ("", ()) if node is None else ("WHERE node = ?", (node,))
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM record {where} ORDER BY id DESC LIMIT ?", (*values, limit)
    ).fetchall()
    return [record_of(row) for row in reversed(rows)]


def after(connection: sqlite3.Connection, id: int, limit: int, node: int | None = None) -> list[Record]:
    """The records that follow row `id`, oldest first."""
    where, values = ("", ()) if node is None else ("AND node = ?", (node,))
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM record WHERE id > ? {where} ORDER BY id LIMIT ?", (id, *values, limit)
    )
    return [record_of(row) for row in rows.fetchall()]


def counts(connection: sqlite3.Connection) -> dict[int, tuple[int, int]]:
    """Node -> (records ever stored, late ones among them)."""
    rows = connection.execute(
        "SELECT node, sum(records), sum(late) FROM (SELECT node, records, late FROM enrolment UNION ALL"
        f" SELECT node, 1, late FROM record WHERE id > ({known.FOLDED})) GROUP BY node"
    )
    return {node: (total, late) for node, total, late in rows}


def last_ms(connection: sqlite3.Connection) -> dict[int, int]:
    """Node -> when its last record came."""
    rows = connection.execute(
        "SELECT node, max(last_ms) FROM (SELECT node, last_ms FROM enrolment UNION ALL"
        " SELECT node, received_ms FROM record WHERE id > ?) GROUP BY node",
        (known.folded(connection),),
    )
    return dict(rows.fetchall())


def recent_requests(
    connection: sqlite3.Connection, since_ms: int, limit: int = 4096
) -> list[tuple[int, int | None, bytes, int]]:
    """(node, counter, digest, received_ms) of requests received since, oldest first; the newest `limit` of them."""
    rows = connection.execute(
        "SELECT node, seq + ahead, digest, received_ms FROM record ORDER BY id DESC LIMIT ?", (limit,)
    )
    return [row for row in rows if row[3] >= since_ms][::-1]


def record_of(row: Sequence[Any]) -> Record:
    """A row of COLUMNS -> Record."""
    id, node, enrolment, seq, room, kind, body, measured_ms, received_ms, late = row
    return Record(id, node, enrolment, seq, room, NAMES[kind], body, measured_ms, received_ms, bool(late))
