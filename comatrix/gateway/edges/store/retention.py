"""What leaves the database: records posted and old, finished outbox rows, bitmaps of enrolments that are over.

In small steps, each a part of some commit. A record that waits, is on its way or parked never goes, nor a result
before its command knows it, nor a text to a node before that one's mailbox has it. The pages are used again; the file
does not shrink.
"""

import json
import sqlite3
from dataclasses import dataclass

from comatrix.gateway.edges.store import known
from comatrix.gateway.edges.store.records import KINDS, ROOMLESS, SEEN, TEXTS_SEEN

STEP = 1024  # rows looked at in one commit: some milliseconds
NEWEST_EVENTS = 10_000  # outbox rows that always stay: the poster looks there for what it sent last
FINISHED = ("done", "dropped", "unsealed")
Row = tuple[int, bool]  # (row id, it may go)
# Up to which row id a record is done with, by where it goes.
DONE_WITH = (
    f"CASE WHEN record.room = {ROOMLESS} THEN ({SEEN}) WHEN kind = {KINDS['node_text']}"
    f" THEN min(coalesce(sealed, 0), ({TEXTS_SEEN})) ELSE coalesce(sealed, 0) END"
)


@dataclass(slots=True)
class Sweep:
    """A way through the log and the outbox, oldest first. `position`: the row id behind which the next step looks."""

    record: int = 0
    outbox: int = 0


class Retention:
    """Works within a transaction somebody else holds."""

    def __init__(self) -> None:
        self._aged = Sweep()
        self._crowded = Sweep()
        self._lap_freed = True
        self._exhausted = False

    def something_changed(self) -> None:
        """A row may be finished by now: it is worth looking again."""
        self._exhausted = False

    def expire(self, connection: sqlite3.Connection, before_ms: int) -> bool:
        """One step through what is older -> whether there is more to do; the next call after False starts anew."""
        with _without_extra_writes(connection):
            looked = self._aged
            records, young = _records(connection, looked, before_ms)
            rows, new = _outbox(connection, looked, before_ms)
            blocks = known.forget_ended(connection, STEP)
        more = bool((records and not young) or (rows and not new) or blocks == STEP)
        if not more:
            self._aged = Sweep()
        return more

    def reclaim(self, connection: sqlite3.Connection, wanted: int) -> bool:
        """Room is needed at once: finished rows of whatever age go, oldest first, about `wanted` -> whether any did."""
        freed = 0
        with _without_extra_writes(connection):
            for _ in range(max(1, wanted // STEP) + 4):
                if self._exhausted or freed >= wanted:
                    break
                freed += self._step(connection)
        return freed > 0

    def _step(self, connection: sqlite3.Connection) -> int:
        before = connection.total_changes
        records, _ = _records(connection, self._crowded, None)
        rows, _ = _outbox(connection, self._crowded, None)
        freed = connection.total_changes - before
        self._lap_freed = self._lap_freed or freed > 0
        if not records and not rows:
            self._exhausted = not self._lap_freed
            self._lap_freed = False
            self._crowded = Sweep()
        return freed


class _without_extra_writes:  # noqa: N801 - a context manager, read as one
    """What is deleted is overwritten only where its page is written anyway: no secrets go here."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("PRAGMA secure_delete = FAST")

    def __exit__(self, *_: object) -> None:
        self._connection.execute("PRAGMA secure_delete = ON")


def _records(connection: sqlite3.Connection, sweep: Sweep, before_ms: int | None) -> tuple[int, bool]:
    """-> (rows looked at, none of them is old enough). Only folded ones: their seqs stay known."""
    found = connection.execute(
        f"SELECT id, id <= {DONE_WITH}, received_ms FROM record LEFT JOIN cursor"
        " ON cursor.room = record.room AND cursor.node = record.node WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
        (sweep.record, known.folded(connection), STEP),
    ).fetchall()
    if not found:
        return 0, True
    first, last = found[0][0], found[-1][0]
    needed = _members_of_open_rows(connection, first, last)
    old = [before_ms is None or received_ms < before_ms for _, _, received_ms in found]
    rows = [
        (id, bool(finished) and aged and id not in needed) for (id, finished, _), aged in zip(found, old, strict=True)
    ]
    _delete_runs(connection, "record", rows)
    sweep.record = last
    return len(found), not any(old)


def _outbox(connection: sqlite3.Connection, sweep: Sweep, before_ms: int | None) -> tuple[int, bool]:
    """The same for finished events, except the newest, which the poster may still look at."""
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM outbox").fetchone()[0]
    found = connection.execute(
        "SELECT id, state, sealed_ms FROM outbox WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
        (sweep.outbox, newest - NEWEST_EVENTS, STEP),
    ).fetchall()
    if not found:
        return 0, True
    old = [before_ms is None or sealed_ms < before_ms for _, _, sealed_ms in found]
    rows = [(id, state in FINISHED and aged) for (id, state, _), aged in zip(found, old, strict=True)]
    _delete_runs(connection, "outbox", rows)
    sweep.outbox = found[-1][0]
    return len(found), not any(old)


def _members_of_open_rows(connection: sqlite3.Connection, first: int, last: int) -> set[int]:
    rows = connection.execute("SELECT records FROM outbox WHERE state IN ('sealed', 'parked')")
    return {id for (members,) in rows for id in json.loads(members) if first <= id <= last}


def _delete_runs(connection: sqlite3.Connection, table: str, rows: list[Row]) -> None:
    """Deletes those that may go: a statement for each run of neighbours."""
    runs: list[tuple[int, int]] = []
    joined = False
    for id, goes in rows:
        if goes and joined:
            runs[-1] = runs[-1][0], id
        elif goes:
            runs.append((id, id))
        joined = goes
    connection.executemany(f"DELETE FROM {table} WHERE id BETWEEN ? AND ?", runs)
