"""The SQL functions, a table at a time."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest

from comatrix.gateway.edges.store import contexts, nodes, outbox, records, rooms, status
from comatrix.gateway.edges.store.appender import Appender
from comatrix.gateway.edges.store.migrations import migrate, schemas
from comatrix.gateway.edges.store.status import NodeStatus
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import NewRecord, Node, SealedRow, WindowMove


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, schemas())
    yield connection
    connection.close()


@pytest.fixture
def garden(db: sqlite3.Connection) -> Node:
    return nodes.add(db, "garden", rooms.add(db, "!a:b", "#a:b").id, now_ms=5)


def test_a_name_is_free_again_but_a_number_never(db: sqlite3.Connection, garden: Node) -> None:
    with pytest.raises(StoreError, match="'garden' already"):
        nodes.add(db, "garden", garden.room, now_ms=5)
    nodes.revoke(db, garden.number)
    second = nodes.add(db, "garden", garden.room, now_ms=5)
    assert second.number == garden.number + 1
    assert nodes.by_name(db, "garden") == second
    assert nodes.by_number(db, garden.number) == replace(garden, revoked=True)
    assert nodes.all_nodes(db) == [second]
    assert len(nodes.all_nodes(db, revoked=True)) == 2


def test_nodes_change(db: sqlite3.Connection, garden: Node) -> None:
    other = rooms.add(db, "!b:b")
    nodes.rename(db, garden.number, "shed")
    nodes.set_post(db, garden.number, "change")
    nodes.set_room(db, garden.number, other.id)
    assert nodes.enrol_again(db, garden.number) == 2
    nodes.bind_room(db, garden.number, 3, other.id)
    assert nodes.by_name(db, "shed") == replace(garden, name="shed", post="change", room=other.id, enrolment=2)
    assert nodes.bound_rooms(db) == {(garden.number, 3): other.id}
    nodes.add(db, "garden", other.id, now_ms=5)
    with pytest.raises(StoreError):
        nodes.rename(db, garden.number, "garden")


def test_node_numbers_end_in_words(db: sqlite3.Connection, garden: Node) -> None:
    db.execute("UPDATE node SET number = 65535")
    with pytest.raises(StoreError, match="65,535"):
        nodes.add(db, "one more", garden.room, now_ms=5)


def test_rooms_keep_their_row(db: sqlite3.Connection) -> None:
    room = rooms.add(db, "!a:b", "#a:b")
    assert rooms.add(db, "!a:b") == room
    rooms.set_encrypted(db, room.id)
    rooms.set_paused(db, room.id, "why")
    assert rooms.by_name(db, "#a:b") == rooms.by_id(db, room.id) == replace(room, encrypted=True, paused="why")


def test_a_rotation_tries_the_old_secret_last_until_the_new_one_spoke(db: sqlite3.Connection, garden: Node) -> None:
    old = contexts.add(db, garden.number, "u", b"o" * 16)
    new = contexts.rotate(db, garden.number, "u", b"n" * 16)
    assert [(c.id, c.generation, c.state) for c in contexts.living(db)] == [
        (new.id, 2, "active"),
        (old.id, 1, "retiring"),
    ]
    contexts.settle(db, new.id)
    assert [c.id for c in contexts.living(db, garden.number)] == [new.id]
    assert db.execute("SELECT secret FROM context WHERE id = ?", (old.id,)).fetchone() == (b"",)
    contexts.revoke(db, garden.number)
    assert contexts.living(db) == []
    assert db.execute("SELECT max(length(secret)) FROM context").fetchone() == (0,)


def test_a_context_keeps_its_window_and_reserves_counters(db: sqlite3.Connection, garden: Node) -> None:
    context = contexts.add(db, garden.number, "u", b"o" * 16)
    assert (context.highest, context.mask, context.missing, context.tx_reserved) == (-1, 0, False, 0)
    contexts.move_windows(db, [WindowMove(context.id, 1 << 39, (1 << 63) | 5)])
    contexts.reserve(db, context.id, 512)
    contexts.reserve(db, context.id, 256)
    assert contexts.living(db) == [replace(context, highest=1 << 39, mask=(1 << 63) | 5, tx_reserved=512)]


def test_a_secret_is_not_shown(db: sqlite3.Connection, garden: Node) -> None:
    assert "oooo" not in repr(contexts.add(db, garden.number, "u", b"o" * 16))


def _log(db: sqlite3.Connection, node: Node, *seqs: int, kind: str = "readings", at_ms: int = 0) -> None:
    new = [NewRecord(node.number, 1, seq, node.room, kind, b"\xa0", at_ms, at_ms, seq, b"8 octets") for seq in seqs]
    Appender().append(db, [(one, None, None) for one in new])


def _sealed(db: sqlite3.Connection, node: Node, limit: int = 200) -> SealedRow:
    members = records.unsealed(db, node.room, [node.number], first_id=0, last_id=1 << 60, limit=limit)
    row = SealedRow(
        outbox.next_id(db), node.room, "!a:b", "m.room.message", f"txn{outbox.next_id(db)}", b"{}", 9,
        tuple(record.id for record in members), False, 0, "sealed", sender="@cx:b", device="CX",
    )  # fmt: skip
    outbox.seal(db, row, members)
    return row


def test_the_log_lists_counts_and_remembers_requests(db: sqlite3.Connection, garden: Node) -> None:
    _log(db, garden, 1, 2, at_ms=1000)
    _log(db, garden, 9, 4, at_ms=2000)
    assert [(record.seq, record.late) for record in records.tail(db, 3)] == [(2, False), (9, False), (4, True)]
    assert records.tail(db, 3, node=77) == []
    assert records.counts(db) == {garden.number: (4, 1)}
    assert records.recent_requests(db, 1500) == [(1, 9, b"8 octets", 2000), (1, 4, b"8 octets", 2000)]
    assert [one[1] for one in records.recent_requests(db, 0, limit=3)] == [2, 9, 4]


def test_what_is_sealed_waits_no_more_and_what_is_unsealed_does(db: sqlite3.Connection, garden: Node) -> None:
    _log(db, garden, 1, 2, 3)
    (waiting,) = records.waiting(db, 0)
    assert (waiting.count, waiting.first_id, waiting.last_id, waiting.not_readings) == (3, 1, 3, False)
    row = _sealed(db, garden, limit=2)
    assert outbox.open_rows(db) == [row]
    assert records.waiting(db, 0)[0].first_id == 3
    assert outbox.unseal(db, row.id, "too large")[0].count == 2
    assert records.waiting(db, 0) == [waiting]
    assert outbox.counts(db) == {"unsealed": 1, "waiting": 3}


def test_start_up_finds_what_was_unsealed_after_others_went_on(db: sqlite3.Connection, garden: Node) -> None:
    _log(db, garden, 1, 2, 3)
    row = _sealed(db, garden, limit=2)
    outbox.set_floor(db, 2)
    outbox.unseal(db, row.id, "too large")
    assert outbox.floor(db) == 0


def test_a_row_with_later_records_sealed_after_it_is_not_unsealed(db: sqlite3.Connection, garden: Node) -> None:
    _log(db, garden, 1, 2, 3)
    first = _sealed(db, garden, limit=2)
    _sealed(db, garden)
    assert outbox.unseal(db, first.id, "why") == []
    assert records.waiting(db, 0) == []
    assert len(outbox.open_rows(db)) == 2


def test_a_parked_row_waits_for_a_person(db: sqlite3.Connection, garden: Node) -> None:
    _log(db, garden, 1, 2)
    rows = [_sealed(db, garden, limit=1), _sealed(db, garden, limit=1)]
    outbox.doubt_open(db)
    for row in rows:
        outbox.park(db, row.id, "why")
    assert [(row.id, row.reason, row.in_doubt) for row in outbox.parked_rows(db)] == [
        (1, "why", True),
        (2, "why", True),
    ]
    assert outbox.retry(db, 1)
    assert not outbox.retry(db, 1)
    assert outbox.drop(db, 2)
    assert not outbox.drop(db, 1)
    (again,) = outbox.open_rows(db)
    assert (again.txn_id, again.content, again.in_doubt, again.forced) == ("txn1", b"{}", True, True)
    assert outbox.counts(db) == {"sealed": 1, "dropped": 1, "waiting": 0}


def test_doubt_stays_until_it_is_done(db: sqlite3.Connection, garden: Node) -> None:
    _log(db, garden, 1)
    row = _sealed(db, garden)
    outbox.attempt(db, row.id, 1, in_doubt=True)
    outbox.attempt(db, row.id, 2, in_doubt=False)
    found = outbox.by_id(db, row.id)
    assert found is not None
    assert (found.in_doubt, found.attempts) == (True, 2)
    outbox.done(db, row.id, "$event", 3)
    found = outbox.by_id(db, row.id)
    assert found is not None
    assert (found.state, found.event_id, found.content, found.in_doubt) == ("done", "$event", b"", False)


def test_an_outbox_id_is_never_given_twice(db: sqlite3.Connection, garden: Node) -> None:
    _log(db, garden, 1)
    row = _sealed(db, garden)
    db.execute("DELETE FROM outbox")
    assert outbox.next_id(db) == row.id + 1


def test_status_keeps_what_is_not_said_again(db: sqlite3.Connection, garden: Node) -> None:
    n = garden.number
    status.update(db, NodeStatus(n, last_seen_ms=5, address="[::1]:7", address_proven=True, firmware="1.0"))
    status.update(db, NodeStatus(n, last_seen_ms=6, battery_cv=398))
    known = NodeStatus(n, 6, "[::1]:7", True, "1.0", battery_cv=398)
    assert status.all_status(db) == {n: known}
    status.update(db, NodeStatus(n, address="[::1]:8"))
    assert status.all_status(db) == {n: replace(known, address="[::1]:8", address_proven=False)}
    status.update(db, NodeStatus(n, address_proven=True))
    assert status.all_status(db)[n].address_proven
