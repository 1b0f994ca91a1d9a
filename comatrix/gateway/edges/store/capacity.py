"""Whether records may be appended: the size the operator allows, and the disk.

Records are refused before either is used up, so that what drains (sealed, posted, parked rows; counters; hellos) is
still written: above the size's mark by a reserve of pages, on a full disk by the ballast.
"""

import sqlite3
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from comatrix.gateway.edges.store.ballast import Ballast, free_bytes
from comatrix.gateway.errors import StoreError, StoreFull

LOOK_EVERY = 256  # rows appended between two looks at the size
SMALLEST_RESERVE = 1 << 20
LARGEST_RESERVE = 64 << 20
RETRY_AFTER_S = 60
MORE_THAN_A_COMMIT = 4 << 20  # bytes free: what fails with "full" met the size, not the disk
NEARLY_NOTHING = 65_536  # bytes left: what fails now fails for want of space, whatever it is called


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """In bytes; 0: none. `max_size` counts the database file, without the few MB of its write-ahead log."""

    max_size: int = 0
    ballast: int = 0


class Capacity:
    """Asked before records are appended, told when the disk refused. `news`: lines for the operator, oldest first."""

    def __init__(self, connection: sqlite3.Connection, path: Path, limits: StoreLimits) -> None:
        self._connection = connection
        self._path = path
        self._max_size = limits.max_size
        self._reserve = min(max(limits.max_size // 16, SMALLEST_RESERVE), LARGEST_RESERVE)
        self._page_size = self._pragma("page_size")
        if limits.max_size:
            connection.execute(f"PRAGMA max_page_count = {limits.max_size // self._page_size}")
        self._appended = LOOK_EVERY
        self._capped = False
        self._disk_full = False
        self._ballast = Ballast(path, limits.ballast)
        self._ballast.make()
        self.news: deque[str] = deque(maxlen=16)

    # The size.

    def above(self, rows: int) -> int:
        """About to append `rows`: bytes above the mark where room must be made first; 0: go on."""
        self._appended += rows
        if not self._max_size or self._appended < LOOK_EVERY:
            return 0
        over = self._used() - (self._max_size - self._reserve)
        if self._capped and over <= -self._reserve // 4:
            self._capped = False
            self.news.append("the database has room again: records are taken again")
        if over <= 0 and not self._capped:
            self._appended = 0
        return max(over, 0)

    def may_reach(self, over: int) -> bool:
        """Whether so many bytes above the mark still leave half the reserve to what drains."""
        return over <= self._reserve // 2

    def capped(self) -> StoreFull:
        """The refusal, once no room could be made. Told once."""
        text = (
            f"the database {self._path} is full ([store] max_size = {self._max_size >> 20} MiB) of records that are"
            " not posted yet: new ones are refused until some are"
        )
        if not self._capped:
            self._capped = True
            self.news.append(f"{text}. See: comatrix queue")
        return StoreFull(text, "comatrix queue", retry_after_s=RETRY_AFTER_S)

    def _used(self) -> int:
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._page_size

    def _pragma(self, name: str) -> int:
        value: int = self._connection.execute(f"PRAGMA {name}").fetchone()[0]
        return value

    # The disk.

    def refusal(self) -> StoreFull | None:
        """The refusal while the disk is full; looks whether it still is."""
        if not self._disk_full:
            return None
        if not self._ballast.fits():
            return self._no_space()
        self._disk_full = False
        self._ballast.make()
        self.news.append(f"the disk of {self._path} has space again: records are taken again")
        return None

    def disk_refused(self) -> bool:
        """A write failed for want of space -> whether giving up the ballast made some. Told once."""
        if not self._disk_full:
            self._disk_full = True
            told = self._no_space()
            self.news.append(f"{told.text}: new records are refused until there is. See: {told.next_step}")
        return self._ballast.release()

    def disk_explains(self, error: Exception) -> bool:
        """Whether this is for want of space on the disk."""
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL:
            return not self._size_explains()
        storage = isinstance(error, OSError) or (code is not None and code & 0xFF == sqlite3.SQLITE_IOERR)
        return storage and free_bytes(self._path.parent) < NEARLY_NOTHING

    def translated(self, error: Exception, otherwise: StoreError) -> StoreError:
        """The StoreFull where that is what it was, else `otherwise`."""
        if self.disk_explains(error):
            return self._no_space()
        return self.capped() if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL else otherwise

    def _size_explains(self) -> bool:
        return self._max_size > 0 and free_bytes(self._path.parent) >= MORE_THAN_A_COMMIT

    def _no_space(self) -> StoreFull:
        return StoreFull(
            f"no space left to store records in {self._path}",
            f"df -h {self._path.parent}",
            retry_after_s=RETRY_AFTER_S,
        )
