"""Rooms are replaced, and bots are thrown out and let in again: no reading is lost, doubled, or late for long."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("by_person", [True, False], ids=["forbidden", "still_allowed"])
async def test_readings_go_on_in_the_room_that_replaces_theirs(place: Place, tmp_path: Path, by_person: bool) -> None:
    """Whether the bot may still post in the old room (it made it), or may not."""
    world = RunningGateway(place, tmp_path)
    made = {} if by_person else {"room_version": "11"}  # from 12 on only the bot itself could replace its room
    async with world.running(by_person=by_person, **made):
        old = world.room.room_id
        await world.say(3)
        await world.until_said(3, old)
        await world.say(2)  # perhaps under way just now
        new = await world.person.upgrade(old)
        await asyncio.sleep(1)
        await world.say(2)  # the bot knows, and waits to be invited
        await asyncio.sleep(1)
        assert set(await world.counted(old)) <= {1, 2, 3, 4, 5}
        assert (await world.person.client.invite(new, world.user_id)).ok
        await world.until_said(7, old, new)
        await world.say(3)
        await world.until_said(10, old, new)
        newest = [seq for _, seq in await world.seqs(new)]
        assert newest == sorted(newest) and {8, 9, 10} <= {*newest}

        newer = await world.person.upgrade(new)
        await world.say(1)
        assert (await world.person.client.invite(newer, world.user_id)).ok
        await world.until_said(11, old, new, newer)
        await until(lambda: asyncio.sleep(0, world.bound_to() == newer))
        await world.say(1)
        await world.until_said(12, old, new, newer)
        assert 12 in await world.counted(newer)


async def test_a_bot_that_is_let_in_again_goes_on_at_once(place: Place, tmp_path: Path) -> None:
    world = RunningGateway(place, tmp_path)
    async with world.running(by_person=True):
        room_id, person = world.room.room_id, world.person
        said = 0

        async def waits() -> bool:
            return bool(world.gateway.poster.troubles())

        for out in ("kick", "ban"):
            await (person.kick if out == "kick" else person.ban)(room_id, world.user_id)
            await world.say(2)
            said += 2
            await until(waits)
            if out == "ban":
                await person.unban(room_id, world.user_id)
            began = time.monotonic()
            assert (await person.client.invite(room_id, world.user_id)).ok
            await world.until_said(said, room_id)
            assert time.monotonic() - began < 10  # and not the ten minutes of a room's retry


async def test_a_bot_that_may_speak_again_goes_on_at_once(place: Place, tmp_path: Path) -> None:
    world = RunningGateway(place, tmp_path)
    async with world.running(by_person=True):
        room_id, person = world.room.room_id, world.person
        levels = (await person.client.state_event(room_id, "m.room.power_levels")).body or {}
        await person.put_state(room_id, "m.room.power_levels", {**levels, "events_default": 50})
        await world.say(2)

        async def waits() -> bool:
            return bool(world.gateway.poster.troubles())

        await until(waits)
        began = time.monotonic()
        await person.put_state(room_id, "m.room.power_levels", levels)
        await world.until_said(2, room_id)
        assert time.monotonic() - began < 10


async def test_after_a_long_outage_the_rooms_are_followed_as_soon_as_something_is_posted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The sync loop sleeps up to a minute by then; the poster's first success wakes it."""
    caplog.set_level(logging.INFO, logger="comatrix.gateway.edges.room_watch")
    async with HomeserverProcess() as process:
        place = Place(process)
        world = RunningGateway(place, tmp_path)
        async with world.running(by_person=True):
            await process.fail("html", path="/sync", times=1_000)
            await world.say(1)  # ends the long poll
            await world.until_said(1, world.room.room_id)
            await asyncio.sleep(8)  # pauses of 1, 2, 4, and now 8 seconds
            assert "cannot follow the rooms" in caplog.text
            await process.control("DELETE", "faults")
            assert "following the rooms again" not in caplog.text
            began = time.monotonic()
            await world.say(1)
            await until(lambda: asyncio.sleep(0, "following the rooms again" in caplog.text))
            assert time.monotonic() - began < 3
        await place.aclose()
