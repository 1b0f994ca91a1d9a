"""The gateway's database: one owner, one writing thread, one log."""

import secrets
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from comatrix.gateway.edges.store.committer import Committer, Told, Transactions
from comatrix.gateway.edges.store.database import adopt, connect_reader, connect_writer, make_private, translated
from comatrix.gateway.edges.store.lock import OwnerLock
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import NewRecord, WindowMove

T = TypeVar("T")


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
        synced: Callable[[int], None] | None,
    ) -> None:
        self.path = path
        self.instance, self.restored = adopted
        self._owner = lock
        self._writer = writer
        self._reader = connect_reader(path)
        self._turn = threading.Lock()
        self._transactions = Transactions(writer, self._translated, synced)
        self._committer: Committer | None = None
        self._closed = False

    @classmethod
    def open(cls, path: Path, now_ms: int, *, synced: Callable[[int], None] | None = None) -> "Store":
        """Makes, migrates and locks the database. Raises StoreError: in use, newer schema, damaged, no access.

        `synced(members)` is told of every commit, in the thread that made it.
        """
        try:
            make_private(path)
            lock = OwnerLock(path)
        except OSError as error:
            raise translated(error, path) from error
        try:
            writer = connect_writer(path)
            adopted = adopt(writer, path, now_ms, secrets.token_hex(8))
            return cls(path, lock, writer, adopted, synced)
        except (sqlite3.Error, OSError) as error:
            lock.release()
            raise translated(error, path) from error
        except StoreError:
            lock.release()
            raise

    def append(self, record: NewRecord | None, window: WindowMove | None, done: Callable[[Told], None]) -> None:
        """Stores a record, the window it moved, or both. `done` is called later, in the loop's thread, once synced."""
        self._stream().append((record, window, done))

    async def run(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Runs a job in the next commit -> what it returned, once synced. One that raises is rolled back alone."""
        result: T = await self._stream().run(job)
        return result

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
            self._committer = Committer(self._commit)
        return self._committer

    def _commit(self, appends: Any, works: Any) -> Any:
        with self._turn:
            return self._transactions.commit(appends, works)

    def _tidy(self) -> None:
        with self._turn:
            self._transactions.tidy()

    def _translated(self, error: Exception) -> StoreError:
        return translated(error, self.path)
