"""A person sets a limit in the room; a reading leaves it and comes back; the room reads both."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.edges.store import alarms
from tests.end_to_end.running_gateway import RunningGateway, until
from tests.support.homeserver_client import HomeserverProcess
from tests.support.people import Place

pytestmark = pytest.mark.slow


@pytest.fixture(params=["memory", "synapse"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """Either homeserver, over the network."""
    if request.param == "synapse":
        place = Place(request.getfixturevalue("synapse"))
        yield place
        await place.aclose()
        return
    async with HomeserverProcess() as process:
        place = Place(process)
        yield place
        await place.aclose()


async def bodies(world: RunningGateway) -> list[dict[str, Any]]:
    """What stands in the room, oldest first."""
    answer = await world.person.client.messages(world.room.room_id, direction="b", limit=200)
    assert answer.body is not None
    contents = [event["content"] for event in answer.body["chunk"] if event["type"] == "m.room.message"]
    return [one for one in reversed(contents) if "body" in one]


async def test_an_alarm_typed_in_the_room_is_told_and_resolved_there(place: Place, tmp_path: Path) -> None:
    world = RunningGateway(place, tmp_path)
    async with world.running(by_person=True):

        async def stands(beginning: str) -> bool:
            return any(one["body"].startswith(beginning) for one in await bodies(world))

        await world.say()
        await world.until_said(1, world.room.room_id)
        await world.person.say(world.room.room_id, "!cx alarm garden humidity >50")
        await until(lambda: stands("garden: alarm at humidity above 50.0 %RH, over at 47.5 %RH."))
        await world.say(value=512)
        await until(lambda: stands("Alarm: garden humidity 51.2 %RH is above 50.0 %RH"))
        await world.say(value=470)
        await until(lambda: stands("* Resolved: garden humidity 47.0 %RH"))
        found = await bodies(world)
        [raised] = [one for one in found if one["body"].startswith("Alarm:")]
        assert raised["m.mentions"] == {"user_ids": [world.person.user_id]}


async def test_a_limit_of_the_configuration_holds_for_a_node_that_is_added_later(place: Place, tmp_path: Path) -> None:
    world = RunningGateway(place, tmp_path, more='[alarms]\nlimits = ["garden humidity > 50 %RH"]\n')
    async with world.running(by_person=True):

        async def stands(beginning: str) -> bool:
            return any(one["body"].startswith(beginning) for one in await bodies(world))

        async def watched() -> bool:
            return bool(world.gateway.store.read(alarms.watched))

        await until(watched)
        await world.say(value=512)
        await until(lambda: stands("Alarm: garden humidity 51.2 %RH is above 50.0 %RH"))
        [raised] = [one for one in await bodies(world) if one["body"].startswith("Alarm:")]
        assert raised["m.mentions"] == {"room": True}
