"""What was posted and is old leaves, in short steps; what waits, is on its way or parked stays."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from comatrix.gateway.edges.store import nodes, records, rooms
from comatrix.gateway.edges.store.retention import NEWEST_EVENTS, STEP
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.edges.store.upkeep import PASS_EVERY_S, keep_for
from comatrix.gateway.model import NewRecord

DAY_MS = 86_400_000
SEAL = (
    "INSERT INTO outbox (room, room_id, sender, device, event_type, kind, txn, content, records, sealed_ms, state)"
    " VALUES (1, '!a:b', '@cx:b', 'CX', 'm.room.message', 'msg', ?, x'', ?, ?, ?)"
)


class Gateway:
    """A store with records of two nodes, one a day."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(folder / "gateway.db", 0)
        room = self.store.write(lambda db: rooms.add(db, "!a:b")).id
        for name in "ab":
            self.store.write(lambda db, name=name: nodes.add(db, name, room, now_ms=0))  # type: ignore[misc]
        self.events = 0

    def days(self, count: int, node: int = 1) -> None:
        new = [NewRecord(node, 1, n, 1, "readings", b"\xa0", n * DAY_MS, n * DAY_MS, n) for n in range(count)]
        told, _ = self.store._commit([(one, None, None) for one in new], [])
        assert len(told) == count

    def seal(self, members: list[int], state: str, sealed_ms: int = 0) -> None:
        """An event of these rows, and the cursors past them."""
        self.events += 1
        self.store.write(lambda db: db.execute(SEAL, (f"t{self.events}", json.dumps(members), sealed_ms, state)))
        self.store.write(
            lambda db: db.execute(
                "REPLACE INTO cursor SELECT room, node, max(id), 0 FROM record WHERE id <= ? GROUP BY room, node",
                (max(members),),
            )
        )

    def expire(self, before_ms: int) -> int:
        """Whole passes until nothing more goes -> steps."""
        steps = 0
        for _ in range(2):
            while self.store.write(lambda db: self.store._transactions.expire(db, before_ms)):
                steps += 1
            self.store._tidy()
        return steps

    def left(self) -> list[int]:
        return self.store.read(lambda db: [record.id for record in records.after(db, 0, 9999)])


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path)
    yield gateway
    gateway.store.close()


def test_only_what_is_old_and_posted_leaves(gateway: Gateway) -> None:
    gateway.days(10)
    gateway.seal([1, 2], "done")
    gateway.seal([3], "parked")
    gateway.seal([4], "sealed")
    gateway.seal([5], "dropped")
    gateway.seal([6], "done")
    gateway.expire(5 * DAY_MS)
    assert gateway.left() == [3, 4, 6, 7, 8, 9, 10]
    gateway.expire(1000 * DAY_MS)
    assert gateway.left() == [3, 4, 7, 8, 9, 10]


def test_a_parked_record_leaves_once_a_person_decided(gateway: Gateway) -> None:
    gateway.days(3)
    gateway.seal([1, 2, 3], "parked")
    gateway.expire(1000 * DAY_MS)
    assert gateway.left() == [1, 2, 3]
    gateway.store.write(lambda db: db.execute("UPDATE outbox SET state = 'dropped'"))
    gateway.expire(1000 * DAY_MS)
    assert gateway.left() == []


def test_one_stream_that_waits_does_not_keep_the_others(gateway: Gateway) -> None:
    gateway.days(3, node=1)
    gateway.days(3, node=2)
    gateway.seal([4, 5, 6], "done")
    gateway.store.write(lambda db: db.execute("DELETE FROM cursor WHERE node = 1"))
    gateway.expire(1000 * DAY_MS)
    assert gateway.left() == [1, 2, 3]


def test_row_ids_go_on_where_they_were_when_all_have_left(gateway: Gateway) -> None:
    """A smaller one would stand before its stream's cursor, and never be posted."""
    gateway.days(3)
    gateway.seal([1, 2, 3], "done")
    gateway.expire(1000 * DAY_MS)
    path = gateway.store.path
    gateway.store.close()
    gateway.store = Store.open(path, 0)
    gateway.days(5)
    assert gateway.left() == [4, 5]
    assert [found.first_id for found in gateway.store.read(lambda db: records.waiting(db, 0))] == [4]


def test_a_step_is_short_and_a_pass_takes_many(gateway: Gateway) -> None:
    gateway.days(5 * STEP)
    gateway.seal([5 * STEP], "done")
    assert gateway.expire(1 << 60) >= 5
    assert gateway.left() == []


def test_finished_events_leave_but_the_newest(gateway: Gateway) -> None:
    def many(db: object) -> None:
        gateway.store._writer.executemany(
            SEAL, [(f"m{n}", "[]", n, "parked" if n == 1 else "done") for n in range(NEWEST_EVENTS + 20)]
        )

    gateway.store.write(many)
    gateway.expire(10)
    count, oldest = gateway.store.read(lambda db: db.execute("SELECT count(*), min(sealed_ms) FROM outbox").fetchone())
    assert (count, oldest) == (NEWEST_EVENTS + 20 - 9, 1)
    gateway.expire(1 << 60)
    count = gateway.store.read(lambda db: db.execute("SELECT count(*) FROM outbox").fetchone())[0]
    assert count == NEWEST_EVENTS + 1


async def test_a_running_gateway_lets_go_every_hour(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    gateway.days(10)
    gateway.seal(list(range(1, 11)), "done")
    naps: list[float] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)
        if naps.count(PASS_EVERY_S) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await keep_for(gateway.store, 4 * DAY_MS, now_ms=lambda: 9 * DAY_MS, sleep=sleep)
    assert gateway.left() == [6, 7, 8, 9, 10]
    await gateway.store.aclose()
