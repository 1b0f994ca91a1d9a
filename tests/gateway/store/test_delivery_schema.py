"""Schema 0002 takes a database of schema 0001 with its open, parked and finished events."""

import sqlite3
from collections.abc import Iterator

import pytest

from comatrix.gateway.edges.store import outbox
from comatrix.gateway.edges.store.migrations import migrate, schemas


@pytest.fixture
def old() -> Iterator[sqlite3.Connection]:
    """As the first schema kept it: two rooms, three records, a row in each state that matters."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, schemas()[:1])
    connection.execute("INSERT INTO room (room_id) VALUES ('!a:b'), ('!b:b')")
    connection.executemany(
        "INSERT INTO record VALUES (?, ?, 1, ?, 1, 1, x'a0', 0, ?, 1, x'00', 0)",
        [(1, 7, 1, 5_000), (2, 8, 1, 4_000), (3, 7, 2, 6_000)],
    )
    connection.executemany(
        "INSERT INTO outbox (room, sender, device, event_type, kind, txn, content, records, sealed_ms,"
        " resend_until_ms, state, in_doubt, event_id) VALUES (?, '@cx:b', 'CX', 'm.room.message', 'msg', ?, x'7b7d', ?,"
        " 9000, 99, ?, ?, ?)",
        [
            (1, "t1", "[1, 2]", "sealed", 1, None),
            (2, "t2", "[3]", "parked", 1, None),
            (1, "t3", "[]", "done", 0, "$event"),
        ],
    )
    yield connection
    connection.close()


def test_open_and_parked_events_keep_all_they_had_and_know_their_room_and_nodes(old: sqlite3.Connection) -> None:
    migrate(old, schemas())
    (sealed,), (parked,) = outbox.open_rows(old), outbox.parked_rows(old)
    assert (sealed.txn_id, sealed.content, sealed.in_doubt, sealed.sealed_ms) == ("t1", b"{}", True, 9_000)
    assert (sealed.room_id, sealed.nodes, sealed.oldest_ms, sealed.records) == ("!a:b", (7, 8), 4_000, (1, 2))
    assert (parked.room_id, parked.nodes, parked.oldest_ms, parked.forced) == ("!b:b", (7,), 6_000, False)
    assert (sealed.priority, sealed.after_event) == (3, None)
    assert outbox.newest_events(old) == {(1, "@cx:b"): "$event"}


def test_a_replaced_room_leaves_a_rows_own_room_as_it_was(old: sqlite3.Connection) -> None:
    migrate(old, schemas())
    old.execute("UPDATE room SET room_id = '!new:b' WHERE id = 1")
    assert outbox.open_rows(old)[0].room_id == "!a:b"


def test_what_waits_is_told_a_room_sealed_or_not(old: sqlite3.Connection) -> None:
    migrate(old, schemas())
    old.execute("INSERT INTO cursor VALUES (1, 7, 1, 0), (1, 8, 2, 0)")  # record 3 waits
    assert outbox.lags(old) == [(1, 3, 4_000)]
