"""The log (table record) and the streams' cursors into it."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from comatrix.gateway.model import Appended, Arrivals, Duplicate, NewRecord, Record

KINDS = {"readings": 1, "text": 2, "result": 3, "hello": 4, "description": 5}
NAMES = {number: name for name, number in KINDS.items()}

INSERT = "INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
COLUMNS = "record.id, record.node, enrolment, seq, record.room, kind, body, measured_ms, received_ms, late"


class Appender:
    """Appends to the log within a transaction somebody else holds; remembers the newest row id and each node's seq.

    After a rollback call `forget()`. Exactly one exists a database: row ids come from it.
    """

    def __init__(self) -> None:
        self._last_id: int | None = None
        self._highest: dict[tuple[int, int], int] = {}

    def forget(self) -> None:
        """What was appended since the last commit is gone: read the state again."""
        self._last_id = None
        self._highest.clear()

    def append(self, connection: sqlite3.Connection, records: Iterable[NewRecord | None]) -> list[Appended | Duplicate]:
        """One answer a record, in order; None stands for a request that carried none."""
        last = self._last_id
        if last is None:
            last = connection.execute("SELECT coalesce(max(id), 0) FROM record").fetchone()[0]
        highest = self._highest
        rows: list[tuple[object, ...]] = []
        answers: list[Appended | Duplicate] = []
        for new in records:
            if new is None:
                answers.append(Appended(None))
                continue
            node, seq = new.node, new.seq
            stream = (node, new.enrolment)
            newest = highest.get(stream)
            if newest is None:
                newest = highest_seq(connection, stream)
            late = seq <= newest
            if late:
                # Not past the newest: it may stand there already, perhaps in the rows of this very batch.
                connection.executemany(INSERT, rows)
                rows.clear()
                highest[stream] = newest
                known = _row_of(connection, stream, seq)
                if known is not None:
                    answers.append(Duplicate(known))
                    continue
            else:
                highest[stream] = seq
            last += 1
            rows.append(
                (
                    last,
                    node,
                    new.enrolment,
                    seq,
                    new.room,
                    KINDS[new.kind],
                    new.body,
                    new.measured_ms,
                    new.received_ms,
                    new.counter,
                    new.digest,
                    late,
                )
            )
            answers.append(Appended(last, late))
        connection.executemany(INSERT, rows)
        self._last_id = last
        return answers


def highest_seq(connection: sqlite3.Connection, stream: tuple[int, int]) -> int:
    """The highest seq of (node, enrolment), -1 for none."""
    row = connection.execute("SELECT max(seq) FROM record WHERE node = ? AND enrolment = ?", stream).fetchone()
    return -1 if row[0] is None else int(row[0])


def _row_of(connection: sqlite3.Connection, stream: tuple[int, int], seq: int) -> int | None:
    row = connection.execute(
        "SELECT id FROM record WHERE node = ? AND enrolment = ? AND seq = ?", (*stream, seq)
    ).fetchone()
    return None if row is None else int(row[0])


def waiting(connection: sqlite3.Connection, after: int) -> list[Arrivals]:
    """Unsealed records with a row id above `after`, a row a stream."""
    rows = connection.execute(
        "SELECT record.room, record.node, count(*), min(id), max(id), min(received_ms), max(kind) > 1"
        " FROM record LEFT JOIN cursor ON cursor.room = record.room AND cursor.node = record.node"
        " WHERE id > ? AND id > coalesce(sealed, 0) GROUP BY record.room, record.node",
        (after,),
    )
    return [
        Arrivals(room, node, count, first_id, last_id, first_ms, bool(not_readings))
        for room, node, count, first_id, last_id, first_ms, not_readings in rows
    ]


def newest_id(connection: sqlite3.Connection) -> int:
    """Row id of the record that arrived last; 0: none did."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM record").fetchone()[0])


def unsealed(
    connection: sqlite3.Connection, room: int, nodes: Sequence[int], *, first_id: int, last_id: int, limit: int
) -> list[Record]:
    """The oldest waiting records of these streams with first_id <= row id <= last_id, in order of arrival."""
    marks = ",".join("?" * len(nodes))
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM record"
        " LEFT JOIN cursor ON cursor.room = record.room AND cursor.node = record.node"
        f" WHERE record.id BETWEEN ? AND ? AND record.room = ? AND record.node IN ({marks})"
        " AND record.id > coalesce(sealed, 0) ORDER BY record.id LIMIT ?",
        (first_id, last_id, room, *nodes, limit),
    )
    return [record_of(row) for row in rows]


def bodies(connection: sqlite3.Connection, room: int, node: int, first_id: int, last_id: int) -> list[bytes]:
    """Bodies of a stream's records in a range of row ids, oldest first."""
    rows = connection.execute(
        "SELECT body FROM record WHERE id BETWEEN ? AND ? AND room = ? AND node = ? ORDER BY id",
        (first_id, last_id, room, node),
    )
    return [row[0] for row in rows]


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
    """Node -> (records, late ones among them)."""
    rows = connection.execute("SELECT node, count(*), sum(late) FROM record GROUP BY node")
    return {node: (total, late) for node, total, late in rows}


def recent_requests(
    connection: sqlite3.Connection, since_ms: int, limit: int = 4096
) -> list[tuple[int, int, bytes, int]]:
    """(node, counter, digest, received_ms) of requests received since, oldest first; the newest `limit` of them."""
    rows = connection.execute(
        "SELECT node, counter, digest, received_ms FROM record ORDER BY id DESC LIMIT ?", (limit,)
    )
    found = [row for row in rows if row[3] >= since_ms and row[1] is not None]
    return found[::-1]


def record_of(row: Sequence[Any]) -> Record:
    """A row of COLUMNS -> Record."""
    id, node, enrolment, seq, room, kind, body, measured_ms, received_ms, late = row
    return Record(id, node, enrolment, seq, room, NAMES[kind], body, measured_ms, received_ms, bool(late))
