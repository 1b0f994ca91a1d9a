"""Both ends over the simulated air: everything arrives exactly once, in order, within the law, through resets too."""

import pytest
from comatrix_lora.ledger import ALARM

from tests.lora.link_story import LOSSES, check, story
from tests.lora.link_world import PERIOD_MS, World

READINGS = 60


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("sf", [7, 10])
def test_everything_arrives_exactly_once_and_in_order(loss: str, sf: int) -> None:
    world = World(2, LOSSES[loss], sf=sf)
    check(world, READINGS, story(world, READINGS))


@pytest.mark.parametrize("loss", ["30 %", "50 % in bursts"])
@pytest.mark.parametrize("seed", [1, 2])
def test_resets_of_node_and_gateway_lose_and_double_nothing(loss: str, seed: int) -> None:
    world = World(seed, LOSSES[loss])
    check(world, READINGS, story(world, READINGS, faults=3))
    assert world.lives > 20 and world.nodes[1].limit > 60 + 32 * 10


@pytest.mark.slow
@pytest.mark.parametrize("loss", list(LOSSES)[1:])
@pytest.mark.parametrize("seed", range(5, 15))
def test_long_lives_with_resets(loss: str, seed: int) -> None:
    world = World(seed, LOSSES[loss], sf=(7, 9, 12)[seed % 3], limit=(222, 115, 51)[seed % 3])
    check(world, 300, story(world, 300, faults=seed % 4))


def test_nodes_that_wake_together_all_get_through() -> None:
    world = World(3, LOSSES["30 %"], nodes=6, awake=False)
    check(world, 24, story(world, 24))


def test_what_is_on_an_empty_link_arrives_at_once_and_nothing_is_late() -> None:
    world = World(4)
    check(world, 40, story(world, 40))
    assert not any(late for _, late in world.shelves[1].posted)
    assert max(world.shelves[1].arrived_ms.values()) < 40 * PERIOD_MS


def test_two_radios_make_one_message_of_two_receptions_and_one_answer() -> None:
    world = World(5, radios=2)
    check(world, 40, story(world, 40))
    heard = len(world.nodes[1].out.sent)
    answers = sum(len(out.sent) for out in world.out.values())
    assert world.shelves[1].receptions == 2 * heard
    assert 0 < answers < heard
    assert world.hub.ignored == answers, "each radio hears what the other sends, and nothing else is nobody's"
    assert world.nodes[1].station.ignored == 0


def test_two_radios_hear_more_than_one() -> None:
    alone, both = World(6, LOSSES["50 %"]), World(6, LOSSES["50 %"], radios=2)
    for world in (alone, both):
        check(world, READINGS, story(world, READINGS))
    assert len(both.nodes[1].out.sent) < len(alone.nodes[1].out.sent)


def test_a_crowded_hour_only_delays() -> None:
    """0.1 % at SF10: more is made than the law lets out, and nobody is told an error."""
    world = World(7, sf=10, duty_ppm=1000, limit=51)
    node = world.nodes[1]
    for i in range(90):
        node.reading(i)
        world.run_ms(10_000)
    world.settle()
    assert sorted(row[1] for row in world.shelves[1].rows.values()) == list(range(90))
    assert len(node.out.sent) < 60, "a backlog rides in few frames"
    world.check_airtime()


def test_an_alarm_overtakes_what_waits_and_is_confirmed_soon() -> None:
    world = World(8, LOSSES["30 %"], sf=10, limit=51)
    node = world.nodes[1]
    for i in range(200):
        node.reading(i)
        world.run_ms(10_000)
    node.record("d", bytes(300))
    world.run_ms(120_000)
    assert not node.idle and world.texts(1, "d") == []
    start = world.now
    node.reading(999, ALARM)
    world.run_ms(60_000)
    shelf = world.shelves[1]
    [(seq, _)] = [(seq, row) for seq, row in shelf.rows.items() if row == ("r", 999)]
    assert shelf.arrived_ms[seq] - start < 20_000
    assert ("r", seq) in node.delivered
    world.check_airtime()


def test_a_node_that_sleeps_listens_only_after_what_it_sent() -> None:
    world = World(9)
    node = world.nodes[1]
    for i in range(20):
        node.reading(i)
        world.run_ms(PERIOD_MS - 1000)
        assert node.out.radio.state == "sleeping" and not node.station.listens(world.now)
        world.run_ms(1000)
