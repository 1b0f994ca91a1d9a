"""A silent node is told of once, and when it is back; a restart is no storm."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from comatrix.gateway.edges.store import alarm_events, nodes, rooms
from tests.gateway.desk.alarm_world import MINUTE_MS, AlarmWorld

INTERVAL_S = 900


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AlarmWorld]:
    """Garden said hello and wakes every 15 minutes."""
    world = AlarmWorld(tmp_path)
    await world.start()
    world.every(INTERVAL_S)
    await world.look()
    yield world
    await world.crash()


async def pass_minutes(world: AlarmWorld, minutes: int) -> None:
    """The loop looks every now and then."""
    for _ in range(minutes):
        await world.after(MINUTE_MS)
        await world.look()


async def test_silent_after_three_intervals_once_and_back_once(world: AlarmWorld) -> None:
    await pass_minutes(world, 45)
    assert world.events() == []
    await pass_minutes(world, 300)
    [event] = world.events()
    assert event["body"] == ("garden is silent: last heard 22:13:20, 46 min 0 s ago; it should be heard every 15 min")
    assert (event["msgtype"], event["m.mentions"]) == ("m.text", {})
    await world.read(350)
    await pass_minutes(world, 10)
    _, back = world.events()
    assert (
        back["m.new_content"]["body"]
        == "garden is back online: it was silent for 5 h 46 min, since 2023-11-14 22:13:20"
    )
    assert back["m.new_content"]["eu.comatrix.presence"]["state"] == "online"


async def test_a_node_that_speaks_is_never_silent(world: AlarmWorld) -> None:
    for _ in range(20):
        await pass_minutes(world, 14)
        await world.read(350)
    assert world.events() == []


async def test_no_storm_after_a_restart(world: AlarmWorld) -> None:
    await world.read(350)
    await world.again(after_ms=100 * INTERVAL_S * 1000)
    await world.look()
    await pass_minutes(world, 15)
    await world.read(350)
    await pass_minutes(world, 30)
    assert world.events() == []


async def test_what_was_told_is_not_told_again_after_a_restart(world: AlarmWorld) -> None:
    await pass_minutes(world, 60)
    await world.again(after_ms=3_600_000)
    await world.look()
    await pass_minutes(world, 120)
    assert len(world.events()) == 1
    await world.read(350)
    await world.look()
    assert world.bodies()[1].startswith("* garden is back online")


async def test_the_log_says_after_a_restart_when_a_node_was_heard(world: AlarmWorld) -> None:
    await pass_minutes(world, 10)
    await world.read(350)
    await world.again()
    await world.look()
    await pass_minutes(world, 60)
    assert world.bodies()[0].startswith("garden is silent: last heard 22:24:20")


async def test_a_blocked_node_is_nobodys_concern(world: AlarmWorld) -> None:
    await pass_minutes(world, 60)
    world.store.write(lambda connection: nodes.block(connection, world.garden.number, True))
    await pass_minutes(world, 120)
    assert world.bodies()[1].endswith("- nobody waits for it any more")
    assert world.store.read(alarm_events.silent) == {}
    world.store.write(lambda connection: nodes.block(connection, world.garden.number, False))
    await pass_minutes(world, 15)
    assert len(world.events()) == 2


async def test_nothing_is_said_in_an_encrypted_room(world: AlarmWorld) -> None:
    world.store.write(lambda connection: rooms.set_encrypted(connection, world.room_.id))
    await pass_minutes(world, 60)
    assert world.events() == [] and world.store.read(alarm_events.silent) != {}


async def test_switched_off_nobody_is_told_and_what_was_told_ends(world: AlarmWorld) -> None:
    await pass_minutes(world, 60)
    world.silence = False
    await world.again()
    await world.look()
    assert world.bodies()[1].endswith("- nobody waits for it any more")
    await pass_minutes(world, 120)
    assert len(world.events()) == 2


async def test_who_is_back_is_told_of_within_seconds(world: AlarmWorld) -> None:
    await pass_minutes(world, 60)
    await world.read(350, after_ms=6_000)
    await world.after(1_000)
    assert world.bodies()[1].startswith("* garden is back online")
