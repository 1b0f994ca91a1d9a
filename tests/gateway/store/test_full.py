"""A full database or disk: records are refused in time, what waits still drains, and everything goes on by itself."""

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from comatrix.gateway.edges.store import contexts, nodes, rooms
from comatrix.gateway.edges.store.ballast import Ballast, free_bytes
from comatrix.gateway.edges.store.capacity import StoreLimits
from comatrix.gateway.edges.store.committer import MAX_WAITING
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.edges.store.transactions import Told
from comatrix.gateway.errors import StoreFull
from comatrix.gateway.model import Appended, Duplicate, NewRecord

MIB = 1 << 20
BODY = b"x" * 900


class Gateway:
    """A store with a node, whose records fill it."""

    def __init__(self, folder: Path, limits: StoreLimits, fold_at: int = 512) -> None:
        self.fold_at = fold_at
        self.path = folder / "gateway.db"
        self.limits = limits
        self.told: list[str] = []
        self.acknowledged: list[int] = []
        self.seq = 0
        self.open()
        self.store.write(_provision)

    def open(self) -> None:
        """Also again, after a close."""
        self.store = Store.open(self.path, 0, limits=self.limits, fold_at=self.fold_at)
        self.store.listen(self.told.append)

    async def append(self, count: int = 100) -> Told:
        """So many records in one batch -> what the last was told."""
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Told]] = []
        for _ in range(count):
            future: asyncio.Future[Told] = loop.create_future()
            self.seq += 1
            new = NewRecord(1, 1, self.seq, 1, "readings", BODY, 0, 0, self.seq, b"12345678")
            self.store.append(new, None, future.set_result)
            futures.append(future)
        told = await asyncio.gather(*futures)
        first = self.seq - count + 1
        self.acknowledged += [first + i for i, one in enumerate(told) if isinstance(one, Appended)]
        return told[-1]

    async def fill(self) -> StoreFull:
        """Until the store says no."""
        for _ in range(2000):
            told = await self.append()
            if isinstance(told, StoreFull):
                return told
        raise AssertionError("it never was full")

    def post_all(self) -> None:
        """Everything waiting is sealed and done."""
        self.store.write(lambda db: db.execute("REPLACE INTO cursor SELECT room, node, max(id), 0 FROM record"))

    def stored(self) -> list[int]:
        return self.store.read(lambda db: [seq for (seq,) in db.execute("SELECT seq FROM record ORDER BY id")])

    async def again(self, seqs: list[int]) -> list[Told]:
        """The same records once more."""
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Told]] = [loop.create_future() for _ in seqs]
        for seq, future in zip(seqs, futures, strict=True):
            self.store.append(NewRecord(1, 1, seq, 1, "readings", BODY, 0, 0, seq), None, future.set_result)
        return list(await asyncio.gather(*futures))


def _provision(connection: sqlite3.Connection) -> None:
    node = nodes.add(connection, "garden", rooms.add(connection, "!a:b").id, now_ms=0)
    contexts.add(connection, node.number, "u", b"s" * 16)


def _drain(connection: sqlite3.Connection) -> None:
    """About what sealing, posting and a reserved counter write."""
    connection.execute("UPDATE context SET tx_reserved = tx_reserved + 1")
    connection.execute("REPLACE INTO meta VALUES ('sealed', ?)", (b"e" * 40_000,))


@pytest.fixture
async def capped(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path, StoreLimits(max_size=4 * MIB))
    yield gateway
    await gateway.store.aclose()


async def test_records_are_refused_below_the_cap_and_what_drains_is_written(capped: Gateway) -> None:
    refused = await capped.fill()
    assert refused.retry_after_s > 0
    assert refused.next_step == "comatrix queue"
    for _ in range(5):
        await capped.store.run(_drain)
    assert capped.path.stat().st_size <= 4 * MIB
    assert capped.stored() == capped.acknowledged
    assert len(capped.acknowledged) > 2000


async def test_the_operator_is_told_once_and_again_when_it_is_over(capped: Gateway) -> None:
    await capped.fill()
    await capped.append()
    await capped.append()
    (full,) = capped.told
    assert "[store] max_size = 4 MiB" in full
    assert full.endswith("See: comatrix queue")
    capped.post_all()
    for _ in range(10):
        await capped.append()
    assert capped.told[1:] == ["the database has room again: records are taken again"]


async def test_what_was_posted_leaves_before_anything_is_refused(capped: Gateway) -> None:
    """Ten times the cap goes through a database that is drained as it fills, and the pages are used again."""
    for _ in range(450):
        told = await capped.append()
        assert isinstance(told, Appended), told
        capped.post_all()
    assert capped.path.stat().st_size <= 4 * MIB
    assert capped.told == []
    assert await capped.again([1, 45_000]) == [Duplicate(), Duplicate()]


async def test_what_was_posted_leaves_also_where_nothing_was_folded_yet(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, StoreLimits(max_size=4 * MIB), fold_at=1 << 20)
    for _ in range(60):
        told = await gateway.append()
        assert isinstance(told, Appended), told
        gateway.post_all()
    assert await gateway.again([1, 6000]) == [Duplicate(), Duplicate()]
    await gateway.store.aclose()


async def test_a_record_that_waits_never_leaves_for_room(capped: Gateway) -> None:
    await capped.append()
    capped.post_all()
    await capped.fill()
    assert capped.stored() == capped.acknowledged[100:]


async def test_a_job_that_meets_the_cap_itself_is_told_so(capped: Gateway) -> None:
    with pytest.raises(StoreFull, match="max_size = 4 MiB"):
        await capped.store.run(lambda db: db.execute("REPLACE INTO meta VALUES ('huge', zeroblob(8000000))"))
    assert await capped.append(1) == Appended(1)


async def test_the_queue_in_memory_is_bounded(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, StoreLimits())
    gateway.store._turn.acquire()  # a disk that does not answer
    try:
        flood = asyncio.ensure_future(gateway.append(MAX_WAITING + 2000))
        jobs = [asyncio.ensure_future(gateway.store.run(_drain, refusable=True)) for _ in range(MAX_WAITING + 2000)]
        await asyncio.sleep(0.3)
        refused = [job for job in jobs if job.done()]
        assert 0 < len(refused) <= 2000
        assert isinstance(refused[0].exception(), StoreFull)
        for job in jobs:
            job.cancel()
    finally:
        gateway.store._turn.release()
    assert isinstance(await flood, StoreFull)
    assert 0 < len(gateway.acknowledged) <= MAX_WAITING + 1024
    assert isinstance(await gateway.append(1), Appended)
    await gateway.store.aclose()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or _mount(folder) != 0:
        pytest.skip("mounting a small disk takes root, and permission to mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def _mount(folder: Path) -> int:
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode


@pytest.fixture
async def cramped(small_disk: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(small_disk, StoreLimits(ballast=MIB))
    yield gateway
    await gateway.store.aclose()


async def test_a_full_disk_loses_nothing_drains_and_goes_on_without_a_restart(cramped: Gateway) -> None:
    other = cramped.path.with_name("others.log")
    other.write_bytes(bytes(4 * MIB))
    ballast = cramped.path.with_name("gateway.db.ballast")
    assert ballast.stat().st_size == MIB
    refused = await cramped.fill()
    assert refused.next_step == f"df -h {cramped.path.parent}"
    assert cramped.stored() == cramped.acknowledged
    for _ in range(10):
        await cramped.store.run(_drain)
    assert not ballast.exists()
    assert isinstance(await cramped.append(), StoreFull)
    assert len(cramped.told) == 1
    other.unlink()
    assert isinstance(await cramped.append(), Appended)
    assert ballast.stat().st_size == MIB
    assert cramped.told[1:] == [f"the disk of {cramped.path} has space again: records are taken again"]
    assert cramped.stored() == cramped.acknowledged
    assert cramped.store.read(lambda db: db.execute("PRAGMA integrity_check").fetchone()) == ("ok",)


async def test_jobs_in_the_batch_that_met_the_full_disk_are_done(cramped: Gateway) -> None:
    _fill_up(cramped.path.with_name("others.log"))
    many = asyncio.ensure_future(cramped.append(900))
    await cramped.store.run(_drain)
    assert isinstance(await many, StoreFull)
    assert cramped.stored() == []


async def test_it_starts_on_a_full_disk(cramped: Gateway) -> None:
    await cramped.append()
    await cramped.store.aclose()
    _fill_up(cramped.path.with_name("others.log"))
    assert free_bytes(cramped.path.parent) == 0
    cramped.open()
    await cramped.store.run(_drain)
    cramped.path.with_name("others.log").unlink()
    assert isinstance(await cramped.append(), Appended)
    assert cramped.stored() == cramped.acknowledged


def _fill_up(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65_536))
        except OSError:
            return


def test_ballast_that_cannot_be_kept_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "gateway.db.ballast").mkdir()
    ballast = Ballast(tmp_path / "gateway.db", MIB)
    ballast.make()
    assert not ballast.held and not ballast.release()
