"""The database as one consistent file, taken beside a running gateway, and such a file judged before it is put back."""

import contextlib
import os
import sqlite3
from pathlib import Path

from comatrix.gateway.edges.store.database import connect_reader, sync_folder, translated
from comatrix.gateway.edges.store.lock import OwnerLock
from comatrix.gateway.edges.store.migrations import APPLICATION_ID, schemas
from comatrix.gateway.errors import StoreError

COPY = "copy"  # no instance id is called so: whatever file stands beside it, `adopt` finds that this is a copy
BESIDE = (".instance", "-wal", "-shm")  # what belongs to the database that is replaced, in the order it goes


def take(path: Path, target: Path) -> int:
    """Writes the database at `path` as it is at this instant to the new file `target` (0600), synced -> its schema.

    The writer is not held up. The copy is marked as one: nodes make new keys with whoever opens it (decision 0006).
    Raises StoreError.
    """
    if not path.exists():
        raise StoreError(f"there is no database at {path}", "comatrix gateway run")
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with contextlib.closing(connect_reader(path)) as source, contextlib.closing(_plain(target)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, whole without a log beside it
            copy.execute("REPLACE INTO meta VALUES ('instance', ?)", (COPY,))
            return int(copy.execute("PRAGMA user_version").fetchone()[0])
    except (sqlite3.Error, OSError) as error:
        raise translated(error, path) from error


def judge_untrusted(path: Path) -> None:
    """Raises StoreError where the file is damaged, no database of ours, or a newer CoMatrix's."""
    again = "take another backup"
    try:
        with contextlib.closing(_plain(path)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if application != APPLICATION_ID:
                raise StoreError("the database in the backup is some other program's", again)
            if version > schemas()[-1][0]:
                raise StoreError(
                    f"the backup has schema {version}, written by a newer CoMatrix; this one knows up to"
                    f" {schemas()[-1][0]}",
                    "install that CoMatrix again",
                )
            if found != "ok":
                raise StoreError(f"the database in the backup is damaged: {found}", again)
            connection.execute("REPLACE INTO meta VALUES ('instance', ?)", (COPY,))
    except sqlite3.Error as error:
        raise StoreError(f"the database in the backup is damaged or no database: {error}", again) from error


def put_back(fresh: Path, path: Path) -> None:
    """Moves `fresh`, of the same file system, to `path`. The caller holds the lock of `path`. Raises OSError.

    The instance file goes first: whatever a power cut leaves here is found to be a copy.
    """
    for end in BESIDE:
        path.with_name(path.name + end).unlink(missing_ok=True)
        sync_folder(path)
    fresh.replace(path)
    sync_folder(path)


def owned(path: Path) -> OwnerLock:
    """The lock of the database at `path`, which need not exist; makes its folder (0700). Raises StoreInUse, OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return OwnerLock(path)


def _plain(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)
