"""The log against a model: whatever happens in between, each (node, enrolment, seq) is stored once, for ever."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comatrix.gateway.edges.store import contexts, known, nodes, records, rooms
from comatrix.gateway.edges.store.appender import Appender
from comatrix.gateway.edges.store.capacity import Capacity, StoreLimits
from comatrix.gateway.edges.store.database import connect_writer
from comatrix.gateway.edges.store.migrations import migrate, schemas
from comatrix.gateway.edges.store.transactions import Append, Transactions
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import Appended, Duplicate, NewRecord, WindowMove
from comatrix.session.replay import Window

NODES = 3
FAR = 1 << 60


SCHEMAS = schemas()


def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, SCHEMAS)
    return connection


def provision(connection: sqlite3.Connection) -> None:
    room = rooms.add(connection, "!a:b").id
    for name in "abc"[:NODES]:
        node = nodes.add(connection, name, room, now_ms=0)
        contexts.add(connection, node.number, "u", b"s" * 16)


def append(node: int, enrolment: int, seq: int, window: Window | None = None, counter: int | None = None) -> Append:
    move = None if window is None else WindowMove(node, window.highest, window.mask)
    new = NewRecord(node, enrolment, seq, 1, "readings", b"\xa0", seq, 2 * seq, counter, b"8 octets")
    return new, move, lambda told: None


class World:
    """A log, what must be in it, and the windows as the session holds them."""

    def __init__(self) -> None:
        self.connection = database()
        provision(self.connection)
        self.stored: dict[tuple[int, int, int], int] = {}
        self.last_id = 0
        self.windows = {node: Window() for node in range(1, NODES + 1)}
        self.accepted = {node: Window() for node in self.windows}  # of what is on disk
        self.restart()

    def restart(self) -> None:
        """Everything in memory is gone."""
        limits = StoreLimits()
        capacity = Capacity(self.connection, Path("unused"), limits)
        self.transactions = Transactions(self.connection, capacity, lambda error: StoreError(str(error)), fold_at=8)

    def start_folding(self) -> None:
        self.restart()
        self.transactions.begin()

    def batch(self, entries: list[tuple[int, int, int]]) -> None:
        """(node, enrolment, seq), each under a new counter of its node."""
        told, _ = self.transactions.commit([self._next(*entry) for entry in entries], [])
        for entry, answer in zip(entries, told, strict=True):
            self._check(entry, answer)
        for node, _, _ in entries:
            self.accepted[node] = Window(self.windows[node].highest, self.windows[node].mask)
        self.transactions.tidy()

    def failing_batch(self, entries: list[tuple[int, int, int]]) -> None:
        """Its transaction is rolled back: nothing of it happened."""
        kept = {node: (window.highest, window.mask) for node, window in self.windows.items()}
        told, _ = self.transactions.commit([self._next(*entry) for entry in entries], [_lose])
        assert all(isinstance(one, StoreError) for one in told)
        self.windows = {node: Window(*known) for node, known in kept.items()}

    def retention(self) -> None:
        """All is posted and old; twice, as the first pass asks for a fold."""
        self._job(lambda db: db.execute("REPLACE INTO cursor SELECT room, node, max(id), 0 FROM record GROUP BY 1, 2"))
        for _ in range(2):
            while self._job(lambda db: self.transactions.expire(db, FAR)):
                pass
            self.transactions.tidy()
        assert self.connection.execute("SELECT count(*) FROM record").fetchone() == (0,)

    def settle(self) -> None:
        """What must hold at any time."""
        assert records.newest_id(self.connection) == self.last_id
        for node, window in self.accepted.items():
            (context,) = contexts.living(self.connection, node)
            assert (context.highest, context.mask & 0xFFFFFFFF) == (window.highest, window.mask)
        for whose in {key[:2] for key in self.stored}:
            newest = max(seq for *of, seq in self.stored if tuple(of) == whose)
            assert records.highest_seq(self.connection, whose) == newest
        sums = {node: len([1 for key in self.stored if key[0] == node]) for node, _, _ in self.stored}
        assert {node: total for node, (total, _) in records.counts(self.connection).items()} == sums
        late = sum(late for _, late in records.counts(self.connection).values())
        assert late == sum(self.stored.values())

    def _next(self, node: int, enrolment: int, seq: int) -> Append:
        window = self.windows[node]
        counter = window.highest + 1
        window.accept(counter)
        return append(node, enrolment, seq, window, counter)

    def _check(self, entry: tuple[int, int, int], answer: object) -> None:
        if entry in self.stored:
            assert answer == Duplicate()
            return
        late = any(key[:2] == entry[:2] and key[2] > entry[2] for key in self.stored)
        self.last_id += 1
        assert answer == Appended(self.last_id, late)
        self.stored[entry] = late

    def _job(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        _, ((well, result),) = self.transactions.commit([], [work])
        assert well
        return result


def _lose(connection: sqlite3.Connection) -> None:
    connection.execute("ROLLBACK")
    raise sqlite3.OperationalError("gone")


SEQ = st.one_of(
    st.integers(0, 40), st.integers(known.BLOCK - 3, known.BLOCK + 3), st.sampled_from([5 * known.BLOCK, 1 << 39])
)
BATCH = st.lists(st.tuples(st.integers(1, NODES), st.integers(1, 2), SEQ), min_size=1, max_size=12)
STEP = st.one_of(
    st.tuples(st.just(World.batch), BATCH),
    st.tuples(st.just(World.batch), BATCH),
    st.tuples(st.just(World.failing_batch), BATCH),
    st.tuples(st.just(World.restart)),
    st.tuples(st.just(World.start_folding)),
    st.tuples(st.just(World.retention)),
)


@given(st.lists(STEP, max_size=20))
@settings(max_examples=200, deadline=None)
def test_each_record_is_stored_once_whatever_happens_in_between(steps: list[tuple[Any, ...]]) -> None:
    world = World()
    for call, *args in steps:
        call(world, *args)
        world.settle()
    assert world.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_repeat_is_recognised_after_its_row_left() -> None:
    world = World()
    world.batch([(1, 1, seq) for seq in range(100)])
    world.retention()
    world.start_folding()
    world.batch([(1, 1, 17), (1, 1, 100)])  # checked there: a duplicate, and row id 101


def test_a_known_seq_costs_about_a_bit() -> None:
    connection = database()
    appender = Appender()
    appender.append(connection, [append(1, 1, seq) for seq in range(64 * known.BLOCK)])
    appender.fold(connection)
    bits = connection.execute("SELECT sum(length(bits)) * 8 FROM known_seq").fetchone()[0]
    assert bits == 64 * known.BLOCK


def test_bitmaps_of_keys_that_are_dead_leave() -> None:
    world = World()
    world.batch([(1, 1, 5), (2, 1, 5), (3, 1, 5), (1, 2, 5)])
    world.start_folding()
    nodes.enrol_again(world.connection, 1)
    nodes.revoke(world.connection, 2)
    world.retention()
    left = world.connection.execute("SELECT node, enrolment FROM known_seq").fetchall()
    assert left == [(1, 2), (3, 1)]
    assert records.counts(world.connection) == {1: (2, 0), 2: (1, 0), 3: (1, 0)}


def test_windows_that_moved_out_of_order_lose_nothing() -> None:
    connection = database()
    provision(connection)
    contexts.move_windows(connection, [WindowMove(1, 40, 0b1), WindowMove(1, 38, 0b101)])
    (context,) = contexts.living(connection, 1)
    assert (context.highest, context.mask) == (40, 0b10101)
    contexts.move_windows(connection, [WindowMove(1, 200, 1)])
    (context,) = contexts.living(connection, 1)
    assert (context.highest, context.mask) == (200, 1)


def test_a_window_that_cannot_be_trusted_is_not_healed_by_the_rows_before() -> None:
    world = World()
    world.batch([(1, 1, 5)])
    world.connection.execute("UPDATE replay_window SET missing = 1")
    world.start_folding()
    assert all(context.missing for context in contexts.living(world.connection))


FILLED = """
INSERT INTO meta VALUES ('instance', '0123456789abcdef');
INSERT INTO room VALUES (1, '!a:b', NULL, 0, NULL);
INSERT INTO node VALUES (1, 'garden', 1, 1, 'oscore', '15min', NULL, 0, 0);
INSERT INTO context (node, link, generation, secret) VALUES (1, 'u', 1, x'00');
INSERT INTO replay_window VALUES (1, 777, 7, 0);
"""


@pytest.mark.parametrize("rows", [3, 40_000])
def test_a_log_of_schema_1_keeps_everything(rows: int) -> None:
    """More rows than one fold takes are folded while they are read."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, [schemas()[0]])
    connection.executescript(FILLED)
    connection.executemany(
        "INSERT INTO record VALUES (?, 1, 1, ?, 1, 1, x'a0', ?, ?, ?, x'0102030405060708', 0)",
        [(row, 2 * row, 900 + row, 1000 + row, 2 * row + 1 if row > 1 else None) for row in range(1, rows + 1)],
    )
    migrate(connection, schemas())
    (first, *_, last) = records.after(connection, 0, rows)
    assert (first.seq, first.measured_ms, first.received_ms) == (2, 901, 1001)
    assert (last.id, last.seq) == (rows, 2 * rows)
    assert records.recent_requests(connection, 0, 1) == [(1, 2 * rows + 1, bytes(range(1, 9)), 1000 + rows)]
    assert records.highest_seq(connection, (1, 1)) == 2 * rows
    (context,) = contexts.living(connection, 1)
    assert (context.highest, context.mask) == (777, 7)
    again = Appender()
    told = again.append(connection, [append(1, 1, 2), append(1, 1, 3), append(1, 1, 2 * rows), append(1, 1, 99_999)])
    assert told == [Duplicate(), Appended(rows + 1, True), Duplicate(), Appended(rows + 2)]
    again.fold(connection)
    assert records.counts(connection) == {1: (rows + 2, 1)}


def test_a_fold_is_short() -> None:
    """What one fold's worth of records of 1,024 nodes takes: nobody waits a noticeable time for it."""
    connection = database()
    appender = Appender()
    appender.append(connection, [append(n % 1024 + 1, 1, n // 1024) for n in range(16_384)])
    start = time.thread_time()
    appender.fold(connection)
    assert time.thread_time() - start < 0.25


@pytest.mark.parametrize("before_statement", [1, 2, 3])
def test_a_fold_between_two_looks_of_a_reader_hides_nothing(tmp_path: Path, before_statement: int) -> None:
    """A node is unblocked while its rows are folded: its window must not be read from between the two."""
    writer = connect_writer(tmp_path / "gateway.db")
    provision(writer)
    window = Window(9, 0b111)
    appender = Appender()
    appender.append(writer, [append(1, 1, 8), append(1, 1, 9, window, 9)])
    reader = sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)
    looks = 0

    def fold_then(statement: str) -> None:
        nonlocal looks
        looks += 1
        if looks == before_statement:
            appender.fold(writer)

    reader.set_trace_callback(fold_then)
    (context,) = contexts.living(reader, 1)
    assert context.highest == 9
    looks = 0
    assert records.counts(reader) == {1: (2, 0)}
    looks = 0
    assert records.highest_seq(reader, (1, 1)) == 9
    reader.close()
    writer.close()
