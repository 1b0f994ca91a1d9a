"""Schema 0007 takes a database of schema 0006 with its log, and holds the mailbox's rules by itself."""

import sqlite3
from collections.abc import Iterator

import pytest

from comatrix.gateway.edges.store import mailbox, outbox, records
from comatrix.gateway.edges.store.migrations import migrate, schemas

COMMAND = (
    "INSERT INTO command (node, enrolment, sender, verb, name, arguments, shown, priority, created_ms, expires_ms, id,"
    " state) VALUES (1, 1, '@a:b', 'get', 'x', x'80', 'x', 1, 0, 9, ?, ?)"
)


@pytest.fixture
def old() -> Iterator[sqlite3.Connection]:
    """As schema 0006 kept it: a node, a reading that waits, one that was sealed."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, schemas()[:6])
    connection.execute("INSERT INTO room (room_id) VALUES ('!a:b')")
    connection.execute(
        "INSERT INTO node (number, name, enrolment, room, security, post, created_ms) VALUES"
        " (1, 'garden', 1, 1, 'oscore', 'every', 0)"
    )
    connection.executemany(
        "INSERT INTO record VALUES (?, 1, 1, ?, 1, 1, x'a0', 0, 0, NULL, 0, x'00', 0)", [(1, 1), (2, 2)]
    )
    connection.execute("INSERT INTO cursor VALUES (1, 1, 1, 0)")
    yield connection
    connection.close()


def test_the_log_and_what_waits_are_as_they_were_and_the_mailbox_is_empty(old: sqlite3.Connection) -> None:
    migrate(old, schemas())
    assert [record.id for record in records.tail(old, 9)] == [1, 2]
    assert [(one.first_id, one.count) for one in records.waiting(old, 0)] == [(2, 1)]
    assert outbox.lags(old) == [(1, 1, 0)]
    assert (mailbox.open_items(old), records.results(old), mailbox.next_expiry_ms(old)) == ([], [], None)
    assert mailbox.doubt_copy(old, 0) == []


def test_the_database_itself_refuses_a_second_command_on_air_to_a_node(old: sqlite3.Connection) -> None:
    migrate(old, schemas())
    old.execute(COMMAND, (1, "on_air"))
    old.execute(COMMAND, (2, "not_confirmed"))
    with pytest.raises(sqlite3.IntegrityError):
        old.execute(COMMAND, (3, "on_air"))


def test_the_database_itself_refuses_an_id_given_twice(old: sqlite3.Connection) -> None:
    migrate(old, schemas())
    old.execute(COMMAND, (1, "confirmed"))
    old.execute(COMMAND, (None, "queued"))
    old.execute(COMMAND, (None, "queued"))
    with pytest.raises(sqlite3.IntegrityError):
        old.execute(COMMAND, (1, "on_air"))


def test_results_are_found_without_reading_the_log(old: sqlite3.Connection) -> None:
    migrate(old, schemas())
    plan = old.execute(
        f"EXPLAIN QUERY PLAN SELECT id FROM record INDEXED BY record_result WHERE kind = 3 AND id > ({records.SEEN})"
    ).fetchall()
    assert "record_result (id>?)" in plan[0][3]
