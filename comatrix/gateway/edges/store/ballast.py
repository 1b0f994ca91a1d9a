"""A file of a few megabytes beside the database. On a full disk it gives its space up, so that draining goes on."""

import contextlib
import os
from pathlib import Path

LEAST_TO_OPEN = 1 << 20


class Ballast:
    """`<db>.ballast`. `size` 0: none is kept. Raises nothing: without ballast everything else works."""

    def __init__(self, database: Path, size: int) -> None:
        self._path = database.with_name(database.name + ".ballast")
        self._size = size
        self.held = False

    def make(self) -> None:
        """Takes the space on the disk, where it is not held already and there is as much again left."""
        if self.held or not self._size:
            return
        if self._path.exists() and self._path.stat().st_size == self._size:
            self.held = True
        elif self.fits():
            self.held = self._allocate()

    def fits(self) -> bool:
        """Whether the disk has room for the ballast, and as much again besides."""
        return free_bytes(self._path.parent) >= 2 * self._size

    def release(self) -> bool:
        """Gives the space back -> whether there was any."""
        held, self.held = self.held, False
        with contextlib.suppress(OSError):  # what lies there may not be ours
            self._path.unlink(missing_ok=True)
        return held

    def make_way(self) -> None:
        """At start: a database cannot even be opened on a disk quite full."""
        if free_bytes(self._path.parent) < LEAST_TO_OPEN:
            self.release()

    def _allocate(self) -> bool:
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            os.posix_fallocate(file, 0, self._size)
            os.fsync(file)
        except OSError:
            self.release()
            return False
        finally:
            os.close(file)
        return True


def free_bytes(folder: Path) -> int:
    """What an ordinary user may still write on the folder's disk."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
