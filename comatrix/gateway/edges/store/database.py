"""Opens the database file: permissions, pragmas, schema, and whether it is a copy put back."""

import os
import sqlite3
from pathlib import Path

from comatrix.gateway.edges.store.migrations import migrate, schemas
from comatrix.gateway.errors import StoreError

CHECKPOINT_PAGES = 4000  # 4 MB of log before its pages go to the database: fewer rewrites of a hot page
# Of pages in memory; by default 2,000 each. The kernel has them as well, and 1,024 nodes cost no more CPU.
WRITER_KIB, READER_KIB = 512, 256


def make_private(path: Path) -> None:
    """Folder 0700 where we make it, file 0600 always. SQLite gives its -wal and -shm the file's permissions."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)


def connect_writer(path: Path) -> sqlite3.Connection:
    """The only writing connection, migrated. Used by one thread at a time. Raises StoreError, sqlite3.Error."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    try:
        connection.execute("PRAGMA page_size = 1024")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # NORMAL loses acknowledged records in a power cut
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {2 * CHECKPOINT_PAGES * 1024}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # a revoked node's secret leaves the file
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute(f"PRAGMA cache_size = -{WRITER_KIB}")
        migrate(connection, schemas())
    except BaseException:
        connection.close()
        raise
    sync_folder(path)
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A second connection that cannot write; for the event loop's thread."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA cache_size = -{READER_KIB}")
    return connection


def adopt(connection: sqlite3.Connection, path: Path, now_ms: int, fresh_instance: str) -> tuple[str, bool]:
    """-> (instance id, restored). The id stands in the database and beside it; where they differ, this is a copy.

    A copy gets a new id, so that no transaction id repeats, and none of its replay windows is trusted any more.
    """
    beside = path.with_name(path.name + ".instance")
    row = connection.execute("SELECT value FROM meta WHERE key = 'instance'").fetchone()
    written = beside.read_text(encoding="ascii", errors="replace").strip() if beside.exists() else None
    if row is not None and row[0] == written:
        return str(row[0]), False
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("REPLACE INTO meta VALUES ('instance', ?)", (fresh_instance,))
    if row is not None:
        connection.execute("REPLACE INTO meta VALUES ('restored_ms', ?)", (now_ms,))
        connection.execute("UPDATE replay_window SET missing = 1")
    connection.execute("COMMIT")
    # Database first: a crash in between leaves them different, and the copy is found again.
    write_synced(beside, fresh_instance + "\n")
    return fresh_instance, row is not None


def write_synced(path: Path, text: str) -> None:
    """Replaces a 0600 file whole, or not at all."""
    part = path.with_name(path.name + ".part")
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, text.encode())
        os.fsync(file)
    finally:
        os.close(file)
    part.replace(path)
    sync_folder(path)


def sync_folder(path: Path) -> None:
    """A new file's name is on disk only once its folder is synced."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def translated(error: Exception, path: Path) -> StoreError:
    """What SQLite or the system said, for a person."""
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_FULL:
        return StoreError(f"no space left to store records in {path}", f"df -h {path.parent}")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return StoreError(f"{path} is damaged or no database: {error}", "put back a backup of it")
    return StoreError(f"cannot use {path}: {error}", f"ls -l {path.parent}")
