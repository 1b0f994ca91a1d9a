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
