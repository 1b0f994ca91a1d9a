"""Appends to the log. What it must know of the newest rows is in memory, and folded into the tables in bulk.

A commit of records writes the log's last page and nothing else: which seqs are known and where the replay windows stand
follows from the rows above meta.folded, until `fold` writes both for all of them at once.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from comatrix.gateway.edges.store import contexts, known
from comatrix.gateway.edges.store.records import KINDS
from comatrix.gateway.model import Appended, Duplicate, NewRecord, WindowMove
from comatrix.session.replay import Window

FOLD_AT = 16_384  # rows: at 1,024 nodes some 70 bytes a record; one pause of some 10 ms for so many
COLUMNS = 13
ROWS = 32  # by one statement: a quarter cheaper a row than a statement each
LONGEST = ROWS * COLUMNS
INSERT = ["INSERT INTO record VALUES " + ",".join(["(?,?,?,?,?,?,?,?,?,?,?,?,?)"] * rows) for rows in range(ROWS + 1)]
NOTHING = Appended(None)
DUPLICATE = Duplicate()


class Tail:
    """The rows of one enrolment that are not folded yet. `highest`: its highest seq of all."""

    __slots__ = ("highest", "last_ms", "late", "seqs")

    def __init__(self, highest: int) -> None:
        self.highest = highest
        self.seqs: set[int] = set()
        self.late = 0
        self.last_ms = 0


class Appender:
    """Works within a transaction somebody else holds; exactly one exists a database: row ids come from it.

    After a rollback call `forget()`.
    """

    def __init__(self) -> None:
        self._last_id = -1  # -1: what is in memory must be read first
        self._tails: dict[known.Enrolment, Tail] = {}
        self._windows: dict[int, WindowMove] = {}
        self.unfolded = 0

    def forget(self) -> None:
        """What was done since the last commit is gone: read the state again."""
        self._last_id = -1
        self._tails.clear()
        self._windows.clear()
        self.unfolded = 0

    def append(
        self, connection: sqlite3.Connection, entries: Sequence[tuple[NewRecord | None, WindowMove | None, Any]]
    ) -> list[Appended | Duplicate]:
        """One answer an entry, in order. A window whose record makes no row is written at once."""
        if self._last_id < 0:
            self.load(connection)
        last, tails, windows = self._last_id, self._tails, self._windows
        values: list[object] = []
        moved: list[WindowMove] = []
        answers: list[Appended | Duplicate] = []
        for new, window, _ in entries:
            if new is None:
                if window is not None:
                    moved.append(window)
                answers.append(NOTHING)
                continue
            node, enrolment, seq, room, kind, body, measured_ms, received_ms, counter, digest = new
            tail = tails.get((node, enrolment)) or self._meet(connection, (node, enrolment))
            late = seq <= tail.highest
            if late:
                # Not past the newest, as nearly all are: only now is it looked for.
                if seq in tail.seqs or known.holds(connection, (node, enrolment), seq):
                    if window is not None:
                        moved.append(window)
                    answers.append(DUPLICATE)
                    continue
                tail.late += 1
            else:
                tail.highest = seq
            tail.seqs.add(seq)
            tail.last_ms = received_ms
            context = None
            if window is not None:
                context = window.context
                windows[context] = window
            last += 1
            age_ms = received_ms - measured_ms
            ahead = None if counter is None else counter - seq
            # fmt: off
            values += (
                last, node, enrolment, seq, room, KINDS[kind], body, received_ms, age_ms, context, ahead, digest, late
            )
            # fmt: on
            answers.append(Appended(last, late))
        for start in range(0, len(values), LONGEST):
            part = values[start : start + LONGEST]
            connection.execute(INSERT[len(part) // COLUMNS], part)
        if moved:
            contexts.move_windows(connection, moved)
        self._last_id = last
        self.unfolded += len(values) // COLUMNS
        return answers

    def fold(self, connection: sqlite3.Connection) -> None:
        """Writes what the unfolded rows say: their seqs, sums and windows."""
        if self._last_id < 0:
            self.load(connection)
        if not self.unfolded:
            return
        for whose, tail in self._tails.items():
            if tail.seqs:
                known.add(connection, whose, tail.seqs, tail.late, tail.last_ms)
                tail.seqs = set()
                tail.late = 0
        contexts.move_windows(connection, self._windows.values())
        known.set_folded(connection, self._last_id)
        self._windows.clear()
        self.unfolded = 0

    def load(self, connection: sqlite3.Connection) -> None:
        """Reads the unfolded rows; what is more than one fold's worth (a log of schema 1) is folded on the way."""
        self._last_id = known.folded(connection)
        windows: dict[int, Window] = {}
        while True:
            rows = connection.execute(
                "SELECT id, node, enrolment, seq, late, received_ms, context, seq + ahead FROM record"
                " WHERE id > ? ORDER BY id LIMIT ?",
                (self._last_id, FOLD_AT),
            ).fetchall()
            for _, node, enrolment, seq, late, received_ms, context, counter in rows:
                tail = self._tails.get((node, enrolment)) or self._meet(connection, (node, enrolment))
                tail.seqs.add(seq)
                tail.last_ms = received_ms
                tail.late += late
                tail.highest = max(tail.highest, seq)
                if context is not None:
                    contexts.take(windows.setdefault(context, Window()), counter)
            self._windows = {key: WindowMove(key, one.highest, one.mask) for key, one in windows.items()}
            self.unfolded += len(rows)
            self._last_id = rows[-1][0] if rows else self._last_id
            if len(rows) < FOLD_AT:
                return
            self.fold(connection)
            windows.clear()

    def _meet(self, connection: sqlite3.Connection, whose: known.Enrolment) -> Tail:
        tail = self._tails[whose] = Tail(known.highest(connection, whose))
        return tail
