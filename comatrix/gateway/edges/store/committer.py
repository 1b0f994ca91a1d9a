"""Natural group commit: one commit in flight in a worker thread, the next takes whatever gathered meanwhile.

No timer: an idle store commits a lone record at once, a busy one commits up to 1,024 together. Whoever waits is told in
the event loop's thread, after the commit is synced.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from comatrix.gateway.edges.store.appender import FOLD_AT, Appender
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import Appended, Duplicate, NewRecord, WindowMove

MAX_BATCH = 1024

Told = Appended | Duplicate | StoreError
Append = tuple[NewRecord | None, WindowMove | None, Callable[[Told], None]]
Work = Callable[[sqlite3.Connection], Any]
Job = tuple[Work, "asyncio.Future[Any]"]
Batch = tuple[list[Append], list[Job]]
Came = tuple[bool, Any]  # (it went well, what a job returned or raised)


class Transactions:
    """Runs one batch in one transaction. Used by one thread at a time."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        translate: Callable[[Exception], StoreError],
        synced: Callable[[int], None] | None,
    ) -> None:
        self._connection = connection
        self._translate = translate
        self._synced = synced
        self._appender = Appender()

    def commit(self, appends: list[Append], works: list[Work]) -> tuple[list[Told], list[Came]]:
        """-> an answer each. When the commit fails nothing of the batch stays and every answer is that StoreError."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            told: list[Told] = [*self._append(appends)]
            came = [self._run(work) for work in works]
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - a thread that died would leave every node without an answer
            self._roll_back()
            failure = self._translate(error)
            return [failure] * len(appends), [(False, failure)] * len(works)
        if self._synced is not None:
            self._synced(len(appends) + len(works))
        return told, came

    def tidy(self) -> None:
        """What need not be waited for."""
        if self._appender.unfolded < FOLD_AT:
            return
        self._connection.execute("BEGIN IMMEDIATE")
        self._appender.fold(self._connection)
        self._connection.execute("COMMIT")

    def _append(self, appends: list[Append]) -> list[Appended | Duplicate]:
        if not appends:
            return []
        return self._appender.append(self._connection, appends)

    def _run(self, work: Work) -> Came:
        self._connection.execute("SAVEPOINT job")
        try:
            result = work(self._connection)
        except Exception as error:
            if not self._connection.in_transaction:
                raise  # a full disk rolled everything back: the others must hear of it too
            self._connection.execute("ROLLBACK TO job")
            self._connection.execute("RELEASE job")
            return False, self._translate(error) if isinstance(error, sqlite3.Error) else error
        self._connection.execute("RELEASE job")
        return True, result

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._appender.forget()


class Committer:
    """The stream of batches. Made and used in the event loop's thread; `commit` runs in a thread of its own."""

    def __init__(self, commit: Callable[[list[Append], list[Work]], tuple[list[Told], list[Came]]]) -> None:
        self._loop = asyncio.get_running_loop()
        self._commit = commit
        self._appends: list[Append] = []
        self._jobs: list[Job] = []
        self._busy = False
        self._idle: asyncio.Future[None] | None = None
        self._inbox: SimpleQueue[Batch | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="comatrix-store", daemon=True)
        self._thread.start()

    def append(self, entry: Append) -> None:
        """Queues a record; its callback is called once it is on disk or known not to be."""
        self._appends.append(entry)
        if not self._busy:
            self._start()

    async def run(self, work: Work) -> Any:
        """Queues a job; what it returns or raises, once that is on disk."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._jobs.append((work, future))
        if not self._busy:
            self._start()
        return await future

    async def aclose(self) -> None:
        """Commits what is queued, then ends the thread."""
        if self._busy:
            self._idle = self._loop.create_future()
            await self._idle
        self._inbox.put(None)
        self._thread.join()

    def _start(self) -> None:
        # Not at once: whatever the socket still holds in this turn of the loop shares the commit.
        self._busy = True
        self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        appends = self._appends[:MAX_BATCH]
        del self._appends[:MAX_BATCH]
        jobs, self._jobs = self._jobs, []
        self._inbox.put((appends, jobs))

    def _work(self) -> None:
        while (batch := self._inbox.get()) is not None:
            appends, jobs = batch
            told, came = self._commit(appends, [work for work, _ in jobs])
            self._loop.call_soon_threadsafe(self._finish, batch, told, came)

    def _finish(self, batch: Batch, told: list[Told], came: list[Came]) -> None:
        if self._appends or self._jobs:
            self._hand_over()
        else:
            self._busy = False
        for (_, _, done), answer in zip(batch[0], told, strict=True):
            done(answer)
        for (_, future), (well, result) in zip(batch[1], came, strict=True):
            if not future.cancelled():
                if well:
                    future.set_result(result)
                else:
                    future.set_exception(result)
        if not self._busy and self._idle is not None:
            self._idle.set_result(None)
