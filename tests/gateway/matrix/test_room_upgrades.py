"""A room that is replaced is followed, once that is proven, and its readings go on in the new one."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.aead import aead
from comatrix.gateway.directory import Directory
from comatrix.gateway.downlink.hearing import News
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.room_watch import RoomWatch
from comatrix.gateway.edges.store import rooms
from comatrix.gateway.edges.store.migrations import migrate, schemas
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import Room
from comatrix.gateway.room_news import RoomNews
from comatrix.gateway.upgrades import CLOSED_RETRY_MS, RETRY_MS, Upgrades
from comatrix.gateway.uplink.associations import Associations
from tests.support.homeserver import Homeserver
from tests.support.people import Person, Place


class NobodyReads:
    """What people say is nobody's business here."""

    def watched(self, watched: bool) -> None:
        pass

    async def heard(self, news: Sequence[News], since: str) -> None:
        pass

    async def who_may_changed(self, room_id: str) -> None:
        pass


@dataclass
class Gateway:
    """The part of a gateway that follows rooms. `reborn` after a crash; the poster is only told."""

    client: MatrixClient
    store: Store
    told: list[str] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)
    reloads: int = 0
    voices_anew: int = 0
    now_ms: int = 0

    def __post_init__(self) -> None:
        self.reborn()

    def reborn(self) -> None:
        directory = Directory(self.store, Associations(aead, lambda n: 0, frozenset()))
        self.upgrades = Upgrades(
            self.client,
            self.store,
            directory,
            now=lambda: self.now_ms,
            replaced=self._replaced,
            reload=self._reload,
            voices_anew=self._voices_anew,
            tell=self.told.append,
        )
        news = RoomNews(
            self.store,
            directory,
            self.upgrades,
            NobodyReads(),
            reload=self._reload,
            watched=lambda watched: None,
            tell=self.told.append,
        )
        self.watch = RoomWatch(self.client, news, now=lambda: self.now_ms, sleep=self._no_sleep, timeout_ms=500)

    async def bound_to(self, room_id: str) -> Room:
        """A node's room."""
        room = await self.store.run(lambda connection: rooms.add(connection, room_id, "#garden:localhost"))
        self.reborn()
        return room

    def room(self, row: int) -> Room:
        room = self.store.read(lambda connection: rooms.by_id(connection, row))
        assert room is not None
        return room

    async def steps(self, count: int = 3) -> None:
        for _ in range(count):
            await self.watch.step()

    async def _replaced(self, row: int) -> None:
        self.replaced.append(row)

    def _reload(self) -> None:
        self.reloads += 1

    def _voices_anew(self) -> None:
        self.voices_anew += 1

    async def _no_sleep(self, seconds: float) -> None:
        return


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty database."""
    store = Store.open(tmp_path / "comatrix.db", 0)
    yield store
    await store.aclose()


@pytest.fixture
async def person(place: Place) -> Person:
    """Whose room it is."""
    return await place.person()


@pytest.fixture
async def gateway(place: Place, store: Store) -> Gateway:
    """A bot without rooms."""
    return Gateway(await place.client(), store)


async def _room(gateway: Gateway, person: Person, **body: Any) -> str:
    room_id = await person.create_room(name="garden", invite=[gateway.client.user_id], **body)
    assert (await gateway.client.join(room_id)).ok
    return room_id


async def test_a_replaced_room_is_followed_when_an_invite_comes(gateway: Gateway, person: Person) -> None:
    old = await _room(gateway, person)
    room = await gateway.bound_to(old)
    await gateway.steps(1)
    new = await person.upgrade(old)
    await gateway.steps()
    assert gateway.room(room.id).room_id == old and gateway.replaced == []
    assert gateway.room(room.id).successor == new  # nothing is sent meanwhile
    assert [line for line in gateway.told if f"Invite {gateway.client.user_id} there" in line] == gateway.told
    assert (await person.client.invite(new, gateway.client.user_id)).ok
    await gateway.steps()
    found = gateway.room(room.id)
    assert (found.room_id, found.alias, found.successor) == (new, "#garden:localhost", None)
    assert gateway.replaced == [room.id] and gateway.voices_anew == 1
    assert gateway.told[-1] == f"room #garden:localhost was replaced by {new}: its readings go on there"
    await gateway.steps(1)
    assert gateway.replaced == [room.id] and len(gateway.told) == 2  # once


async def test_a_public_room_is_followed_at_once(gateway: Gateway, person: Person) -> None:
    old = await _room(gateway, person, preset="public_chat")
    room = await gateway.bound_to(old)
    await gateway.steps(1)
    new = await person.upgrade(old)
    await gateway.steps(2)
    assert gateway.room(room.id).room_id == new and gateway.replaced == [room.id]


async def test_a_room_replaced_while_we_were_away_is_followed(gateway: Gateway, person: Person) -> None:
    old = await _room(gateway, person, preset="public_chat")
    room = await gateway.bound_to(old)
    new = await person.upgrade(old)
    await gateway.steps(1)  # the first sync of this process
    assert gateway.room(room.id).room_id == new and gateway.replaced == [room.id]


async def test_an_invite_that_came_while_we_were_away_is_accepted(gateway: Gateway, person: Person) -> None:
    old = await _room(gateway, person)
    room = await gateway.bound_to(old)
    new = await person.upgrade(old)
    assert (await person.client.invite(new, gateway.client.user_id)).ok
    await gateway.steps(3)
    assert gateway.room(room.id).room_id == new and gateway.replaced == [room.id]


async def test_a_chain_of_upgrades_is_followed_to_its_end(gateway: Gateway, person: Person) -> None:
    old = await _room(gateway, person, preset="public_chat")
    room = await gateway.bound_to(old)
    second = await person.upgrade(old)
    third = await person.upgrade(second)
    await gateway.steps(2)
    assert gateway.room(room.id).room_id == third
    assert gateway.replaced == [room.id, room.id]
    fourth = await person.upgrade(third)  # and one more while we watch
    await gateway.steps(2)
    assert gateway.room(room.id).room_id == fourth


async def test_a_chain_that_was_closed_before_we_were_let_in_is_followed(gateway: Gateway, person: Person) -> None:
    old = await _room(gateway, person)
    room = await gateway.bound_to(old)
    second = await person.upgrade(old)
    await gateway.steps(1)
    third = await person.upgrade(second)
    for new in (second, third):
        assert (await person.client.invite(new, gateway.client.user_id)).ok
    await gateway.steps(3)
    assert gateway.room(room.id).room_id == third


async def test_a_room_that_does_not_name_its_predecessor_is_not_followed(gateway: Gateway, person: Person) -> None:
    old = await _room(gateway, person)
    room = await gateway.bound_to(old)
    await gateway.steps(1)
    trap = await person.create_room(name="trap", preset="public_chat")
    await person.put_state(old, "m.room.tombstone", {"body": "moved", "replacement_room": trap})
    await gateway.steps(3)
    found = gateway.room(room.id)
    assert (found.room_id, found.successor) == (old, None)
    assert gateway.replaced == []
    assert "does not say so: not followed" in gateway.told[0] and len(gateway.told) == 1
    member = await person.client.state_event(trap, "m.room.member", gateway.client.user_id)
    assert member.body is not None and member.body["membership"] == "leave"


@pytest.mark.parametrize("has_nodes", [True, False])
async def test_a_false_tombstone_does_not_make_us_leave_a_room_we_were_in(
    gateway: Gateway, person: Person, has_nodes: bool
) -> None:
    room = await gateway.bound_to(await _room(gateway, person))
    other = await _room(gateway, person)
    if has_nodes:
        await gateway.store.run(lambda connection: rooms.add(connection, other))
        gateway.reborn()
    await gateway.steps(1)
    await person.put_state(room.room_id, "m.room.tombstone", {"body": "moved", "replacement_room": other})
    await gateway.steps(3)
    assert "does not say so: not followed" in gateway.told[0] and len(gateway.told) == 1
    member = await person.client.state_event(other, "m.room.member", gateway.client.user_id)
    assert member.body is not None and member.body["membership"] == "join"


async def test_a_room_closed_without_a_replacement_is_told(gateway: Gateway, person: Person) -> None:
    old = await _room(gateway, person)
    room = await gateway.bound_to(old)
    await gateway.steps(1)
    await person.put_state(old, "m.room.tombstone", {"body": "closed", "replacement_room": ""})
    await gateway.steps(1)
    assert gateway.room(room.id).successor is None
    assert gateway.told == [
        "room #garden:localhost was closed, and names no other: comatrix node move NODE --room ROOM"
    ]


async def test_a_replacement_with_nodes_of_its_own_is_left_to_the_operator(gateway: Gateway, person: Person) -> None:
    old = await _room(gateway, person, preset="public_chat")
    room = await gateway.bound_to(old)
    new = await person.upgrade(old)
    await gateway.store.run(lambda connection: rooms.add(connection, new))
    gateway.reborn()
    await gateway.steps(2)
    found = gateway.room(room.id)
    assert (found.room_id, found.successor) == (old, None)
    assert gateway.told[-1].endswith(f"which has nodes of its own: comatrix node move NODE --room {new}")


async def test_other_peoples_rooms_are_not_followed(gateway: Gateway, person: Person) -> None:
    old = await _room(gateway, person, preset="public_chat")
    await gateway.steps(1)
    new = await person.upgrade(old)
    await gateway.steps(2)
    assert (
        gateway.told == []
        and (await person.client.state_event(new, "m.room.member", gateway.client.user_id)).status == 404
    )


@pytest.fixture
async def here(memory: Place, store: Store) -> Gateway:
    """A gateway at the homeserver in memory, for outages and crashes."""
    return Gateway(await memory.client(), store)


async def test_an_outage_on_the_way_is_made_good(here: Gateway, memory: Place, homeserver: Homeserver) -> None:
    person = await memory.person()
    old = await _room(here, person, preset="public_chat")
    room = await here.bound_to(old)
    await here.steps(1)
    new = await person.upgrade(old)
    for path in ("/join/", "/m.room.create"):
        homeserver.fail("html", path=path)
        await here.steps(1)
        assert here.room(room.id).room_id == old
        here.now_ms += RETRY_MS
    await here.steps(1)
    assert here.room(room.id).room_id == new and here.replaced == [room.id]


async def test_a_closed_door_is_tried_again(here: Gateway, memory: Place, homeserver: Homeserver) -> None:
    person = await memory.person()
    old = await _room(here, person)
    room = await here.bound_to(old)
    await here.steps(1)
    new = await person.upgrade(old)
    await here.steps(2)
    here.now_ms += CLOSED_RETRY_MS
    await here.steps(1)
    assert len(here.told) == 1  # it is said once that an invite is waited for
    await person.put_state(new, "m.room.join_rules", {"join_rule": "public"})
    before = homeserver.request_count
    await here.steps(3)
    assert here.room(room.id).room_id == old
    assert homeserver.request_count - before == 3  # three syncs, no more joins
    here.now_ms += CLOSED_RETRY_MS
    await here.steps(1)
    assert here.room(room.id).room_id == new


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_crash_while_following_is_survived(here: Gateway, memory: Place, where: str) -> None:
    class Crash(BaseException):
        pass

    person = await memory.person()
    old = await _room(here, person, preset="public_chat")
    room = await here.bound_to(old)
    await here.steps(1)
    new = await person.upgrade(old)

    async def crash(row: int) -> None:
        raise Crash

    if where == "after":
        here.upgrades._replaced = crash
    else:
        here.upgrades._enter = crash  # type: ignore[method-assign, assignment]
    with pytest.raises((Crash, TypeError)):
        await here.steps(1)
    here.reborn()
    await here.steps(2)
    assert here.room(room.id).room_id == new and here.room(room.id).successor is None


async def test_the_new_room_is_judged_anew_for_encryption(here: Gateway, memory: Place) -> None:
    person = await memory.person()
    old = await _room(here, person, preset="public_chat")
    room = await here.bound_to(old)
    await here.store.run(lambda connection: rooms.set_paused(connection, room.id, "M_FORBIDDEN"))
    new = await person.upgrade(old)
    await here.steps(1)
    assert here.room(room.id) == Room(room.id, new, "#garden:localhost")


def test_the_migration_keeps_rooms(tmp_path: Path) -> None:
    """From the first schema, with data in it."""
    connection = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    known = schemas()
    migrate(connection, known[:1])
    connection.execute("INSERT INTO room (room_id, alias, encrypted) VALUES ('!a', '#a:hs', 1), ('!b', NULL, 0)")
    migrate(connection, known)
    assert rooms.all_rooms(connection) == [Room(1, "!a", "#a:hs", True), Room(2, "!b")]
    connection.close()
