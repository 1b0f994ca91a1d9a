"""What can be said of the database without its lock: read beside a running gateway, and of a damaged one too."""

import fcntl
import os
import sqlite3
import stat
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from comatrix.gateway.edges.store import nodes, outbox, records, rooms
from comatrix.gateway.edges.store.database import connect_reader
from comatrix.gateway.edges.store.migrations import APPLICATION_ID, schemas
from comatrix.gateway.edges.store.service_users import Refusal, refusals
from comatrix.gateway.edges.store.status import NodeStatus, all_status
from comatrix.gateway.model import Arrivals, Node, Room, SealedRow

STEPS = 10_000  # SQLite's virtual machine instructions between two looks at the clock
LOOKED_AT = 100_000  # newest records, to find out when each node was last heard


@dataclass(frozen=True, slots=True)
class Contents:
    """What a doctor asks of a database. `last_ms`: node -> when its newest record came."""

    rooms: tuple[Room, ...] = ()
    nodes: tuple[Node, ...] = ()
    bound: Mapping[tuple[int, int], int] = field(default_factory=dict)
    status: Mapping[int, NodeStatus] = field(default_factory=dict)
    last_ms: Mapping[int, int] = field(default_factory=dict)
    waiting: tuple[Arrivals, ...] = ()
    posted_ms: Mapping[tuple[int, int], int] = field(default_factory=dict)  # (room, node) -> when it was last sealed
    open: tuple[SealedRow, ...] = ()
    parked: tuple[SealedRow, ...] = ()
    refusals: tuple[Refusal, ...] = ()  # ghosts that cannot be in a room
    used: int = 0  # bytes of pages in use
    logged: int = 0  # records in the log, about


@dataclass(frozen=True, slots=True)
class Checkup:
    """`state`: "none" (no file yet), "ok", "open" (readable by others), "foreign", "newer", "older", "damaged",
    "unreadable". `contents` only where it is ok or open. `checked`: the whole file was looked at in time."""

    state: str
    detail: str = ""
    size: int = 0  # bytes, with its write-ahead log
    checked: bool = True
    contents: Contents | None = None


def examine(path: Path, limit_s: float) -> Checkup:
    """Takes a while for a large database, at most about `limit_s`. Raises nothing for what the file is."""
    try:
        if not path.exists():
            return Checkup("none")
        size = sum(part.stat().st_size for part in (path, path.with_name(path.name + "-wal")) if part.exists())
    except PermissionError as error:
        return Checkup("unreadable", str(error.strerror))
    try:
        connection = connect_reader(path)
        try:
            return _examined(connection, path, size, time.monotonic() + limit_s)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        damaged = getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        return Checkup("damaged" if damaged else "unreadable", str(error), size)


def _examined(connection: sqlite3.Connection, path: Path, size: int, until_s: float) -> Checkup:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        return Checkup("foreign", "", size)
    newest = schemas()[-1][0]
    if version != newest:
        return Checkup("newer" if version > newest else "older", f"schema {version}, this program's is {newest}", size)
    contents = _contents(connection)
    checked, wrong = _sound(connection, until_s)
    if wrong:
        return Checkup("damaged", wrong, size)
    private = stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    return Checkup("ok" if private else "open", "", size, checked, contents)


def _sound(connection: sqlite3.Connection, until_s: float) -> tuple[bool, str]:
    """-> (looked at in whole, what is wrong or "")."""
    connection.set_progress_handler(lambda: time.monotonic() > until_s, STEPS)
    try:
        said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return False, ""
    finally:
        connection.set_progress_handler(None, STEPS)
    return True, "" if said == "ok" else said


def _contents(connection: sqlite3.Connection) -> Contents:
    return Contents(
        rooms=tuple(rooms.all_rooms(connection)),
        nodes=tuple(nodes.all_nodes(connection)),
        bound=nodes.bound_rooms(connection),
        status=all_status(connection),
        last_ms=_last_ms(connection),
        waiting=tuple(records.waiting(connection, outbox.floor(connection))),
        posted_ms={(room, node): sealed_ms for room, node, _, sealed_ms in records.cursors(connection)},
        open=tuple(outbox.open_rows(connection)),
        parked=tuple(outbox.parked_rows(connection)),
        refusals=tuple(refusals(connection)),
        used=used_bytes(connection),
        logged=_logged(connection),
    )


def used_bytes(connection: sqlite3.Connection) -> int:
    """What counts against [store] max_size: the pages in use."""
    pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    return pages * _pragma(connection, "page_size")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _logged(connection: sqlite3.Connection) -> int:
    """By the row ids: counting would read the whole log."""
    (count,) = connection.execute(
        "SELECT coalesce((SELECT max(id) FROM record) - (SELECT min(id) FROM record) + 1, 0)"
    ).fetchone()
    return int(count)


def _last_ms(connection: sqlite3.Connection) -> dict[int, int]:
    """Node -> when its newest record came, of the newest LOOKED_AT records; the log has no index by node."""
    rows = connection.execute(
        "SELECT node, max(received_ms) FROM (SELECT node, received_ms FROM record ORDER BY id DESC LIMIT ?)"
        " GROUP BY node",
        (LOOKED_AT,),
    )
    return dict(rows.fetchall())


def owner(database: Path) -> str:
    """The pid of the process that holds the database's lock; "" while nobody does."""
    try:
        lock = os.open(database.with_name(database.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
    finally:
        os.close(lock)
    return ""


def write_refused(folder: Path) -> str:
    """Why nothing can be written to the folder (or, until it is made, to the one it will be made in); "" if it can."""
    place = existing(folder)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def free_bytes(folder: Path) -> int:
    """What an ordinary user may still write there."""
    found = os.statvfs(existing(folder))
    return found.f_bavail * found.f_frsize


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))
