"""Results in the log reach the commands they answer, once."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest

from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item
from comatrix.gateway.edges.store import mailbox, nodes, records, rooms
from comatrix.gateway.edges.store.appender import Appender
from comatrix.gateway.edges.store.migrations import migrate, schemas
from comatrix.gateway.edges.store.settled import settle_results
from comatrix.gateway.edges.store.status import all_status
from comatrix.gateway.model import NewRecord
from tests.gateway.store.ordering import EXPIRES_MS, new, result


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """Nodes 1 and 2, each with a command on air under id 1."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, schemas())
    room = rooms.add(connection, "!a:b").id
    for number, name in enumerate(("garden", "shed"), 1):
        nodes.add(connection, name, room, now_ms=0)
        mailbox.air(connection, mailbox.add(connection, new(node=number), 1, 9)[0], 10)
    yield connection
    connection.close()


def store(db: sqlite3.Connection, *new_records: NewRecord) -> None:
    Appender().append(db, [(one, None, None) for one in new_records])


def item(db: sqlite3.Connection, number: int = 1) -> Item:
    found = mailbox.by_number(db, number)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("status", "value", "state", "reason", "kept"),
    [
        (0, None, states.CONFIRMED, "", None),
        (0, 60, states.CONFIRMED, "", 60),
        (0, -(1 << 40), states.CONFIRMED, "", -(1 << 40)),
        (0, "open", states.CONFIRMED, "", "open"),
        (0, True, states.CONFIRMED, "", 1),
        (0, [1, 2], states.CONFIRMED, "", None),
        (1, None, states.REFUSED, "", None),
        (1, "too cold", states.REFUSED, "too cold", "too cold"),
        (1, 7, states.REFUSED, "", 7),
        (2, None, states.REFUSED, "the node does not know that (any more)", None),
        (3, 5, states.NOT_CONFIRMED, "the node does not know any more whether it did this", None),
        (77, 5, states.NOT_CONFIRMED, "the node answered with status 77, which means nothing here", None),
    ],
)
def test_each_word_of_the_node_has_its_end(
    db: sqlite3.Connection, status: int, value: object, state: str, reason: str, kept: int | str | None
) -> None:
    before = item(db)
    store(db, result(1, 1, status, value, at_ms=50))
    (settled,) = settle_results(db)
    assert settled == replace(before, state=state, ended_ms=50, reason=reason, value=kept)
    assert type(settled.value) is type(kept)
    assert item(db) == settled


def test_a_second_look_changes_nothing(db: sqlite3.Connection) -> None:
    store(db, result(1, 1))
    assert len(settle_results(db)) == 1
    assert settle_results(db) == []
    db.execute("UPDATE meta SET value = 0 WHERE key = 'results_seen'")
    assert settle_results(db) == [], "nor one that looks from the start"


def test_a_result_counts_only_for_its_own_node_id_and_enrolment(db: sqlite3.Connection) -> None:
    before = item(db)
    store(db, result(1, 2), result(2, 1, enrolment=2), result(3, 1, node=2))
    assert [settled.new.node for settled in settle_results(db)] == [2]
    assert item(db) == before


def test_a_result_repeated_under_another_seq_changes_nothing_more(db: sqlite3.Connection) -> None:
    store(db, result(1, 1, 0, 60), result(2, 1, 1, "no"))
    (settled,) = settle_results(db)
    assert (settled.state, settled.value) == (states.CONFIRMED, 60)
    store(db, result(3, 1, 1, "no"))
    assert settle_results(db) == []
    assert item(db) == settled


@pytest.mark.parametrize(("status", "state"), [(0, states.CONFIRMED), (1, states.REFUSED), (2, states.REFUSED)])
def test_a_late_word_settles_what_was_not_confirmed_once(db: sqlite3.Connection, status: int, state: str) -> None:
    mailbox.expire(db, EXPIRES_MS)
    assert item(db).state == states.NOT_CONFIRMED
    store(db, result(1, 1, status, at_ms=EXPIRES_MS + 5))
    (settled,) = settle_results(db)
    assert (settled.state, settled.ended_ms) == (state, EXPIRES_MS + 5)
    store(db, result(2, 1, 1 - min(status, 1)))
    assert settle_results(db) == []


def test_a_node_that_does_not_know_any_more_leaves_it_not_confirmed_and_may_remember(db: sqlite3.Connection) -> None:
    store(db, result(1, 1, 3, 1))
    assert [one.state for one in settle_results(db)] == [states.NOT_CONFIRMED]
    store(db, result(2, 1, 3, 1))
    assert settle_results(db) == []
    store(db, result(3, 1, 0))
    assert [one.state for one in settle_results(db)] == [states.CONFIRMED]


def test_ids_go_on_above_what_a_refusal_says_was_executed(db: sqlite3.Connection) -> None:
    store(db, result(1, 1, 3, 300), result(2, 1, 3, -1), result(3, 1, 3, 1 << 20), result(4, 1, 3, "x"))
    settle_results(db)
    assert all_status(db)[1].executed_id == 300
    assert mailbox.air(db, mailbox.add(db, new(), 1, 9)[0], 0).id == 301


def test_what_is_no_result_is_passed_over(db: sqlite3.Connection) -> None:
    store(db, result(1, 1)._replace(body=b"\xff"), result(2, 1)._replace(body=b"\xa0"), result(3, 1))
    assert [one.state for one in settle_results(db)] == [states.CONFIRMED]
    assert records.results(db) == []


def test_readings_are_not_looked_at(db: sqlite3.Connection) -> None:
    store(db, NewRecord(1, 1, 1, 1, "readings", b"\x81\x01", 0, 0, 1))
    assert settle_results(db) == []
