"""One owner, one schema, private files, and a copy put back is noticed."""

import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from comatrix.gateway.edges.store import contexts, nodes, rooms
from comatrix.gateway.edges.store.database import READER_KIB, WRITER_KIB
from comatrix.gateway.edges.store.migrations import migrate, schemas
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.errors import StoreError

HOLD = """
import sys
from pathlib import Path
from comatrix.gateway.edges.store.store import Store
store = Store.open(Path(sys.argv[1]), 0)
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "gateway.db"


def test_a_second_process_is_told_who_has_the_database(path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"open\n"
        with pytest.raises(StoreError, match=rf"in use by another process \(pid {owner.pid}\)") as caught:
            Store.open(path, 0)
        assert caught.value.next_step == "comatrix status"
        owner.kill()
    Store.open(path, 0).close()  # the kernel let go of the lock


def test_files_are_private(path: Path) -> None:
    with Store.open(path, 0) as store:
        store.write(lambda connection: rooms.add(connection, "!a:b"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert len(modes) == 5
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_pragmas_are_those_that_survive_a_power_cut(path: Path) -> None:
    with Store.open(path, 0) as store:
        found = [store._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS]
    assert dict(zip(PRAGMAS, found, strict=True)) == PRAGMAS


def test_the_connections_hold_few_pages_in_memory(path: Path) -> None:
    with Store.open(path, 0) as store:
        for connection, kib in ((store._writer, WRITER_KIB), (store._reader, READER_KIB)):
            assert connection.execute("PRAGMA cache_size").fetchone()[0] == -kib


NEWEST = schemas()[-1][0]
PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "page_size": 1024, "foreign_keys": 1, "user_version": NEWEST}


def test_a_restart_is_no_restore(path: Path) -> None:
    with Store.open(path, 0) as store:
        instance = store.instance
        assert not store.restored
    with Store.open(path, 0) as store:
        assert (store.instance, store.restored) == (instance, False)
    assert len(instance) == 16


def test_a_copy_put_back_gets_a_new_instance_and_trusts_no_window(path: Path) -> None:
    with Store.open(path, 0) as store:
        store.write(_provision)
        first = store.instance
    shutil.copy(path, path.with_name("backup"))
    path.with_name("gateway.db.instance").write_text("0123456789abcdef\n")
    shutil.copy(path.with_name("backup"), path)
    with Store.open(path, 77) as store:
        assert store.restored
        assert store.instance not in (first, "0123456789abcdef")
        assert all(context.missing for context in store.read(contexts.living))
        assert store.read(lambda c: c.execute("SELECT value FROM meta WHERE key = 'restored_ms'").fetchone()) == (77,)
    with Store.open(path, 0) as store:
        assert not store.restored
        assert all(context.missing for context in store.read(contexts.living))


def _provision(connection: sqlite3.Connection) -> None:
    node = nodes.add(connection, "garden", rooms.add(connection, "!a:b").id, now_ms=0)
    contexts.add(connection, node.number, "u", b"s" * 16)


def test_a_database_without_its_instance_file_is_a_copy(path: Path) -> None:
    Store.open(path, 0).close()
    path.with_name("gateway.db.instance").unlink()
    with Store.open(path, 0) as store:
        assert store.restored


def test_a_newer_schema_is_refused_in_words(path: Path) -> None:
    Store.open(path, 0).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="schema 99, written by a newer CoMatrix"):
        Store.open(path, 0)
    with pytest.raises(StoreError, match="newer"):
        Store.open(path, 0)  # and the lock was let go


def test_another_programs_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(StoreError, match="some other program"):
        Store.open(path, 0)


def test_a_damaged_file_is_refused_in_words(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="damaged or no database"):
        Store.open(path, 0)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot use"):
        Store.open(tmp_path / "file" / "gateway.db", 0)


def test_a_schema_file_applies_whole_or_not_at_all() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, schemas())
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, [*schemas(), (NEWEST + 1, "CREATE TABLE fine (x); CREATE TABLE broken (;")])
    assert connection.execute("PRAGMA user_version").fetchone() == (NEWEST,)
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'fine'").fetchone() == (0,)
    migrate(connection, [*schemas(), (NEWEST + 1, "CREATE TABLE fine (x);")])
    assert connection.execute("PRAGMA user_version").fetchone() == (NEWEST + 1,)


def test_schema_files_are_numbered_without_a_gap() -> None:
    assert [number for number, _ in schemas()] == list(range(1, len(schemas()) + 1))
