"""The gateway's database: one owner, one writing thread, one log."""

import asyncio
import contextlib
import secrets
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from comatrix.gateway.edges.store.appender import FOLD_AT
from comatrix.gateway.edges.store.ballast import Ballast
from comatrix.gateway.edges.store.capacity import Capacity, StoreLimits
from comatrix.gateway.edges.store.committer import Committer
from comatrix.gateway.edges.store.database import adopt, connect_reader, connect_writer, make_private, translated
from comatrix.gateway.edges.store.lock import OwnerLock
from comatrix.gateway.edges.store.transactions import Told, Transactions
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import NewRecord, WindowMove

T = TypeVar("T")
NO_LIMITS = StoreLimits()


class Store:
    """Open from `Store.open` to `aclose` (gateway) or the end of `with` (command line).

    `instance`: 16 hex digits, the first part of every transaction id. `restored`: this open found a copy put back.
    """

    def __init__(
        self,
        path: Path,
        lock: OwnerLock,
        writer: sqlite3.Connection,
        adopted: tuple[str, bool],
        limits: StoreLimits,
        synced: Callable[[int], None] | None,
        fold_at: int,
        threaded: bool,
    ) -> None:
        self.path = path
        self.instance, self.restored = adopted
        self._owner = lock
        self._writer = writer
        self._reader = connect_reader(path)
        self._turn = threading.Lock()
        self._capacity = Capacity(writer, path, limits)
        self._transactions = Transactions(writer, self._capacity, self._translated, synced, fold_at)
        self._transactions.begin()
        self._tell: Callable[[str], None] | None = None
        self._committer: Committer | None = None
        self._threaded = threaded
        self._untidy = ""  # why the last fold failed, told already
        self._closed = False

    @classmethod
    def open(
        cls,
        path: Path,
        now_ms: int,
        *,
        limits: StoreLimits = NO_LIMITS,
        synced: Callable[[int], None] | None = None,
        fold_at: int = FOLD_AT,
        threaded: bool = True,
        token: Callable[[int], str] = secrets.token_hex,
    ) -> "Store":
        """Makes, migrates and locks the database. Raises StoreError: in use, newer schema, damaged, no access.

        `synced(members)` is told of every commit, in the thread that made it. `fold_at`: rows in memory at most, about.
        `threaded` False: commits are made in the loop's thread, for virtual time. `token(bytes)`: random hex digits.
        """
        try:
            make_private(path)
            lock = OwnerLock(path)
        except OSError as error:
            raise translated(error, path) from error
        try:
            Ballast(path, limits.ballast).make_way()
            writer = connect_writer(path)
            adopted = adopt(writer, path, now_ms, token(8))
            return cls(path, lock, writer, adopted, limits, synced, fold_at, threaded)
        except (sqlite3.Error, OSError) as error:
            lock.release()
            raise translated(error, path) from error
        except StoreError:
            lock.release()
            raise

    def append(self, record: NewRecord | None, window: WindowMove | None, done: Callable[[Told], None]) -> None:
        """Stores a record, the window it moved, or both. `done` is called later, in the loop's thread, once synced."""
        self._stream().append((record, window, done))

    async def run(self, job: Callable[[sqlite3.Connection], T], *, refusable: bool = False) -> T:
        """Runs a job in the next commit -> what it returned, once synced. One that raises is rolled back alone.

        Raises StoreFull at once where it is `refusable` and too many wait.
        """
        result: T = await self._stream().run(job, refusable=refusable)
        return result

    async def expire(self, before_ms: int) -> bool:
        """One step of retention: what is finished and older leaves -> whether there is more. Raises StoreError."""
        return await self.run(lambda connection: self._transactions.expire(connection, before_ms))

    def listen(self, tell: Callable[[str], None]) -> None:
        """Lines for the operator go there from now on, in the loop's thread: full, and over."""
        self._tell = tell
        self._tell_news()

    def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """The same, here and now, without an event loop. Raises StoreError, or what the job raised."""
        ((well, result),) = self._commit([], [job])[1]
        if not well:
            raise result
        value: T = result
        return value

    def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Runs a job on the connection that cannot write; from the thread that opened the store. Raises StoreError."""
        try:
            return job(self._reader)
        except sqlite3.Error as error:
            raise self._translated(error) from error

    async def read_aside(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """As `read`, on a connection of its own in a thread: for what takes long. Raises StoreError."""

        def work() -> T:
            try:
                with contextlib.closing(connect_reader(self.path)) as connection:
                    return job(connection)
            except sqlite3.Error as error:
                raise self._translated(error) from error

        return await asyncio.to_thread(work)

    async def aclose(self) -> None:
        """Commits what is queued and closes."""
        if self._committer is not None:
            await self._committer.aclose()
        self.close()

    def close(self) -> None:
        """Takes the log into the database and lets go of it. A second time does nothing."""
        if self._closed:
            return
        self._closed = True
        self._reader.close()
        try:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            pass  # the log stays beside the database, and the next start takes it
        finally:
            self._writer.close()
            self._owner.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _stream(self) -> Committer:
        if self._committer is None:
            self._committer = Committer(self._commit, self._tidy, self._tell_news, threaded=self._threaded)
        return self._committer

    def _commit(self, appends: Any, works: Any) -> Any:
        with self._turn:
            return self._transactions.commit(appends, works)

    def _tidy(self) -> None:
        """A failure ends nothing: the log holds what was not folded, and each commit tries again."""
        with self._turn:
            try:
                self._transactions.tidy()
                self._untidy = ""
            except sqlite3.Error as error:
                text = self._translated(error).text
                if text != self._untidy:
                    self._capacity.news.append(text)
                self._untidy = text

    def _tell_news(self) -> None:
        while self._tell is not None and self._capacity.news:
            self._tell(self._capacity.news.popleft())

    def _translated(self, error: Exception) -> StoreError:
        return translated(error, self.path)
