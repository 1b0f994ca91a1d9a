"""One batch, one transaction: records appended, jobs run, each told what came of it."""

import sqlite3
from collections.abc import Callable
from typing import Any

from comatrix.gateway.edges.store.appender import FOLD_AT, Appender
from comatrix.gateway.edges.store.capacity import Capacity
from comatrix.gateway.edges.store.retention import Retention
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import Appended, Duplicate, NewRecord, WindowMove

Told = Appended | Duplicate | StoreError
Append = tuple[NewRecord | None, WindowMove | None, Callable[[Told], None]]
Work = Callable[[sqlite3.Connection], Any]
Came = tuple[bool, Any]  # (it went well, what a job returned or raised)
Outcome = tuple[list[Told], list[Came]]

LEAST_ROOM = 512  # rows made room for at a time, and always twice what comes


class Transactions:
    """Used by one thread at a time. `translate`: an exception of SQLite as the error a person reads."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        capacity: Capacity,
        translate: Callable[[Exception], StoreError],
        synced: Callable[[int], None] | None = None,
        fold_at: int = FOLD_AT,
    ) -> None:
        self._connection = connection
        self._capacity = capacity
        self._translate = translate
        self._synced = synced
        self._fold_at = fold_at
        self._appender = Appender()
        self._retention = Retention()
        self._fold_soon = False

    def begin(self) -> None:
        """At start: folds what the last run left unfolded. Raises sqlite3.Error, but not for want of space."""
        self._fold_soon = True
        self.tidy()

    def commit(self, appends: list[Append], works: list[Work]) -> Outcome:
        """-> an answer each. When the commit fails nothing of the batch stays and every answer is that StoreError.

        On a full disk jobs go on without the appends, in what the ballast gave up.
        """
        if works:
            self._retention.something_changed()
        refusal = self._capacity.refusal()
        told: list[Told] = [refusal] * len(appends) if refusal else []
        if refusal is None:
            (told, came), starved = self._attempt(appends, works)
            if not (starved and self._capacity.disk_refused() and works):
                return told, came
        return told, self._attempt([], works)[0][1]

    def tidy(self) -> None:
        """What nobody waits for: folds when it is time. Raises sqlite3.Error, but not for want of space."""
        if self._appender.unfolded < self._fold_at and not self._fold_soon:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._appender.fold(self._connection)
            self._connection.execute("COMMIT")
            self._fold_soon = False
        except sqlite3.Error as error:
            starved = self._capacity.disk_explains(error)
            self._roll_back()
            if not starved:
                raise
            self._capacity.disk_refused()

    def expire(self, connection: sqlite3.Connection, before_ms: int) -> bool:
        """A job: one step of retention -> whether there is more to do."""
        self._fold_soon = True  # only what is folded may go
        return self._retention.expire(connection, before_ms)

    def _attempt(self, appends: list[Append], works: list[Work]) -> tuple[Outcome, bool]:
        """-> (what came of it, it failed for want of disk)."""
        if not appends and not works:
            return ([], []), False
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            told = self._append(appends) if appends else []
            came = [self._run(work) for work in works] if appends or len(works) > 1 else [self._run_alone(works[0])]
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - a thread that died would leave every node without an answer
            failure, starved = self._translated(error), self._capacity.disk_explains(error)
            self._roll_back()
            return ([failure] * len(appends), [(False, failure)] * len(works)), starved
        if self._synced is not None:
            self._synced(len(appends) + len(works))
        return (told, came), False

    def _append(self, appends: list[Append]) -> list[Told]:
        over = self._capacity.above(len(appends))
        if over and not (self._make_room(len(appends)) and self._capacity.may_reach(over)):
            return [self._capacity.capped()] * len(appends)
        return [*self._appender.append(self._connection, appends)]

    def _make_room(self, rows: int) -> bool:
        wanted = max(2 * rows, LEAST_ROOM)
        if self._retention.reclaim(self._connection, wanted):
            return True
        if not self._appender.unfolded:
            return False
        self._appender.fold(self._connection)
        self._retention.something_changed()
        return self._retention.reclaim(self._connection, wanted)

    def _run(self, work: Work) -> Came:
        self._connection.execute("SAVEPOINT job")
        try:
            result = work(self._connection)
        except Exception as error:
            if not self._connection.in_transaction or self._capacity.disk_explains(error):
                raise  # for want of space: the others must hear of it too
            failure = self._translated(error) if isinstance(error, sqlite3.Error) else error
            self._connection.execute("ROLLBACK TO job")
            self._connection.execute("RELEASE job")
            return False, failure
        self._connection.execute("RELEASE job")
        return True, result

    def _run_alone(self, work: Work) -> Came:
        """As `_run`, of the only one of its transaction: that is rolled back with it."""
        try:
            return True, work(self._connection)
        except Exception as error:
            if not self._connection.in_transaction or self._capacity.disk_explains(error):
                raise
            failure = self._translated(error) if isinstance(error, sqlite3.Error) else error
            self._connection.execute("ROLLBACK")
            self._connection.execute("BEGIN IMMEDIATE")
            return False, failure

    def _translated(self, error: Exception) -> StoreError:
        return self._capacity.translated(error, self._translate(error))

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._appender.forget()
