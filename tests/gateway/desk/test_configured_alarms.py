"""Limits in the configuration: in force from the next start, without a storm, and behind what people set."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from comatrix.gateway.edges.store import alarms, nodes
from comatrix.gateway.uplink.alarms import MOST_PER_NODE
from tests.gateway.desk.alarm_world import ANN, AlarmWorld

LIMIT = "garden battery < 3.3 V"
IN_FILE = "battery below 3.30 V, over at 3.46 V: ok (by the configuration)"
BY_ANN = f"battery below 3.00 V, over at 3.15 V: ok (by {ANN})"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AlarmWorld]:
    """Started with a limit of 3.3 V in its configuration."""
    world = AlarmWorld(tmp_path, limits=[LIMIT])
    await world.start()
    world.poster.on_posted(lambda row: world.alarming.posted(row))
    await world.look()
    yield world
    await world.crash()


def listed(world: AlarmWorld) -> list[str]:
    return world.type("alarm garden").splitlines()[1:]


async def restarted(world: AlarmWorld, *limits: str) -> None:
    """With these limits in the file."""
    world.limits = limits
    await world.again()
    await world.look()


async def test_a_limit_of_the_configuration_tells_the_whole_room(world: AlarmWorld) -> None:
    assert listed(world) == [IN_FILE]
    await world.read(329)
    [event] = world.events()
    assert event["body"] == "Alarm: garden battery 3.29 V is below 3.30 V"
    assert event["m.mentions"] == {"room": True}


async def test_readings_from_before_it_stood_there_are_not_judged(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path)
    await world.start()
    await world.read(329)
    await restarted(world, LIMIT)
    assert world.events() == []
    await world.crash()


async def test_a_start_keeps_an_alarm_that_stands(world: AlarmWorld) -> None:
    await world.read(329)
    for _ in range(3):
        await restarted(world, LIMIT)
        await world.read(328)
    assert len(world.events()) == 1
    await world.read(350)
    await world.look()
    assert world.bodies()[1:] == ["* Resolved: garden battery 3.50 V, it was below 3.30 V for 4 min 0 s"]


async def test_one_that_left_the_file_is_gone_at_the_next_start_and_its_alarm_ends(world: AlarmWorld) -> None:
    await world.read(329)
    await restarted(world)
    await world.look()
    assert world.type("alarm garden").startswith("garden has no alarm.")
    assert world.bodies()[1:] == [
        "* Alarm: garden battery 3.29 V is below 3.30 V - it is not in the configuration any more"
    ]
    await world.read(329)
    assert len(world.events()) == 2


async def test_only_the_side_that_left_the_file_is_gone(world: AlarmWorld) -> None:
    await restarted(world, LIMIT, "garden battery > 4 V")
    await restarted(world, LIMIT)
    assert listed(world) == [IN_FILE]


async def test_one_that_was_changed_in_the_file_begins_anew(world: AlarmWorld) -> None:
    await world.read(329)
    await restarted(world, "garden battery < 3.0 V")
    await world.look()
    assert world.bodies()[1:] == ["* Alarm: garden battery 3.29 V is below 3.30 V - its limit was changed"]
    assert world.state() == ["ok"]


async def test_a_persons_limit_stands_instead_through_restarts_until_it_is_switched_off(world: AlarmWorld) -> None:
    world.type("alarm garden battery <3.0V")
    await restarted(world, LIMIT)
    assert listed(world) == [BY_ANN]
    await world.read(320)
    assert world.events() == []
    said = world.type("alarm garden battery off")
    assert said == (
        "garden: no alarm any more at battery below 3.00 V; the configuration sets battery below 3.30 V, "
        "to be ended there: [alarms] limits."
    )
    assert listed(world) == [IN_FILE]
    await world.read(320)
    assert world.bodies() == ["Alarm: garden battery 3.20 V is below 3.30 V"]


async def test_a_persons_limit_outlives_the_one_in_the_file(world: AlarmWorld) -> None:
    world.type("alarm garden battery <3.0V")
    await restarted(world)
    assert listed(world) == [BY_ANN]


async def test_limits_on_both_sides_stand_beside_each_other(world: AlarmWorld) -> None:
    world.type("alarm garden battery >4V")
    assert listed(world) == [IN_FILE, f"battery above 4.00 V, over at 3.80 V: ok (by {ANN})"]
    world.type("alarm garden off")
    assert listed(world) == [IN_FILE]


async def test_an_alarm_of_the_same_limit_goes_on_when_the_persons_is_switched_off(world: AlarmWorld) -> None:
    world.type("alarm garden battery <3.3V")
    await world.read(329)
    world.type("alarm garden off")
    await world.read(328)
    assert len(world.events()) == 1 and world.state() == ["raised"]


async def test_a_command_does_not_switch_off_what_the_configuration_sets(world: AlarmWorld) -> None:
    said = "garden: the configuration sets battery below 3.30 V, to be ended there: [alarms] limits."
    assert world.type("alarm garden battery off") == said
    assert world.type("alarm garden off") == said
    assert world.type("alarm garden humidity off") == "There is no such alarm at garden."
    assert listed(world) == [IN_FILE]


async def test_an_unknown_node_is_told_once_a_start_and_the_others_are_looked_at(world: AlarmWorld) -> None:
    await restarted(world, "gardn temperature >30", LIMIT)
    world.alarming.poke()
    await world.look()
    assert world.operator == [
        "[alarms] limits: there is no node 'gardn', so gardn temperature above 30.00 °C is not looked at"
    ]
    assert listed(world) == [IN_FILE]


async def test_a_limit_follows_the_node_that_has_its_name(world: AlarmWorld) -> None:
    world.store.write(lambda connection: nodes.rename(connection, world.garden.number, "shed"))
    world.alarming.poke()
    await world.look()
    assert world.store.read(alarms.of) == [] and len(world.operator) == 1
    world.store.write(lambda connection: nodes.rename(connection, world.garden.number, "GARDEN"))
    world.alarming.poke()
    await world.look()
    assert [one.set_by for one in world.store.read(alarms.of)] == ["configuration"]


async def test_a_node_may_be_named_by_its_number(world: AlarmWorld) -> None:
    await restarted(world, f"{world.garden.number} battery <3.3V")
    assert listed(world) == [IN_FILE] and world.operator == []


async def test_what_does_not_fit_beside_peoples_limits_is_told(world: AlarmWorld) -> None:
    await restarted(world)
    set_by_ann = words_with_limits(MOST_PER_NODE)
    for line in set_by_ann:
        world.type(f"alarm garden {line}")
    await restarted(world, LIMIT)
    assert world.operator == ["[alarms] limits: A node has at most 16 alarms: switch one off first"]
    world.type(f"alarm garden {set_by_ann[0].split()[0]} off")
    world.alarming.poke()
    await world.look()
    assert IN_FILE in listed(world)


def words_with_limits(count: int) -> Sequence[str]:
    words = ["temperature", "humidity", "pressure", "illuminance", "co2", "wind-speed", "rain", "distance"]
    found = [f"{word} {side}" for word in words for side in ("<1", ">2")]
    assert len(found) >= count
    return found[:count]
