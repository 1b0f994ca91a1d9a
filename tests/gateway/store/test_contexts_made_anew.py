"""Contexts that Appendix B.2 made, beside a secret that is still on its way to the node."""

import sqlite3
from collections.abc import Iterator

import pytest

from comatrix.gateway.edges.store import contexts, nodes, rooms
from comatrix.gateway.edges.store.migrations import migrate, schemas
from comatrix.gateway.errors import StoreError

OLD, NEW, NEWEST = (letter * 16 for letter in (b"o", b"n", b"m"))


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, schemas())
    nodes.add(connection, "garden", rooms.add(connection, "!a:b", "#a:b").id, now_ms=5)
    contexts.add(connection, 1, "u", OLD)
    yield connection
    connection.close()


def alive(db: sqlite3.Connection) -> list[tuple[bytes, bytes, str]]:
    """(secret, bytes of Appendix B.2, state), in the order they are tried."""
    return [(one.secret, one.id_context, one.state) for one in contexts.living(db, 1)]


def test_it_replaces_the_contexts_of_its_secret(db: sqlite3.Connection) -> None:
    for extra in (b"first", b"second"):
        contexts.rekey(db, 1, "u", OLD, extra)
    assert alive(db) == [(OLD, b"second", "active")]


def test_newer_secrets_live_on_and_are_tried_first_in_their_order(db: sqlite3.Connection) -> None:
    contexts.rotate(db, 1, "u", NEW)
    contexts.rotate(db, 1, "u", NEWEST)
    for extra in (b"first", b"second"):
        contexts.rekey(db, 1, "u", OLD, extra)
        assert alive(db) == [(NEWEST, b"", "active"), (NEW, b"", "retiring"), (OLD, extra, "retiring")]
    (newest, *_) = contexts.living(db, 1)
    contexts.settle(db, newest.id)
    assert alive(db) == [(NEWEST, b"", "active")]


def test_under_the_newest_secret_all_older_ones_die(db: sqlite3.Connection) -> None:
    contexts.rotate(db, 1, "u", NEW)
    contexts.rekey(db, 1, "u", NEW, b"made")
    assert alive(db) == [(NEW, b"made", "active")]
    assert db.execute("SELECT count(*) FROM context WHERE state = 'dead' AND secret != x''").fetchone() == (0,)


def test_a_secret_that_died_makes_no_context(db: sqlite3.Connection) -> None:
    contexts.rotate(db, 1, "u", NEW)
    (newest, *_) = contexts.living(db, 1)
    contexts.settle(db, newest.id)  # the node spoke under the new secret
    with pytest.raises(StoreError):
        contexts.rekey(db, 1, "u", OLD, b"late")
    assert alive(db) == [(NEW, b"", "active")]
    contexts.revoke(db, 1)
    with pytest.raises(StoreError):
        contexts.rekey(db, 1, "u", NEW, b"late")
    assert alive(db) == []
