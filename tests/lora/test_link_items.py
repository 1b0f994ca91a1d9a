"""Items longer than a frame, over the simulated air: each whole and once at a node that listens."""

import pytest
from comatrix_lora.errors import LoraError
from comatrix_lora.offered import MOST_ITEM
from comatrix_lora.rules import Command
from comatrix_lora.station_events import Item

from tests.lora.link_story import LOSSES
from tests.lora.link_world import World


def text(id: int, length: int) -> Command:
    return Command(id, Item.TEXT, bytes((id * 7 + place * (place >> 3)) & 0xFF for place in range(length)))


def met(seed: int, loss: str, limit: int = 222) -> World:
    """A world whose node has said something."""
    world = World(seed, LOSSES[loss], awake=True, limit=limit, duty_ppm=0)
    world.nodes[1].record("h", b"\xa0")
    world.run_ms(60_000)
    return world


def offer(world: World, item: Command, ms: int = 3_600_000) -> None:
    world.items[1] = [item]
    world.offer(1, item)
    world.run_ms(ms)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("limit", [51, 115, 222])
def test_long_texts_come_whole_and_once(loss: str, limit: int) -> None:
    world = met(1, loss, limit)
    items = [text(id, length) for id, length in enumerate((20, 220, 400, MOST_ITEM - 3, 60), 1)]
    for item in items:
        offer(world, item)
    assert world.nodes[1].executed == [1, 2, 3, 4, 5]
    assert world.nodes[1].arguments == [item.arguments for item in items]
    assert len(world.confirmed_ms) == 5 and world.hub.next_deadline(world.now) is None
    assert world.nodes[1].station.malformed == 0


def test_a_long_text_on_a_calm_link_takes_the_frames_it_needs() -> None:
    world = met(2, "none", 115)
    sent = len(world.out["gw/0"].sent)
    offer(world, text(1, 400))
    down = len(world.out["gw/0"].sent) - sent
    assert down == 6, "five fragments, and the ack of the result"


@pytest.mark.parametrize("seed", range(6))
def test_resets_of_either_end_only_delay_a_long_text(seed: int) -> None:
    world = met(seed, "30 %", 51)
    for id in range(1, 6):
        item = text(id, 300)
        offer(world, item, world.random.below(4000))
        (world.nodes[1].reset, world.start_hub)[id % 2]()
        world.run_ms(200)
        world.nodes[1].record("h", b"\xa0")
        if (1, id) not in world.confirmed_ms:
            offer(world, item)
        world.run_ms(60_000)
    assert world.nodes[1].executed == [1, 2, 3, 4, 5] and len(world.confirmed_ms) == 5


def test_an_item_in_place_of_another_comes_and_the_other_does_not() -> None:
    world = met(3, "none", 51)
    offer(world, text(1, 1000), 300)
    offer(world, text(2, 500))
    assert world.nodes[1].executed == [2] and world.nodes[1].arguments == [text(2, 500).arguments]


def test_readings_and_texts_go_on_while_a_long_item_comes() -> None:
    world = met(4, "30 %", 51)
    world.items[1] = [text(1, 1000)]
    world.offer(1, world.items[1][0])
    for i in range(5):
        world.nodes[1].reading(i)
        world.run_ms(500)
    world.nodes[1].record("m", b"\x81\x61x")
    world.run_ms(600_000)
    world.settle()
    assert world.nodes[1].executed == [1] and world.texts(1, "m") == [b"\x81\x61x"]
    assert sorted(row[1] for row in world.shelves[1].rows.values() if row[0] == "r") == list(range(5))


def test_what_no_node_takes_is_refused_with_the_reason() -> None:
    world = met(5, "none", 51)
    with pytest.raises(LoraError, match="1100 bytes, a node takes 1024"):
        world.hub.offer(1, text(1, 1097), world.now)
    assert world.hub.next_deadline(world.now) is None
    assert world.hub.reaches_sleeping(text(1, 20)) and not world.hub.reaches_sleeping(text(1, 40))


def test_a_sleeping_node_is_not_sent_what_no_answer_holds() -> None:
    world = World(6, limit=51)
    world.items[1] = [text(1, 40)]
    world.nodes[1].reading(0)
    world.run_ms(60_000)
    assert world.nodes[1].executed == [] and len(world.out["gw/0"].sent) == 0
