"""Commands over the simulated air: each executed once, its result confirmed, soon where the node listens."""

import pytest
from comatrix_lora.rules import Command

from tests.lora.command_latency import LIMIT_MS, measure, measure_many
from tests.lora.link_story import LOSSES
from tests.lora.link_world import PERIOD_MS, World


def test_commands_to_a_node_that_listens_are_confirmed_within_a_minute() -> None:
    found = measure(500, seed=1)
    assert len(found) == 500 and found[-1] <= 60_000
    assert found[len(found) // 2] < 1_500


@pytest.mark.slow
def test_none_of_two_thousand_commands_takes_longer_than_a_minute() -> None:
    found = measure_many(2000, 2, 0.3, 7, 2)
    assert len(found) == 2000 and found[-1] <= LIMIT_MS
    assert found != sorted(measure(1000, seed=20_000) * 2), "each pair has a seed of its own"


@pytest.mark.parametrize("loss", ["none", "30 %", "50 % in bursts"])
def test_a_sleeping_node_takes_commands_with_its_own_frames_and_each_once(loss: str) -> None:
    world = World(3, LOSSES[loss])
    node = world.nodes[1]
    world.items[1] = [Command(id, 1, b"\x18\x1e") for id in range(1, 9)]
    for i in range(60):
        node.reading(i)
        world.run_ms(PERIOD_MS)
    assert node.executed == list(range(1, 9))
    assert [id for _, id in sorted(world.confirmed_ms)] == node.executed


def test_a_command_comes_even_where_the_frame_did_not_ask() -> None:
    """On a calm link the first reading asks for nothing: the item alone is the answer."""
    world = World(4)
    node = world.nodes[1]
    world.items[1] = [Command(1, 2)]
    node.reading(0)
    world.run_ms(5_000)
    assert node.executed == [1] and (1, 1) in world.confirmed_ms


def test_resets_while_commands_come_execute_none_twice() -> None:
    world = World(5, LOSSES["30 %"], awake=True)
    node = world.nodes[1]
    node.record("h", b"\xa0")
    world.run_ms(30_000)
    for id in range(1, 41):
        world.items[1] = [Command(id, 1)]
        world.offer(1, world.items[1][0])
        world.run_ms(world.random.below(3000))
        (node.reset, world.start_hub)[id % 2]()
        node.record("h", b"\xa0")
        world.run_ms(200)
        if (1, id) not in world.confirmed_ms:
            world.offer(1, world.items[1][0])
        world.run_ms(60_000)
    assert node.executed == list(range(1, 41))
    assert len(world.confirmed_ms) == 40


def test_the_time_comes_with_an_answer_to_the_newest_request() -> None:
    world = World(6)
    node = world.nodes[1]
    node.record("h", b"\xa0")
    world.run_ms(5_000)
    assert len(node.times) == 1 and 0 <= node.times[0] - 1_800_000_000 < 5
