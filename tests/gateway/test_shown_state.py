"""What of the database a node's state event is made of, and when there is time to send it."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from comatrix.codec.description import Description, Setting
from comatrix.codec.records import Readings, encode
from comatrix.gateway.edges.store import descriptions, nodes, rooms, status
from comatrix.gateway.edges.store.appender import Appender
from comatrix.gateway.edges.store.migrations import migrate, schemas
from comatrix.gateway.edges.store.status import NodeStatus
from comatrix.gateway.model import NewRecord
from comatrix.gateway.showing import facts_of, marks_of
from comatrix.gateway.uplink.node_state import Facts, Mark
from tests.gateway.delivery_world import World
from tests.gateway.test_poster_priority import limiter


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, schemas())
    nodes.add(connection, "garden", rooms.add(connection, "!a:b").id, now_ms=0)
    yield connection
    connection.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.crash()


def nobody(node: int) -> None:
    """Nothing was heard by this run."""


def test_what_is_not_known_is_left_out(db: sqlite3.Connection) -> None:
    assert facts_of(db, 1, nobody) == Facts(1, "!a:b", "garden")
    assert facts_of(db, 2, nobody) is None


def test_everything_that_is_known_is_said(db: sqlite3.Connection) -> None:
    status.update(db, NodeStatus(1, last_seen_ms=5, battery_cv=300, firmware="cx 1", wake_interval_s=60))
    descriptions.put(db, 1, b"hash", encode(Description([Setting("interval", "s", 1, 9), Setting("label", "")], [])), 5)
    known = Facts(1, "!a:b", "garden", 5, 300, "cx 1", 60, ("interval", "label"))
    assert facts_of(db, 1, nobody) == known
    reading = NewRecord(1, 1, 1, 1, "readings", encode(Readings({2: 398})), 0, 0, 1)
    Appender().append(db, [(reading, None, None)])
    found = facts_of(db, 1, lambda node: 9)
    assert found is not None
    assert (found.battery_cv, found.last_seen_ms) == (398, 9), "what the node measured since, and when it was heard"


def test_a_revoked_node_and_an_encrypted_room_are_silent(db: sqlite3.Connection) -> None:
    assert marks_of(db) == {1: Mark("!a:b", "garden", silent=False)}
    for change in (nodes.revoke, rooms.set_encrypted):
        db.execute("BEGIN")
        change(db, 1)
        found = facts_of(db, 1, nobody)
        assert found is not None
        assert (found.silent, marks_of(db)[1].silent) == (True, True)
        db.execute("ROLLBACK")


async def test_there_is_time_only_where_no_event_waits_and_nobody_limits_the_account(world: World) -> None:
    garden = world.node("garden", world.room())
    await world.start()
    assert world.poster.quiet
    await world.append(garden, 1, {0: 1})
    world.poke()
    assert not world.poster.quiet
    await world.after(60_000)
    assert world.poster.quiet
    world.server.rule = limiter(world)
    for seq in range(2, 30):
        await world.append(garden, seq, {0: seq})
        world.poke()
        await world.after(1_000)
    await world.after(60_000)
    assert world.store.read(lambda connection: connection.execute("SELECT count(*) FROM outbox").fetchone())[0] > 10
    assert not world.poster.quiet, "it is limited from now on"
