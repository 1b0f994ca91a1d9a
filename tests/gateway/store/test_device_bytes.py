"""What a record costs the disk, in bytes. An SD card wears by them."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from comatrix.gateway.edges.store import contexts, nodes, rooms
from comatrix.gateway.edges.store.appender import FOLD_AT
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.edges.store.transactions import Append
from comatrix.gateway.model import Appended, NewRecord, WindowMove

BATCH = 16
FRAME = 1024 + 24  # a page in the write-ahead log, with its header
BODY = bytes.fromhex("a2001908fc01190190")  # two readings


class Load:
    """Batches of 16 records, from so many nodes in turn."""

    def __init__(self, store: Store, count: int) -> None:
        self._store = store
        self._seqs = [0] * count
        self._contexts: list[int] = store.write(self._provision)
        self._sent = 0

    def _provision(self, connection: sqlite3.Connection) -> list[int]:
        room = rooms.add(connection, "!a:b").id
        numbers = [nodes.add(connection, f"n{i}", room, now_ms=0).number for i in range(len(self._seqs))]
        return [contexts.add(connection, number, "u", b"s" * 16).id for number in numbers]

    def run(self, batches: int) -> None:
        for _ in range(batches):
            told, _ = self._store._commit([self._next() for _ in range(BATCH)], [])
            assert all(isinstance(one, Appended) for one in told)
            self._store._tidy()

    def _next(self) -> Append:
        which = self._sent % len(self._seqs)
        self._sent += 1
        self._seqs[which] += 1
        seq, now_ms = self._seqs[which], 1_790_000_000_000 + self._sent
        new = NewRecord(which + 1, 1, seq, 1, "readings", BODY, now_ms, now_ms, seq, b"8 octets")
        return new, WindowMove(self._contexts[which], seq, 0xFFFFFFFF), lambda told: None


@pytest.mark.parametrize("count", [1, 16, 1024])
def test_bytes_of_log_a_record(tmp_path: Path, count: int) -> None:
    """All of a batch goes to the log's last page: 3.1 pages a commit, from however many nodes."""
    path = tmp_path / "gateway.db"
    with Store.open(path, 0) as store:
        load = Load(store, count)
        load.run(20)
        store.write(lambda connection: connection.execute("SELECT 1"))
        grown = _growth(path, lambda: load.run(200))
        assert grown / (200 * BATCH) <= 212
        assert grown % FRAME == 0


def _growth(path: Path, work: Callable[[], None]) -> int:
    log = path.with_name(path.name + "-wal")
    before = log.stat().st_size
    work()
    return log.stat().st_size - before


@pytest.mark.parametrize("count", [16, 1024])
def test_bytes_on_the_device_a_record(tmp_path: Path, count: int) -> None:
    """What the kernel counted for this process: log, one fold, checkpoints."""
    with Store.open(tmp_path / "gateway.db", 0) as store:
        load = Load(store, count)
        load.run(20)
        before = _written()
        batches = FOLD_AT // BATCH  # one fold falls into it
        load.run(batches)
        written = _written() - before
    if not written:
        pytest.skip("the kernel counts no writes to this disk (a memory file system)")
    assert written / (batches * BATCH) <= 520


def _written() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])
