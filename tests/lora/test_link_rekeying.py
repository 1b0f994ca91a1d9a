"""Appendix B.2 over the simulated air: a node without its state, a gateway put back, keys that grew old."""

from collections.abc import Callable
from copy import deepcopy

import pytest
from comatrix_lora.header import parse_untrusted
from comatrix_lora.medium.loss import LossSettings
from comatrix_lora.rekeying import HOUR_MS, RENEW_AFTER

from comatrix.session.keys import Keys, node_id
from tests.lora.frame_sides import LORA
from tests.lora.link_story import LOSSES
from tests.lora.link_world import PERIOD_MS, World
from tests.session.recording import SECRET, Recorder


def read(world: World, first: int, end: int) -> None:
    """Readings a period apart."""
    for i in range(first, end):
        world.nodes[1].reading(i)
        world.run_ms(PERIOD_MS)


def check(world: World, readings: int) -> None:
    """Both ends agree on the keys, and every reading is there once."""
    world.settle()
    shelf, node = world.shelves[1], world.nodes[1]
    assert node.extra == shelf.extra and len(shelf.extra) == 16
    assert sorted(row[1] for row in shelf.rows.values() if row[0] == "r") == list(range(readings))
    assert node.station.readings_open.lost == 0
    world.check_airtime()


def sealed_under(world: World, extra: bytes) -> int:
    """How many messages the node sealed with the keys of these bytes."""
    key = Keys(SECRET, node_id(1), b"", Recorder().aead, LORA).context(extra).sender._key  # type: ignore[attr-defined]
    return sum(one == key for one, _ in world.recorder.sealed)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_node_without_state_makes_keys_first_and_loses_nothing(loss: str, seed: int) -> None:
    world = World(seed, LOSSES[loss], fresh=True)
    read(world, 0, 5)
    check(world, 5)
    assert sealed_under(world, b"") == 0


@pytest.mark.parametrize("loss", LOSSES)
def test_a_node_that_lost_its_counter_goes_on_above_all_that_came_from_it(loss: str) -> None:
    world = World(3, LOSSES[loss])
    read(world, 0, 40)
    world.settle()
    before = sealed_under(world, b"")
    highest = max(world.shelves[1].rows)
    world.nodes[1].lose()
    read(world, 40, 44)
    check(world, 44)
    assert sealed_under(world, b"") == before
    assert min(seq for seq, row in world.shelves[1].rows.items() if row == ("r", 40)) > highest


def _reset_at(world: World, number: int, later_us: int, reset: Callable[[], None]) -> None:
    count = 0

    def on_frame(data: bytes, end_us: int) -> None:
        nonlocal count
        count += 1
        if count == number:
            world.medium.at(end_us + later_us, reset)

    world.on_frame = on_frame


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("later_ms", [-5, 1, 12, 35])
@pytest.mark.parametrize("who", ["node", "gateway", "both"])
def test_a_reset_of_either_end_at_any_step_heals(number: int, later_ms: int, who: str) -> None:
    world = World(4, fresh=True)

    def reset() -> None:
        if who != "gateway":
            world.nodes[1].reset()
        if who != "node":
            world.start_hub()

    _reset_at(world, number, 1000 * later_ms, reset)
    read(world, 0, 3)
    check(world, 3)


@pytest.mark.parametrize("seed", range(4))
def test_resets_and_losses_together_heal(seed: int) -> None:
    world = World(seed, LossSettings(independent=0.4), fresh=True)
    for i in range(12):
        read(world, i, i + 1)
        world.medium.after(1000 * world.random.below(6000), (world.nodes[1].reset, world.start_hub)[i % 2])
        if i % 4 == 3:
            world.settle()
            world.nodes[1].lose()
    check(world, 12)


def test_new_keys_that_could_not_be_stored_never_were() -> None:
    world = World(5, fresh=True)
    world.store_fails = [True, True]
    read(world, 0, 2)
    check(world, 2)
    assert not world.store_fails and len(world.shelves[1].extras) == 1


@pytest.mark.parametrize("loss", ["none", "30 %", "50 %"])
def test_a_restored_gateway_and_its_nodes_meet_again_without_anybody(loss: str) -> None:
    world = World(6, LOSSES[loss])
    read(world, 0, 10)
    world.settle()
    copy = deepcopy(world.shelves)
    read(world, 10, 20)
    world.settle()
    later = world.shelves[1].rows
    world.restore(copy)
    read(world, 20, 80)
    world.settle()
    came = {row[1] for row in world.shelves[1].rows.values()}
    assert came | {row[1] for row in later.values()} == set(range(80))
    assert came >= set(range(20, 80)) and world.nodes[1].extra == world.shelves[1].extra != b""


def test_a_gateway_that_is_away_is_asked_for_keys_at_most_once_an_hour() -> None:
    world = World(7)
    read(world, 0, 3)
    starts: list[int] = []
    frames = 0

    def on_frame(data: bytes, end_us: int) -> None:
        nonlocal frames
        if parse_untrusted(data).step == 1:
            frames += 1
            if not starts or world.now - starts[-1] > 120_000:
                starts.append(world.now)

    world.on_frame = on_frame
    for out in world.out.values():
        out.radio.sleep()
    read(world, 3, 100)
    assert len(starts) > 5 and frames == 6 * len(starts)
    assert all(starts[i + 1] - starts[i] >= HOUR_MS for i in range(len(starts) - 1))
    for out in world.out.values():
        out.radio.listen()
    read(world, 100, 103)
    world.settle()
    assert sorted(row[1] for row in world.shelves[1].rows.values()) == list(range(103))


def test_keys_are_made_anew_after_a_million_messages() -> None:
    world = World(8)
    node = world.nodes[1]
    node.limit = RENEW_AFTER - 40
    node.reset()
    read(world, 0, 60)
    check(world, 60)
    assert len(world.shelves[1].extras) == 1 and max(world.shelves[1].rows) > RENEW_AFTER


def test_request_2_goes_again_soon_however_long_request_1_was_in_vain() -> None:
    """A node that sleeps has seconds for it: of a run nothing is left when it wakes."""
    world = World(fresh=True)
    radios = [out.radio for out in world.out.values()]
    second: list[int] = []

    def begins(data: bytes, end_us: int) -> None:
        if parse_untrusted(data).step == 2:
            second.append(world.now)
            for radio in radios:
                radio.sleep() if len(second) == 1 else radio.listen()  # the first is not heard

    for radio in radios:
        radio.sleep()
    world.nodes[1].reading(0)
    world.run_ms(HOUR_MS)
    world.on_frame = begins
    for radio in radios:
        radio.listen()
    world.run_ms(HOUR_MS)
    assert second[1] - second[0] < 3000
    check(world, 1)
