"""The state event of a node stands in its room where the bot may put it, and behind everything else."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from comatrix.gateway.downlink.grants import level
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.node_states import REST_MS, NodeStates
from comatrix.gateway.edges.room_powers import RoomPowersBook
from comatrix.gateway.uplink.node_state import EVENT_TYPE, SPACING_MS, Facts, Mark
from comatrix.gateway.uplink.power import needed_to_set
from tests.support.homeserver import Homeserver
from tests.support.people import Person, Place

ENCRYPTION = {"algorithm": "m.megolm.v1.aes-sha2"}


class Scene:
    """A bot in a room of its own, and one node there. `events`: how many state events of the node the room got."""

    def __init__(self, client: MatrixClient, room_id: str) -> None:
        self.client = client
        self.facts = Facts(7, room_id, "garden", interval_s=60)
        self.now_ms = 0
        self.quiet = True
        self.begin()

    def begin(self) -> None:
        """A gateway starts."""
        book = RoomPowersBook(self.client)

        async def may(room_id: str) -> bool:
            found = await book.look(room_id, self.client.user_id)
            assert found is not None
            return level(self.client.user_id, found[0]) >= needed_to_set(found[0].levels, EVENT_TYPE)

        self.states = NodeStates(
            self.client,
            marks=lambda: {7: Mark(self.facts.room_id, self.facts.name, self.facts.silent)},
            facts=lambda node: self.facts,
            may=may,
            quiet=lambda: self.quiet,
            now_ms=lambda: self.now_ms,
            sleep=asyncio.sleep,
        )

    async def step(self, after_ms: int = SPACING_MS) -> None:
        """So much later."""
        self.now_ms += after_ms
        await self.states.step()

    async def there(self, room_id: str = "") -> dict[str, Any] | None:
        """What the room says."""
        answer = await self.client.state_event(room_id or self.facts.room_id, EVENT_TYPE, "7")
        return answer.body if answer.ok else None


@pytest.fixture
async def scene(place: Place) -> Scene:
    client = await place.client()
    return Scene(client, str((await client.create_room("garden", invite=[])).body["room_id"]))  # type: ignore[index]


async def shared(place: Place, **levels: Any) -> tuple[Scene, Person]:
    """The room is a person's, and the bot a guest in it."""
    client, owner = await place.client(), await place.person()
    override = {"users": {owner.user_id: 100}, **levels}
    room_id = await owner.create_room(room_version="11", invite=[client.user_id], power_level_content_override=override)
    assert (await client.join(room_id)).ok
    return Scene(client, room_id), owner


async def test_it_says_what_changed_at_most_every_15_minutes(scene: Scene) -> None:
    await scene.step()
    assert await scene.there() == {"v": 1, "name": "garden", "interval": 60}
    scene.facts = replace(scene.facts, name="shed")
    await scene.step(SPACING_MS - 1)
    assert (await scene.there() or {})["name"] == "garden"
    await scene.step(1)
    assert (await scene.there() or {})["name"] == "shed"


async def test_after_a_restart_the_room_itself_says_what_it_knows(scene: Scene) -> None:
    await scene.step()
    scene.begin()
    scene.facts = replace(scene.facts, name="shed")
    await scene.step(1)
    assert (await scene.there() or {})["name"] == "garden", "the last run may have sent it just now"
    await scene.step()
    assert (await scene.there() or {})["name"] == "shed"


async def test_without_the_power_nothing_is_sent_and_with_it_it_is(place: Place) -> None:
    scene, owner = await shared(place)
    await scene.step()
    assert await scene.there() is None
    levels = {"users": {owner.user_id: 100}, "events": {EVENT_TYPE: 0}}
    await owner.put_state(scene.facts.room_id, "m.room.power_levels", levels)
    await scene.step()
    assert await scene.there() is not None


async def test_a_room_found_encrypted_gets_nothing_and_what_it_had_goes(scene: Scene, place: Place) -> None:
    await scene.step()
    assert (await scene.client.put_state(scene.facts.room_id, "m.room.encryption", "", ENCRYPTION)).ok
    scene.facts = replace(scene.facts, name="shed")
    await scene.step()
    assert (await scene.there() or {})["name"] == "garden", "we heard of it only by asking"
    scene.facts = replace(scene.facts, silent=True)
    scene.quiet = False
    await scene.step(1)
    assert await scene.there() == {}, "at once, whatever else is to be sent"


async def test_an_encrypted_room_that_never_had_any_gets_nothing(scene: Scene) -> None:
    scene.facts = replace(scene.facts, silent=True)
    await scene.step()
    assert await scene.there() is None


async def test_a_room_the_node_left_says_nothing_of_it(scene: Scene) -> None:
    await scene.step()
    left = scene.facts.room_id
    other = (await scene.client.create_room("cellar", invite=[])).body
    scene.facts = replace(scene.facts, room_id=str((other or {})["room_id"]))
    await scene.step()
    assert (await scene.there(left), await scene.there()) == ({}, None)
    await scene.step()
    assert (await scene.there() or {})["name"] == "garden"


async def test_it_waits_while_anything_else_is_to_be_sent(scene: Scene) -> None:
    scene.quiet = False
    await scene.step()
    assert await scene.there() is None
    scene.quiet = True
    await scene.step(1)
    assert await scene.there() is not None


async def test_a_homeserver_that_says_it_is_too_much_is_left_alone(memory: Place, homeserver: Homeserver) -> None:
    client = await memory.client()
    made = await client.create_room("garden", invite=[])
    scene = Scene(client, str((made.body or {})["room_id"]))
    await scene.step()
    scene.facts = replace(scene.facts, name="shed")
    homeserver.fail("limit", path=EVENT_TYPE)
    for _ in range(REST_MS // SPACING_MS):
        await scene.step()
        assert (await scene.there() or {})["name"] == "garden"
    for _ in range(2):  # it is asked what stands there, as either may; then it is sent
        await scene.step()
    assert (await scene.there() or {})["name"] == "shed"
