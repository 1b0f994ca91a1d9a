"""Results are records without a room: they never wait for one, and leave once their commands know them."""

import sqlite3
from collections.abc import Iterator

import pytest

from comatrix.gateway.edges.store import known, nodes, outbox, records, rooms
from comatrix.gateway.edges.store.appender import Appender
from comatrix.gateway.edges.store.migrations import migrate, schemas
from comatrix.gateway.edges.store.retention import Retention
from comatrix.gateway.edges.store.settled import settle_results
from comatrix.gateway.model import NewRecord

LATER_MS = 1000


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """A reading (1), a result (2), a result (3)."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, schemas())
    nodes.add(connection, "garden", rooms.add(connection, "!a:b").id, now_ms=0)
    appender = Appender()
    new = [("readings", 1, b"\xa0"), ("result", 0, b"\x81\x01"), ("result", 0, b"\x81\x02")]
    rows = [NewRecord(1, 1, seq, room, kind, body, 0, seq, seq) for seq, (kind, room, body) in enumerate(new, 1)]
    appender.append(connection, [(row, None, None) for row in rows])
    appender.fold(connection)
    assert known.folded(connection) == 3
    yield connection
    connection.close()


def left(db: sqlite3.Connection) -> list[int]:
    return [record.id for record in records.after(db, 0, 99)]


def expired(db: sqlite3.Connection) -> list[int]:
    """What is left once everything old was let go."""
    retention = Retention()
    while retention.expire(db, LATER_MS):
        pass
    return left(db)


def test_a_result_never_waits_and_is_never_counted_as_behind(db: sqlite3.Connection) -> None:
    for _ in ("before", "after"):
        assert [(one.room, one.first_id, one.last_id) for one in records.waiting(db, 0)] == [(1, 1, 1)]
        assert records.unsealed(db, 0, [1], first_id=0, last_id=99, limit=9) == []
        assert outbox.counts(db) == {"waiting": 1}
        assert outbox.lags(db) == [(1, 1, 1)]
        settle_results(db)


def test_a_result_stays_in_the_log_until_its_command_knows_it(db: sqlite3.Connection) -> None:
    assert expired(db) == [1, 2, 3]
    settle_results(db)
    assert expired(db) == [1]


def test_a_result_that_came_since_stays(db: sqlite3.Connection) -> None:
    records.set_results_seen(db, 2)
    assert expired(db) == [1, 3]
    assert [record.id for record in records.results(db)] == [3]


def test_where_room_is_needed_only_a_settled_result_leaves(db: sqlite3.Connection) -> None:
    retention = Retention()
    retention.reclaim(db, 99)
    assert left(db) == [1, 2, 3]
    settle_results(db)
    retention.something_changed()
    retention.reclaim(db, 99)
    assert left(db) == [1]


def test_a_reading_is_not_let_go_by_a_settled_result_behind_it(db: sqlite3.Connection) -> None:
    settle_results(db)
    db.execute("UPDATE record SET kind = 1")
    assert expired(db) == [1]
    assert records.waiting(db, 0)[0].first_id == 1


def test_what_was_seen_never_moves_back(db: sqlite3.Connection) -> None:
    records.set_results_seen(db, 3)
    records.set_results_seen(db, 2)
    assert records.results(db) == []
