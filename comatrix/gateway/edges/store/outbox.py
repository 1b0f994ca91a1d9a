"""Events, frozen (table outbox), and the cursors of the streams they took their records from.

sealed -> done                   the homeserver's event id is known
       -> unsealed               refused for certain, never in doubt: its records wait again
       -> parked -> sealed       `comatrix queue retry`
                 -> dropped      `comatrix queue drop`
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from comatrix.gateway.edges.store.records import ROOMLESS
from comatrix.gateway.model import Arrivals, Record, SealedRow

SELECT = (
    "SELECT id, room, room_id, event_type, txn, content, sealed_ms, records, in_doubt, attempts, state,"
    " reason, sender, device, kind, event_id, nodes, oldest_ms, priority, after_event, forced FROM outbox"
)
RECENT_ROWS = 10_000  # further back than this no lane's newest event is looked for


def next_id(connection: sqlite3.Connection) -> int:
    """The row id the next `seal` must use; asked in the same transaction. Never given twice."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    return 1 if row is None else int(row[0]) + 1


def seal(connection: sqlite3.Connection, row: SealedRow, members: Sequence[Record]) -> None:
    """Writes the row and moves its streams' cursors past its members."""
    connection.execute(
        "INSERT INTO outbox (id, room, room_id, sender, device, event_type, kind, txn, content, records, sealed_ms,"
        " nodes, oldest_ms, priority, after_event, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'sealed')",
        (
            row.id,
            row.room,
            row.room_id,
            row.sender,
            row.device,
            row.event_type,
            row.kind,
            row.txn_id,
            row.content,
            json.dumps(row.records),
            row.sealed_ms,
            json.dumps(row.nodes),
            row.oldest_ms,
            row.priority,
            row.after_event,
        ),
    )
    ends = {record.node: record.id for record in sorted(members, key=lambda record: record.id)}
    connection.executemany(
        "REPLACE INTO cursor (room, node, sealed, sealed_ms) VALUES (?, ?, ?, ?)",
        [(row.room, node, last, row.sealed_ms) for node, last in ends.items()],
    )


def set_floor(connection: sqlite3.Connection, floor: int) -> None:
    """Every record up to this row id is sealed: start-up looks only above it."""
    connection.execute("REPLACE INTO meta VALUES ('log_floor', ?)", (floor,))


def floor(connection: sqlite3.Connection) -> int:
    """The last `set_floor`; 0: none yet."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'log_floor'").fetchone()
    return 0 if row is None else int(row[0])


def done(connection: sqlite3.Connection, id: int, event_id: str, attempts: int) -> None:
    """The homeserver has it. The content is in the room now and leaves the database."""
    connection.execute(
        "UPDATE outbox SET state = 'done', event_id = ?, attempts = ?, in_doubt = 0, content = x'' WHERE id = ?",
        (event_id, attempts, id),
    )


def attempt(connection: sqlite3.Connection, id: int, attempts: int, *, in_doubt: bool) -> None:
    """An attempt that settled nothing. Doubt once there stays."""
    connection.execute(
        "UPDATE outbox SET attempts = ?, in_doubt = max(in_doubt, ?) WHERE id = ?", (attempts, in_doubt, id)
    )


def absent(connection: sqlite3.Connection, row: SealedRow) -> None:
    """The room was read: its event is not there. `row` as it goes out next: its sender, device and time may be new."""
    connection.execute(
        "UPDATE outbox SET in_doubt = 0, sender = ?, device = ?, sealed_ms = ? WHERE id = ?",
        (row.sender, row.device, row.sealed_ms, row.id),
    )


def newest_events(connection: sqlite3.Connection) -> dict[tuple[int, str], str]:
    """(room, sender) -> event id of the newest event known there, of those sent lately."""
    rows = connection.execute(
        "SELECT room, sender, event_id, max(id) FROM outbox WHERE state = 'done' AND event_id IS NOT NULL"
        " AND id > (SELECT max(id) FROM outbox) - ? GROUP BY room, sender",
        (RECENT_ROWS,),
    )
    return {(room, sender): event_id for room, sender, event_id, _ in rows}


def park(connection: sqlite3.Connection, id: int, reason: str) -> None:
    """Out of the way until a person decides."""
    connection.execute("UPDATE outbox SET state = 'parked', reason = ? WHERE id = ?", (reason, id))


def unseal(connection: sqlite3.Connection, id: int, reason: str) -> list[Arrivals]:
    """The row's records wait again -> their streams. Empty, and nothing changes, if later records were sealed since.

    Only for a row never in doubt: its event must not exist.
    """
    rows = connection.execute(
        "SELECT record.room, record.node, count(*), min(id), max(id), min(received_ms), max(kind) > 1, sealed"
        " FROM record JOIN cursor ON cursor.room = record.room AND cursor.node = record.node"
        " WHERE id IN (SELECT value FROM json_each((SELECT records FROM outbox WHERE id = ?)))"
        " GROUP BY record.room, record.node",
        (id,),
    ).fetchall()
    if any(last_id != sealed for _, _, _, _, last_id, _, _, sealed in rows):
        return []
    spans = [
        Arrivals(room, node, count, first_id, last_id, first_ms, bool(not_readings))
        for room, node, count, first_id, last_id, first_ms, not_readings, _ in rows
    ]
    for span in spans:
        before = span.first_id - 1
        connection.execute(
            "UPDATE cursor SET sealed = ?, sealed_ms = 0 WHERE room = ? AND node = ?", (before, span.room, span.node)
        )
        connection.execute("UPDATE meta SET value = min(value, ?) WHERE key = 'log_floor'", (before,))
    if spans:
        connection.execute("UPDATE outbox SET state = 'unsealed', reason = ?, content = x'' WHERE id = ?", (reason, id))
    return spans


def doubt_open(connection: sqlite3.Connection) -> None:
    """At start: whether an open row's PUT arrived is not known."""
    connection.execute("UPDATE outbox SET in_doubt = 1 WHERE state = 'sealed'")


def open_rows(connection: sqlite3.Connection) -> list[SealedRow]:
    """Sealed rows without an answer, in order."""
    return _rows(connection, "state = 'sealed'")


def parked_rows(connection: sqlite3.Connection) -> list[SealedRow]:
    """Rows that wait for a person, in order."""
    return _rows(connection, "state = 'parked'")


def by_id(connection: sqlite3.Connection, id: int) -> SealedRow | None:
    """One row."""
    return next(iter(_rows(connection, "id = ?", id)), None)


def retry(connection: sqlite3.Connection, id: int) -> bool:
    """A person wants a parked row sent again, the same bytes, knowing it may show twice. False: it is not parked.

    Its doubt stays: where the room can be read, it is looked for first.
    """
    changed = connection.execute(
        "UPDATE outbox SET state = 'sealed', reason = '', forced = 1 WHERE id = ? AND state = 'parked'", (id,)
    )
    return changed.rowcount == 1


def drop(connection: sqlite3.Connection, id: int) -> bool:
    """A person gives a parked row up; its records stay in the log. False: it is not parked."""
    changed = connection.execute("UPDATE outbox SET state = 'dropped' WHERE id = ? AND state = 'parked'", (id,))
    return changed.rowcount == 1


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """State -> rows; and "waiting" -> records not sealed yet."""
    found = dict(connection.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall())
    found["waiting"] = connection.execute(
        "SELECT count(*) FROM record LEFT JOIN cursor ON cursor.room = record.room AND cursor.node = record.node"
        f" WHERE id > ? AND id > coalesce(sealed, 0) AND record.room <> {ROOMLESS}",
        (floor(connection),),
    ).fetchone()[0]
    return found


def lags(connection: sqlite3.Connection) -> list[tuple[int, int, int]]:
    """(room, records not in their room yet, when the oldest of them came) of every room where some wait."""
    rows = connection.execute(
        "SELECT room, sum(waiting), min(oldest) FROM ("
        " SELECT record.room AS room, count(*) AS waiting, min(received_ms) AS oldest FROM record"
        " LEFT JOIN cursor ON cursor.room = record.room AND cursor.node = record.node"
        f" WHERE id > ? AND id > coalesce(sealed, 0) AND record.room <> {ROOMLESS} GROUP BY record.room"
        " UNION ALL SELECT room, json_array_length(records), oldest_ms FROM outbox WHERE state = 'sealed'"
        ") GROUP BY room ORDER BY room",
        (floor(connection),),
    )
    return [(room, waiting, oldest) for room, waiting, oldest in rows]


def _rows(connection: sqlite3.Connection, where: str, *values: object) -> list[SealedRow]:
    return [_row(row) for row in connection.execute(f"{SELECT} WHERE {where} ORDER BY id", values)]


def _row(row: Sequence[Any]) -> SealedRow:
    id, room, room_id, event_type, txn, content, sealed_ms, records, in_doubt, attempts, state, *rest = row
    reason, sender, device, kind, event_id, nodes, oldest_ms, priority, after_event, forced = rest
    return SealedRow(
        id=id,
        room=room,
        room_id=room_id,
        event_type=event_type,
        txn_id=txn,
        content=content,
        sealed_ms=sealed_ms,
        records=tuple(json.loads(records)),
        in_doubt=bool(in_doubt),
        attempts=attempts,
        state=state,
        reason=reason,
        sender=sender,
        device=device,
        kind=kind,
        event_id=event_id,
        nodes=tuple(json.loads(nodes)),
        oldest_ms=oldest_ms,
        priority=priority,
        after_event=after_event,
        forced=bool(forced),
    )
