"""Natural group commit: one commit in flight in a worker thread, the next takes whatever gathered meanwhile.

No timer: an idle store commits a lone record at once, a busy one commits up to 1,024 together. Whoever waits is told in
the event loop's thread, after the commit is synced. What may wait is bounded: beyond it records are refused at once.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from comatrix.gateway.edges.store.transactions import Append, Came, Outcome, Told, Work
from comatrix.gateway.errors import StoreFull

MAX_BATCH = 1024
MAX_WAITING = 16_384  # half a second of the busiest gateway, some 20 MB
RETRY_AFTER_S = 10

Job = tuple[Work, "asyncio.Future[Any]", int]  # the number: how many records had been queued before it
Batch = tuple[list[Append], list[Job]]


class Committer:
    """The stream of batches. Made and used in the event loop's thread; `commit` and `tidy` run in one of their own.

    `tidy` follows each commit once that is told; `after` is called in the loop's thread, when a batch was told.
    `threaded` False: all of it in the loop's thread, so that a simulation comes out alike each time.
    """

    def __init__(
        self,
        commit: Callable[[list[Append], list[Work]], Outcome],
        tidy: Callable[[], None],
        after: Callable[[], None],
        *,
        threaded: bool = True,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._commit = commit
        self._tidy = tidy
        self._after = after
        self._appends: list[Append] = []
        self._jobs: list[Job] = []
        self._queued = self._taken = 0  # records ever
        self._busy = False
        self._idle: asyncio.Future[None] | None = None
        self._inbox: SimpleQueue[Batch | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        if threaded:
            self._thread = threading.Thread(target=self._work, name="comatrix-store", daemon=True)
            self._thread.start()

    def append(self, entry: Append) -> None:
        """Queues a record; its callback is called once it is on disk or known not to be."""
        if len(self._appends) >= MAX_WAITING:
            self._loop.call_soon(entry[2], _too_many())
            return
        self._appends.append(entry)
        self._queued += 1
        if not self._busy:
            self._start()

    async def run(self, work: Work, *, refusable: bool = False) -> Any:
        """Queues a job; what it returns or raises, once that is on disk. `refusable`: StoreFull where many wait."""
        if refusable and len(self._jobs) >= MAX_WAITING:
            raise _too_many()
        future: asyncio.Future[Any] = self._loop.create_future()
        self._jobs.append((work, future, self._queued))
        if not self._busy:
            self._start()
        return await future

    async def aclose(self) -> None:
        """Commits what is queued, then ends the thread."""
        if self._busy:
            self._idle = self._loop.create_future()
            await self._idle
        if self._thread is not None:
            self._inbox.put(None)
            self._thread.join()

    def _start(self) -> None:
        # Not at once: whatever the socket still holds in this turn of the loop shares the commit.
        self._busy = True
        self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        """The oldest records, and the jobs that were queued behind them: what a job reads is all there."""
        appends = self._appends[:MAX_BATCH]
        del self._appends[:MAX_BATCH]
        self._taken += len(appends)
        due = 0
        while due < min(len(self._jobs), MAX_BATCH) and self._jobs[due][2] <= self._taken:
            due += 1
        jobs = self._jobs[:due]
        del self._jobs[:due]
        if self._thread is not None:
            self._inbox.put((appends, jobs))
        else:
            self._carry_out((appends, jobs), self._loop.call_soon)

    def _work(self) -> None:
        while (batch := self._inbox.get()) is not None:
            self._carry_out(batch, self._loop.call_soon_threadsafe)

    def _carry_out(self, batch: Batch, call: Callable[..., object]) -> None:
        appends, jobs = batch
        told, came = self._commit(appends, [work for work, _, _ in jobs])
        call(self._finish, batch, told, came)
        self._tidy()

    def _finish(self, batch: Batch, told: list[Told], came: list[Came]) -> None:
        if self._appends or self._jobs:
            self._hand_over()
        else:
            self._busy = False
        for (_, _, done), answer in zip(batch[0], told, strict=True):
            done(answer)
        for (_, future, _), (well, result) in zip(batch[1], came, strict=True):
            if not future.cancelled():
                if well:
                    future.set_result(result)
                else:
                    future.set_exception(result)
        self._after()
        if not self._busy and self._idle is not None:
            self._idle.set_result(None)


def _too_many() -> StoreFull:
    return StoreFull(
        f"{MAX_WAITING:,} records wait for the disk: it is too slow for what comes",
        "comatrix doctor",
        retry_after_s=RETRY_AFTER_S,
    )
