"""What a crash left behind: the database as the next start will find it, looked at on a copy."""

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.ledger import Key


@dataclass(frozen=True, slots=True)
class Wreck:
    """What was found. `integrity`: what PRAGMA integrity_check said."""

    integrity: tuple[str, ...]
    stored: list[Key]
    open_txns: frozenset[str]  # sealed and not settled


def copied(database: Path, into: Path) -> Path:
    """The database with its log in a folder of its own: opening the real one would already mend it."""
    into.mkdir(parents=True, exist_ok=True)
    for name in (database.name, f"{database.name}-wal"):
        source = database.with_name(name)
        if source.exists():
            shutil.copyfile(source, into / name)
        else:
            (into / name).unlink(missing_ok=True)
    (into / f"{database.name}-shm").unlink(missing_ok=True)
    return into / database.name


def examined(database: Path) -> Wreck:
    """Opens the copy as SQLite does after a crash."""
    connection = sqlite3.connect(database)
    try:
        said = tuple(str(row[0]) for row in connection.execute("PRAGMA integrity_check"))
        stored = connection.execute("SELECT node, enrolment, seq FROM record").fetchall()
        txns = frozenset(row[0] for row in connection.execute("SELECT txn FROM outbox WHERE state = 'sealed'"))
    except sqlite3.DatabaseError as error:
        return Wreck((str(error),), [], frozenset())
    finally:
        connection.close()
    return Wreck(said, stored, txns)


STATE = {
    "records": "SELECT count(*), coalesce(max(id), 0) FROM record",
    "replay windows": "SELECT context, highest, mask FROM replay_window ORDER BY context",
    "contexts": "SELECT id, generation, id_context, state FROM context ORDER BY id",
    "outbox": "SELECT count(*), coalesce(max(id), 0) FROM outbox",
}


def state_of(database: Path) -> dict[str, object]:
    """What a replayed datagram must not change. The sender counters may move: a known request may be answered."""
    connection = sqlite3.connect(database)
    try:
        return {name: connection.execute(query).fetchall() for name, query in STATE.items()}
    finally:
        connection.close()
