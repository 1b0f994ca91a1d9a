"""The table of replies: whose edits count, what is behind, what is forgotten."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item
from comatrix.gateway.downlink.replies import Place
from comatrix.gateway.edges.store import mailbox, nodes, outbox, replies, rooms
from comatrix.gateway.edges.store.migrations import migrate, schemas
from comatrix.gateway.edges.store.replies import Reply, Speech
from comatrix.gateway.model import SealedRow, Voice
from tests.gateway.store.ordering import INTERVAL, new

BOT = Voice("@cx:b", "CX")
ROOM = "!a:b"


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """A room with a node, and foreign keys as the gateway has them."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    migrate(connection, schemas())
    nodes.add(connection, "garden", rooms.add(connection, ROOM).id, now_ms=0)
    connection.execute("INSERT INTO meta VALUES ('instance', 'this')")
    yield connection
    connection.close()


def sealed(db: sqlite3.Connection, content: dict[str, Any] | None = None, kind: str = "msg") -> int:
    room = rooms.by_id(db, 1)
    assert room is not None
    speech = Speech(room, lambda txn: {"eu.comatrix.id": txn, **(content or {})}, kind)
    return replies.seal(db, "this", BOT, speech, 5)


def answered(db: sqlite3.Connection, event_id: str = "$1", thread: str | None = None) -> Item:
    item = mailbox.add(db, new(INTERVAL, event_id=event_id), 1, 99)[0]
    replies.begin(db, item, Place(event_id, thread), sealed(db), 5)
    return item


def done(db: sqlite3.Connection, row_id: int, event_id: str) -> None:
    outbox.done(db, row_id, event_id, 1)
    replies.posted(db, row_id, event_id)


def reply(db: sqlite3.Connection, number: int = 1) -> Reply:
    found = replies.of(db, number)
    assert found is not None
    return found


def row(db: sqlite3.Connection, row_id: int) -> SealedRow:
    found = outbox.by_id(db, row_id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "event_type"), [("msg", "m.room.message"), ("edit", "m.room.message"), ("react", "m.reaction")]
)
def test_an_event_is_frozen_under_its_transaction_id(db: sqlite3.Connection, kind: str, event_type: str) -> None:
    found = row(db, sealed(db, {"body": "ä"}, kind))
    assert (found.event_type, found.kind, found.records) == (event_type, kind, ())
    assert (found.sender, found.device, found.room_id, found.oldest_ms) == ("@cx:b", "CX", ROOM, 5)
    assert found.content == f'{{"body":"ä","eu.comatrix.id":"this.1.{kind}"}}'.encode()


@pytest.mark.parametrize("value", ["\ud800", 1.5, 1 << 60])
def test_what_no_homeserver_takes_has_no_content_and_stops_nothing(db: sqlite3.Connection, value: object) -> None:
    assert row(db, sealed(db, {"body": value})).content == b""


def test_a_reply_knows_where_it_stands(db: sqlite3.Connection) -> None:
    answered(db, "$1", "$root")
    assert reply(db) == Reply("$1", "$root", ROOM, "@cx:b", None, "queued/0", 5, "sealed")
    done(db, 1, "$reply")
    assert (reply(db).event_id, reply(db).row_state) == ("$reply", "done")
    db.execute("DELETE FROM outbox")
    assert (reply(db).event_id, reply(db).row_state) == ("$reply", "")
    assert replies.of(db, 77) is None


def test_another_in_its_place_begins_anew(db: sqlite3.Connection) -> None:
    item = answered(db, "$1", "$root")
    done(db, 1, "$reply")
    rooms.replace(db, 1, "!new:b")
    replies.begin(db, item, None, sealed(db), 9)
    assert reply(db) == Reply(None, None, "!new:b", "@cx:b", None, "queued/0", 9, "sealed")
    replies.posted(db, 1, "$late")
    assert reply(db).event_id is None, "the row before it is not meant any more"


def test_it_is_behind_while_it_may_speak_and_has_something_to_say(db: sqlite3.Connection) -> None:
    item = answered(db)
    assert replies.behind(db) == []
    mailbox.air(db, item, 10)
    assert replies.behind(db) == [], "its first event is on its way"
    done(db, 1, "$reply")
    assert replies.behind(db) == [1]
    aired = mailbox.by_number(db, 1)
    assert aired is not None
    replies.edited(db, aired, sealed(db), 10)
    outbox.done(db, 2, "$edit", 1)
    assert replies.behind(db) == []
    mailbox.end(db, 1, states.DONE, 20)
    assert replies.behind(db) == [1]
    replies.end(db, 1, sealed(db))
    assert replies.behind(db) == [], "nothing is left to say"


def test_no_answer_is_not_the_end(db: sqlite3.Connection) -> None:
    item = answered(db)
    done(db, 1, "$reply")
    mailbox.air(db, item, 10)
    lost = mailbox.end(db, 1, states.TIMED_OUT, 20)
    assert lost is not None
    replies.edited(db, lost, sealed(db), 20)
    done(db, 2, "$edit")
    assert replies.behind(db) == []
    mailbox.end(db, 1, states.DONE, 30)
    assert replies.behind(db) == [1]


@pytest.mark.parametrize("there", [True, False])
def test_what_is_parked_waits_for_a_person_unless_its_room_is_another_now(db: sqlite3.Connection, there: bool) -> None:
    answered(db)
    outbox.park(db, 1, "refused")
    if not there:
        rooms.replace(db, 1, "!new:b")
    assert replies.behind(db) == ([] if there else [1])
    mailbox.end(db, 1, states.CANCELLED_BY, 9)
    outbox.drop(db, 1)
    assert replies.behind(db) == [1]


def test_nothing_is_said_in_a_room_that_is_encrypted_or_about_to_be_replaced(db: sqlite3.Connection) -> None:
    answered(db)
    done(db, 1, "$reply")
    mailbox.end(db, 1, states.CANCELLED_BY, 9)
    rooms.set_successor(db, 1, "!new:b")
    assert replies.behind(db) == []
    rooms.set_successor(db, 1, None)
    assert replies.behind(db) == [1]
    rooms.set_encrypted(db, 1)
    assert replies.behind(db) == []


def test_a_removal_counts_in_its_room(db: sqlite3.Connection) -> None:
    answered(db, "$1")
    answered(db, "$2")
    done(db, 1, "$reply")
    assert (replies.asked_by(db, ROOM, "$1"), replies.asked_by(db, "!other:b", "$1")) == ([1], [])
    for event_id in ("$1", "$reply"):
        replies.removed(db, "!other:b", event_id)
    assert (reply(db).asked, reply(db).event_id) == ("$1", "$reply")
    for event_id in ("$1", "$reply"):
        replies.removed(db, ROOM, event_id)
    assert (reply(db).asked, reply(db).event_id, reply(db, 2).asked) == (None, None, "$2")


def test_a_command_that_leaves_takes_its_reply_along(db: sqlite3.Connection) -> None:
    answered(db)
    mailbox.end(db, 1, states.CANCELLED_BY, 9)
    db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'command'", (mailbox.REMEMBERED + 4,))
    answered(db, "$2")
    assert replies.of(db, 1) is None


def test_many_that_are_over_cost_nothing(db: sqlite3.Connection) -> None:
    """What is behind is found by an index of those that are not."""
    answered(db)
    statements: list[str] = []
    db.set_trace_callback(statements.append)
    replies.behind(db)
    db.set_trace_callback(None)
    plan = db.execute(f"EXPLAIN QUERY PLAN {statements[0]}").fetchall()
    assert any("reply_open" in step[-1] for step in plan), plan
