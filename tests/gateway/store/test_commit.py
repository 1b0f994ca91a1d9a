"""Nobody is told before the disk has it; what gathers meanwhile shares a commit; a full disk is said in words."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from comatrix.gateway.edges.store import contexts, nodes, records, rooms
from comatrix.gateway.edges.store.appender import FOLD_AT
from comatrix.gateway.edges.store.committer import MAX_BATCH
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.edges.store.transactions import Told
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import Appended, Duplicate, NewRecord, WindowMove


class Gateway:
    """A store with one node, and everything that happened to it in order."""

    def __init__(self, folder: Path, fold_at: int = FOLD_AT) -> None:
        self.happened: list[object] = []
        self.batches: list[int] = []
        self.gate = threading.Event()  # a commit ends when it is set
        self.gate.set()
        self.store = Store.open(folder / "gateway.db", 0, synced=self._synced, fold_at=fold_at)
        self.context = self.store.write(self._provision)
        self.batches.clear()
        self.happened.clear()

    def _synced(self, members: int) -> None:
        self.gate.wait()
        self.batches.append(members)
        self.happened.append("synced")

    def _provision(self, connection: sqlite3.Connection) -> int:
        room = rooms.add(connection, "!a:b")
        node = nodes.add(connection, "garden", room.id, now_ms=0)
        return contexts.add(connection, node.number, "u", b"s" * 16).id

    def append(self, seq: int, *, body: bytes = b"\xa1\x00\x01", mask: int = 1) -> "asyncio.Future[Told]":
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()

        def done(told: Told) -> None:
            self.happened.append(told)
            future.set_result(told)

        new = NewRecord(1, 1, seq, 1, "readings", body, 0, 0, seq, b"12345678")
        self.store.append(new, WindowMove(self.context, seq, mask), done)
        return future

    def seqs(self) -> list[int]:
        return [record.seq for record in self.store.read(lambda connection: records.tail(connection, 9999))]

    def window(self) -> tuple[int, int]:
        (context,) = self.store.read(contexts.living)
        return context.highest, context.mask


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path)
    yield gateway
    await gateway.store.aclose()


async def test_the_callback_comes_after_the_sync(gateway: Gateway) -> None:
    await gateway.append(1)
    assert gateway.happened == ["synced", Appended(1)]


async def test_what_gathers_in_one_turn_is_one_commit(gateway: Gateway) -> None:
    told = await asyncio.gather(*[gateway.append(seq) for seq in range(1, 101)])
    assert gateway.batches == [100]
    assert told == [Appended(row) for row in range(1, 101)]


async def test_what_gathers_during_a_commit_is_the_next_one(gateway: Gateway) -> None:
    first = gateway.append(1)
    gateway.gate.clear()
    await asyncio.sleep(0.01)
    assert not first.done()  # its commit is under way
    rest = [gateway.append(seq) for seq in range(2, 50)]
    gateway.gate.set()
    await asyncio.gather(first, *rest)
    assert gateway.batches == [1, 48]


async def test_a_batch_has_a_cap(gateway: Gateway) -> None:
    await asyncio.gather(*[gateway.append(seq) for seq in range(MAX_BATCH + 10)])
    assert gateway.batches == [MAX_BATCH, 10]


async def test_a_job_comes_after_every_record_queued_before_it(gateway: Gateway) -> None:
    queued = [gateway.append(seq) for seq in range(1, 1501)]
    found = await gateway.store.run(lambda connection: connection.execute("SELECT max(seq) FROM record").fetchone()[0])
    assert found == 1500
    await asyncio.gather(*queued)


async def test_a_duplicate_is_told_and_its_window_still_moves(gateway: Gateway) -> None:
    await gateway.append(5)
    pair = [gateway.append(6), gateway.append(6, mask=3)]
    assert await asyncio.gather(*pair) == [Appended(2), Duplicate()]
    assert await gateway.append(5, mask=7) == Duplicate()
    assert gateway.seqs() == [5, 6]
    assert gateway.window() == (6, 0b1111)  # what either move accepted, in whatever order they came


async def test_an_older_seq_is_late_also_after_a_restart(gateway: Gateway) -> None:
    told = await asyncio.gather(*[gateway.append(seq) for seq in (5, 3, 4, 6)])
    assert told == [Appended(1), Appended(2, late=True), Appended(3, late=True), Appended(4)]
    await gateway.store.aclose()
    gateway.store = Store.open(gateway.store.path, 0)
    assert await gateway.append(2) == Appended(5, late=True)
    assert await gateway.append(4) == Duplicate()


async def test_a_window_alone_is_stored(gateway: Gateway) -> None:
    future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
    gateway.store.append(None, WindowMove(gateway.context, 9, (1 << 64) - 1), future.set_result)
    assert await future == Appended(None)
    assert gateway.window() == (9, (1 << 64) - 1)


async def test_a_full_disk_is_told_to_every_member_and_nothing_stays(gateway: Gateway) -> None:
    gateway.store.write(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone())
    told = await asyncio.gather(*[gateway.append(seq, body=b"x" * 500) for seq in range(1, 50)])
    assert all(isinstance(one, StoreError) for one in told)
    assert isinstance(told[0], StoreError)
    assert "no space left" in told[0].text
    assert told[0].next_step.startswith("df -h")
    assert gateway.seqs() == []
    assert gateway.window() == (-1, 0)
    gateway.store.write(lambda connection: connection.execute("PRAGMA max_page_count = 100000").fetchone())
    assert await gateway.append(1) == Appended(1)


async def test_a_job_that_fails_is_rolled_back_alone(gateway: Gateway) -> None:
    def good(connection: sqlite3.Connection) -> str:
        return rooms.add(connection, "!good:b").room_id

    def bad(connection: sqlite3.Connection) -> None:
        rooms.add(connection, "!bad:b")
        raise ValueError("no")

    async def record() -> Told:
        return await gateway.append(1)

    jobs = [gateway.store.run(bad), gateway.store.run(good), record()]
    one, two, three = await asyncio.gather(*jobs, return_exceptions=True)
    assert isinstance(one, ValueError)
    assert (two, three) == ("!good:b", Appended(1))
    assert len(gateway.batches) == 1
    assert [room.room_id for room in gateway.store.read(rooms.all_rooms)] == ["!a:b", "!good:b"]


async def test_a_fold_that_fails_is_told_once_and_ends_nothing(tmp_path: Path) -> None:
    gateway, lines = Gateway(tmp_path, fold_at=2), list[str]()
    gateway.store.listen(lines.append)
    broken = "CREATE TRIGGER broken BEFORE INSERT ON known_seq BEGIN SELECT RAISE(ABORT, 'a bad block'); END"
    gateway.store.write(lambda connection: connection.execute(broken).close())
    for seq in range(1, 6):
        assert isinstance(await asyncio.wait_for(gateway.append(seq), 5), Appended)
    gateway.store.write(lambda connection: connection.execute("DROP TRIGGER broken").close())
    assert isinstance(await asyncio.wait_for(gateway.append(6), 5), Appended)
    await asyncio.wait_for(gateway.store.aclose(), 5)
    assert [line for line in lines if "a bad block" in line] == lines and len(lines) == 1


async def test_closing_commits_what_is_queued(gateway: Gateway) -> None:
    futures = [gateway.append(seq) for seq in range(MAX_BATCH + 10)]
    await gateway.store.aclose()
    assert all(future.done() for future in futures)


async def test_the_reading_connection_cannot_write(gateway: Gateway) -> None:
    with pytest.raises(StoreError, match="readonly"):
        gateway.store.read(lambda connection: connection.execute("DELETE FROM room"))
