"""One process owns the database: an flock on `<db>.lock`, with the owner's pid inside."""

import fcntl
import os
from pathlib import Path

from comatrix.gateway.errors import StoreInUse


class OwnerLock:
    """Held from construction to `release()`; the kernel lets go of it when the process dies. Raises StoreInUse."""

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(self._fd, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise StoreInUse(f"{database} is in use by another process (pid {owner})", "comatrix status") from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, b"%d\n" % os.getpid(), 0)

    def release(self) -> None:
        """The file stays: removing it would let two processes lock two files of one name."""
        os.close(self._fd)
