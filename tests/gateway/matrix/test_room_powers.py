"""Who may do what is asked of the homeserver, remembered only while its changes are heard, and never guessed."""

from collections.abc import Callable

import pytest

from comatrix.gateway.downlink.grants import COMMAND, Levels, RoomPowers, level, may
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.room_powers import MAX_ROOMS, RoomPowersBook
from comatrix.gateway.model import HomeserverAnswer
from comatrix.gateway.uplink.power import INFINITE
from tests.support.homeserver import Homeserver
from tests.support.people import Person, Place

LEVELS = Levels()


async def looked(book: RoomPowersBook, room_id: str, user_id: str) -> tuple[RoomPowers, bool]:
    found = await book.look(room_id, user_id)
    assert found is not None
    return found


async def shared(client: MatrixClient, person: Person, version: str = "11", guest: Person | None = None) -> str:
    """The person's room."""
    invited = [client.user_id] + ([guest.user_id] if guest else [])
    room_id = await person.create_room(room_version=version, invite=invited)
    for one in (client, *([guest.client] if guest else [])):
        assert (await one.join(room_id)).ok
    return room_id


@pytest.mark.parametrize(("version", "power"), [("10", 100), ("11", 100), ("12", INFINITE)])
async def test_who_may_by_room_version(place: Place, version: str, power: int) -> None:
    client, owner, guest = await place.client(), await place.person(), await place.person()
    room_id = await shared(client, owner, version, guest)
    book = RoomPowersBook(client)
    powers, joined = await looked(book, room_id, owner.user_id)
    assert (level(owner.user_id, powers), joined) == (power, True)
    powers, joined = await looked(book, room_id, guest.user_id)
    assert (level(guest.user_id, powers), joined) == (0, True)
    assert may(guest.user_id, "view", powers, joined, LEVELS) is None
    assert "level 50 (operate)" in (may(guest.user_id, "operate", powers, joined, LEVELS) or "")


async def test_further_creators_of_version_12_count(place: Place) -> None:
    client, owner, guest = await place.client(), await place.person(), await place.person()
    room_id = await owner.create_room(
        room_version="12",
        invite=[client.user_id, guest.user_id],
        creation_content={"additional_creators": [guest.user_id]},
    )
    for one in (client, guest.client):
        assert (await one.join(room_id)).ok
    powers, joined = await looked(RoomPowersBook(client), room_id, guest.user_id)
    assert (level(guest.user_id, powers), joined) == (INFINITE, True)


async def test_whoever_left_or_was_kicked_is_not_in_the_room_though_nothing_was_heard(place: Place) -> None:
    client, owner, guest = await place.client(), await place.person(), await place.person()
    room_id = await shared(client, owner, "11", guest)
    book = RoomPowersBook(client)
    book.watched(True)
    assert (await looked(book, room_id, guest.user_id))[1]
    await owner.kick(room_id, guest.user_id)
    assert not (await looked(book, room_id, guest.user_id))[1]
    assert not (await looked(book, room_id, "@stranger:localhost"))[1]


async def test_where_the_bot_is_not_nobody_may_anything(place: Place) -> None:
    client, owner = await place.client(), await place.person()
    room_id = await owner.create_room(room_version="12")
    for where in (room_id, "!nowhere:localhost"):
        powers, joined = await looked(RoomPowersBook(client), where, owner.user_id)
        assert not joined and may(owner.user_id, "view", powers, joined, LEVELS) is not None


async def test_a_change_counts_once_it_was_heard(place: Place) -> None:
    client, owner, guest = await place.client(), await place.person(), await place.person()
    room_id = await shared(client, owner, "11", guest)
    book = RoomPowersBook(client)
    book.watched(True)
    assert level(guest.user_id, (await looked(book, room_id, guest.user_id))[0]) == 0
    content = (await client.state_event(room_id, "m.room.power_levels")).body or {}
    content["users"] = {**content["users"], guest.user_id: 30}
    content["events"] = {**content["events"], COMMAND: 30}
    await owner.put_state(room_id, "m.room.power_levels", content)
    book.changed(room_id)
    powers, joined = await looked(book, room_id, guest.user_id)
    assert may(guest.user_id, "operate", powers, joined, LEVELS) is None


async def test_it_is_asked_once_while_changes_are_heard_and_each_time_while_not(
    memory: Place, homeserver: Homeserver
) -> None:
    client, owner = await memory.client(), await memory.person()
    room_id = await shared(client, owner)
    book = RoomPowersBook(client)

    async def asked(times: int = 3) -> int:
        homeserver.requests.clear()
        for _ in range(times):
            assert (await looked(book, room_id, owner.user_id))[1]
        return len([path for _, path in homeserver.requests if path.endswith("m.room.power_levels")])

    assert await asked() == 3
    book.watched(True)
    assert await asked() == 1
    assert await asked() == 0
    book.changed(room_id)
    assert await asked() == 1
    book.watched(False)
    assert await asked() == 3
    book.watched(True)
    assert await asked() == 1


@pytest.mark.parametrize("part", ["m.room.member", "m.room.power_levels", "m.room.create"])
@pytest.mark.parametrize(("kind", "how"), [("html", {}), ("refuse", {}), ("error", {"status": 500}), ("limit", {})])
async def test_what_the_homeserver_does_not_say_is_asked_again(
    memory: Place, homeserver: Homeserver, part: str, kind: str, how: dict[str, int]
) -> None:
    client, owner = await memory.client(), await memory.person()
    room_id = await shared(client, owner)
    book = RoomPowersBook(client)
    book.watched(True)
    homeserver.fail(kind, path=part, **how)
    assert await book.look(room_id, owner.user_id) is None
    assert (await looked(book, room_id, owner.user_id))[1]


class Quiet:
    """A homeserver that answers as it is told, and lets things happen meanwhile."""

    def __init__(self, **answers: HomeserverAnswer) -> None:
        create = {"type": "m.room.create", "sender": "@alice:hs", "content": {"room_version": "11"}}
        self.answers = {
            "member": HomeserverAnswer(200, {"membership": "join"}),
            "power_levels": HomeserverAnswer(200, {"users": {"@alice:hs": 100}}),
            "create": HomeserverAnswer(200, create),
            **answers,
        }
        self.meanwhile: Callable[[], None] = lambda: None
        self.asked = 0

    async def state_event(self, room_id: str, event_type: str, state_key: str = "") -> HomeserverAnswer:
        self.asked += event_type == "m.room.power_levels"
        return self.answers[event_type.removeprefix("m.room.")]

    async def whole_state_event(self, room_id: str, event_type: str) -> HomeserverAnswer:
        self.meanwhile()
        return await self.state_event(room_id, event_type)


async def test_without_levels_only_the_creator_has_power() -> None:
    none = HomeserverAnswer(404, {"errcode": "M_NOT_FOUND"}, "M_NOT_FOUND")
    powers, joined = await looked(RoomPowersBook(Quiet(power_levels=none)), "!a:hs", "@alice:hs")
    assert (level("@alice:hs", powers), level("@bob:hs", powers), joined) == (100, 0, True)


@pytest.mark.parametrize("part", ["power_levels", "create"])
async def test_a_bot_that_is_put_out_meanwhile_lets_nobody_do_anything(part: str) -> None:
    out = HomeserverAnswer(403, {"errcode": "M_FORBIDDEN"}, "M_FORBIDDEN")
    matrix = Quiet(**{part: out})
    book = RoomPowersBook(matrix)
    book.watched(True)
    assert not (await looked(book, "!a:hs", "@alice:hs"))[1]
    matrix.answers = Quiet().answers  # and that is not remembered
    assert (await looked(book, "!a:hs", "@alice:hs"))[1]


async def test_a_server_that_does_not_say_who_made_the_room_has_said_nothing() -> None:
    content = HomeserverAnswer(200, {"room_version": "11"})
    assert await RoomPowersBook(Quiet(create=content)).look("!a:hs", "@alice:hs") is None


async def test_what_changes_while_it_is_asked_about_is_not_remembered() -> None:
    matrix = Quiet()
    book = RoomPowersBook(matrix)
    book.watched(True)
    matrix.meanwhile = lambda: book.changed("!a:hs")
    await looked(book, "!a:hs", "@alice:hs")
    matrix.meanwhile = lambda: None
    await looked(book, "!a:hs", "@alice:hs")
    await looked(book, "!a:hs", "@alice:hs")
    assert matrix.asked == 2


async def test_so_many_rooms_are_remembered_and_no_more() -> None:
    matrix = Quiet()
    book = RoomPowersBook(matrix)
    book.watched(True)
    for number in range(MAX_ROOMS + 1):
        await looked(book, f"!{number}:hs", "@alice:hs")
    await looked(book, f"!{MAX_ROOMS}:hs", "@alice:hs")
    assert matrix.asked == MAX_ROOMS + 1
    await looked(book, "!0:hs", "@alice:hs")
    assert matrix.asked == MAX_ROOMS + 2
