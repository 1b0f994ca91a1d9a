"""kill -9: whatever was acknowledged is in the database."""

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

APPEND = """
import asyncio, os, sys
from pathlib import Path
from comatrix.gateway.edges.store import nodes, records, rooms
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import Appended, NewRecord

async def main():
    store = Store.open(Path(sys.argv[1]), 0)
    if store.read(nodes.all_nodes) == []:
        store.write(lambda c: nodes.add(c, "garden", rooms.add(c, "!a:b").id, now_ms=0))
    seq = max([record.seq for record in store.read(lambda c: records.tail(c, 1))], default=0)
    def send():
        nonlocal seq
        seq += 1
        mine = seq
        def done(told):
            assert isinstance(told, Appended)
            os.write(1, b"%d\\n" % mine)
            send()
        store.append(NewRecord(1, 1, seq, 1, "readings", b"x" * 20, 0, 0, seq, b"12345678"), None, done)
    for _ in range(16):
        send()
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.slow
def test_every_acknowledged_record_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    chance = random.Random(1)
    acknowledged: list[int] = []
    for _ in range(15):
        with subprocess.Popen([sys.executable, "-c", APPEND, str(path)], stdout=subprocess.PIPE) as gateway:
            assert gateway.stdout is not None
            first = gateway.stdout.readline()
            time.sleep(chance.random() * 0.2)
            gateway.kill()
            lines = (first + gateway.stdout.read()).splitlines(keepends=True)
        acknowledged += [int(line) for line in lines if line.endswith(b"\n")]
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            stored = [seq for (seq,) in connection.execute("SELECT seq FROM record ORDER BY id")]
        assert set(acknowledged) <= set(stored)
        assert stored == sorted(set(stored))
    assert len(acknowledged) > 1000


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_fold_leaves_all_of_it_or_nothing(tmp_path: Path) -> None:
    """Folding every 64 rows, and killed at 20 instants: every seq of the log is told of once, by its row or its bit."""
    path = tmp_path / "gateway.db"
    chance = random.Random(2)
    for _ in range(20):
        program = APPEND.replace("Store.open(Path(sys.argv[1]), 0)", "Store.open(Path(sys.argv[1]), 0, fold_at=64)")
        with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as gateway:
            assert gateway.stdout is not None
            gateway.stdout.readline()
            time.sleep(chance.random() * 0.1)
            gateway.kill()
            gateway.stdout.read()
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            folded = connection.execute("SELECT value FROM meta WHERE key = 'folded'").fetchone()[0]
            bits = {
                block * 1024 + bit
                for block, blob in connection.execute("SELECT block, bits FROM known_seq")
                for bit in range(1024)
                if int.from_bytes(blob, "little") >> bit & 1
            }
            rows = {seq for (seq,) in connection.execute("SELECT seq FROM record WHERE id <= ?", (folded,))}
            assert bits == rows
    assert len(bits) > 500
