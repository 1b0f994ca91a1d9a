"""How far the rooms were heard: a token a user, for this database only; and each event once."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from comatrix.gateway.edges.store import heard
from comatrix.gateway.edges.store.heard import KEPT_EVENTS, KEPT_MS, STEP, is_new, set_since, since
from comatrix.gateway.edges.store.store import Store

NOW_MS = 1_700_000_000_000


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with Store.open(tmp_path / "comatrix.db", NOW_MS) as store:
        store._writer.execute("BEGIN")  # as a job of the store
        yield store._writer
        store._writer.execute("ROLLBACK")


def events(db: sqlite3.Connection) -> list[str]:
    return [row[0] for row in db.execute("SELECT event_id FROM heard_event ORDER BY id")]


def test_a_token_is_kept_for_whose_it_is(db: sqlite3.Connection) -> None:
    assert since(db, "@bot:hs") is None
    set_since(db, "@bot:hs", "s1")
    set_since(db, "push @bot:hs", "p7")
    set_since(db, "@bot:hs", "s2")
    assert (since(db, "@bot:hs"), since(db, "push @bot:hs"), since(db, "@other:hs")) == ("s2", "p7", None)


def test_a_token_survives_a_restart_and_not_a_copy_that_is_put_back(tmp_path: Path) -> None:
    path = tmp_path / "comatrix.db"
    with Store.open(path, NOW_MS) as store:
        store.write(lambda connection: set_since(connection, "@bot:hs", "s1"))
    with Store.open(path, NOW_MS) as store:
        assert store.read(lambda connection: since(connection, "@bot:hs")) == "s1"
    path.with_name("comatrix.db.instance").write_text("0123456789abcdef\n")  # beside a newer database it differs
    with Store.open(path, NOW_MS) as store:
        assert store.restored
        assert store.read(lambda connection: since(connection, "@bot:hs")) is None
        store.write(lambda connection: set_since(connection, "@bot:hs", "s9"))
        assert store.read(lambda connection: since(connection, "@bot:hs")) == "s9"


async def test_token_and_events_are_kept_together_or_not_at_all(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "comatrix.db", NOW_MS)

    def job(connection: sqlite3.Connection) -> None:
        assert is_new(connection, "$1", NOW_MS)
        set_since(connection, "@bot:hs", "s1")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await store.run(job)
    assert await store.run(lambda connection: (since(connection, "@bot:hs"), is_new(connection, "$1", 0))) == (
        None,
        True,
    )
    await store.aclose()


def test_an_event_is_new_once(db: sqlite3.Connection) -> None:
    assert [is_new(db, event, NOW_MS) for event in ("$1", "$2", "$1", "$2", "$3")] == [True, True, False, False, True]
    assert events(db) == ["$1", "$2", "$3"]


def test_events_are_forgotten_after_30_days(db: sqlite3.Connection) -> None:
    for number in range(3 * STEP):
        is_new(db, f"$old{number}", NOW_MS)
    is_new(db, "$a", NOW_MS + KEPT_MS)
    assert len(events(db)) == 3 * STEP + 1
    for number in range(3):
        is_new(db, f"$b{number}", NOW_MS + KEPT_MS + 1)
    assert events(db) == ["$a", "$b0", "$b1", "$b2"]
    assert is_new(db, "$old1", NOW_MS + KEPT_MS + 1)


def test_of_very_many_the_newest_are_known(db: sqlite3.Connection) -> None:
    many = ((f"$old{number}", NOW_MS) for number in range(KEPT_EVENTS + 10))
    db.executemany("INSERT INTO heard_event (event_id, heard_ms) VALUES (?, ?)", many)
    assert is_new(db, "$new", NOW_MS)
    assert not is_new(db, "$new", NOW_MS) and not is_new(db, "$old11", NOW_MS)
    assert len(events(db)) == heard.KEPT_EVENTS
    assert is_new(db, "$old10", NOW_MS)
