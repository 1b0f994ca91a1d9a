"""What was done for the service's users survives a restart, and is not believed in a copy put back."""

import sqlite3
from pathlib import Path

from comatrix.gateway.edges.store import nodes, rooms
from comatrix.gateway.edges.store.migrations import migrate, schemas
from comatrix.gateway.edges.store.service_users import Refusal, ServiceUserBook
from comatrix.gateway.edges.store.store import Store

GHOST = "@cx_node_7:localhost"


async def test_what_was_done_survives_a_restart(tmp_path: Path) -> None:
    for turn in range(2):
        store = Store.open(tmp_path / "gateway.db", 0)
        book = ServiceUserBook(store)
        await book.begin()
        if turn == 0:
            await book.save(GHOST, "COMATRIX", "garden")
            await book.save_member(GHOST, "!a", None)
            await book.save_member(GHOST, "!b", "banned")
        else:
            assert book.users() == {GHOST: ("COMATRIX", "garden")}
            assert book.joined() == {GHOST: {"!a"}}
            assert book.refusals() == [Refusal(GHOST, "!b", "banned")]
        await store.aclose()


async def test_a_copy_put_back_knows_nothing_for_certain(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    store = Store.open(path, 0)
    book = ServiceUserBook(store)
    await book.begin()
    await book.save(GHOST, "COMATRIX", "garden")
    await book.save_member(GHOST, "!a", None)
    await store.aclose()
    path.with_name("gateway.db.instance").unlink()
    Store.open(path, 0).close()  # some command notices the copy first
    store = Store.open(path, 0)
    assert not store.restored
    book = ServiceUserBook(store)
    await book.begin()
    assert (book.users(), book.joined(), book.refusals()) == ({}, {}, [])
    await store.aclose()


async def test_a_room_counts_each_living_node_bound_to_it_once(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "gateway.db", 0)

    def provision(connection: sqlite3.Connection) -> tuple[int, int]:
        first, second = rooms.add(connection, "!a"), rooms.add(connection, "!b")
        made = [nodes.add(connection, f"n{number}", first.id, now_ms=0) for number in range(4)]
        nodes.bind_room(connection, made[0].number, 1, second.id)
        nodes.bind_room(connection, made[0].number, 2, first.id)
        nodes.bind_room(connection, made[3].number, 1, second.id)
        nodes.revoke(connection, made[3].number)
        return first.id, second.id

    first, second = store.write(provision)
    book = ServiceUserBook(store)
    assert book.nodes_in_rooms() == {first: 3, second: 1}
    assert set(book.node_names().values()) == {"n0", "n1", "n2", "n3"}
    await store.aclose()


def test_a_database_of_the_first_schema_with_data_in_it_is_taken_along(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    migrate(connection, schemas()[:1])
    connection.execute("INSERT INTO room (room_id, alias) VALUES ('!a:b', '#a:b')")
    connection.execute(
        "INSERT INTO node (number, name, enrolment, room, security, post, created_ms) "
        "VALUES (7, 'garden', 1, 1, 'oscore', 'every', 0)"
    )
    migrate(connection, schemas())
    assert connection.execute("SELECT name FROM node").fetchall() == [("garden",)]
    for table in ("service_user", "service_member", "pushed_event"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    connection.close()
