"""Long silence and reboots without end: both ends over the simulated air, and the link heals by itself."""

import pytest
from comatrix_lora.rules import Command

from tests.lora.link_story import LOSSES
from tests.lora.link_world import PERIOD_MS, World

MOST_FRAMES = 16  # of a working link, until one is heard (docs/reference/wire.md, the long form)
CAPACITY = 128


def hears(world: World, whether: bool) -> None:
    """Whether the gateway's radios hear anything."""
    for out in world.out.values():
        (out.radio.listen if whether else out.radio.sleep)()


def say(world: World, first: int, count: int) -> None:
    """That many readings, a period apart."""
    for number in range(first, first + count):
        world.nodes[1].reading(number)
        world.run_ms(PERIOD_MS)


def stored(world: World) -> list[int]:
    return sorted(row[1] for row in world.shelves[1].rows.values() if row[0] == "r")


def frames_until_heard(world: World, first: int) -> int:
    """Readings until one of them is on disk -> frames sent for it."""
    before, rows = len(world.nodes[1].out.sent), len(world.shelves[1].rows)
    for number in range(first, first + 1000):
        say(world, number, 1)
        if len(world.shelves[1].rows) > rows:
            return len(world.nodes[1].out.sent) - before
    raise AssertionError("it never heals")


@pytest.mark.parametrize("frames", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_an_outage_heals_by_itself_and_the_newest_readings_arrive_once(frames: int) -> None:
    world = World(1)
    node, world.keeps = world.nodes[1], False
    node.station.readings_open._capacity = CAPACITY
    say(world, 0, 5)
    hears(world, False)
    sent = len(node.out.sent)
    say(world, 5, frames)
    assert len(node.out.sent) - sent >= frames and stored(world) == list(range(5))
    hears(world, True)
    assert frames_until_heard(world, 5 + frames) <= MOST_FRAMES
    world.settle()
    came = stored(world)
    assert len(set(came)) == len(came)
    missing = sorted(set(range(came[-1] + 1)) - set(came))
    assert missing == list(range(5, 5 + len(missing))), "the oldest are let go, and none between"
    # Five more were let go that had come: nobody told the node.
    assert len(missing) + 5 == node.station.readings_open.lost <= frames + 5 + MOST_FRAMES - CAPACITY
    world.check_airtime()


@pytest.mark.parametrize("says", [False, True])
def test_twenty_reboots_in_a_row_are_healed_by_the_first_frame_that_is_heard(says: bool) -> None:
    """With and without a frame of each life, that nobody hears."""
    world = World(2)
    node = world.nodes[1]
    say(world, 0, 5)
    hears(world, False)
    for life in range(20):
        node.reset()
        world.run_ms(60_000)
        if says:
            say(world, 5 + life, 1)
    hears(world, True)
    number = 25 if says else 5
    assert frames_until_heard(world, number) == 1
    world.settle()
    assert stored(world) == list(range(number + 1))


def test_twenty_restarts_of_the_gateway_in_a_row_lose_nothing_and_its_commands_still_come() -> None:
    world = World(3, awake=True)
    node = world.nodes[1]
    node.record("h", b"\xa0")
    world.run_ms(60_000)
    for life in range(20):
        world.start_hub()
        world.items[1] = [Command(1, 1)]
        world.offer(1, world.items[1][0])  # bound to nothing: this gateway heard no request yet
        world.run_ms(10_000 if life else 60_000)
    say(world, 0, 1)
    world.run_ms(60_000)
    assert node.executed == [1] and (1, 1) in world.confirmed_ms
    assert stored(world) == [0]


def test_both_sides_reboot_twenty_times_over_a_link_that_loses_half() -> None:
    world = World(4, LOSSES["50 %"])
    for life in range(20):
        say(world, 3 * life, 3)
        world.nodes[1].reset()
        world.start_hub()
    world.settle()
    assert stored(world) == list(range(60))
    assert (world.nodes[1].dropped, world.lives) == (0, 21)
