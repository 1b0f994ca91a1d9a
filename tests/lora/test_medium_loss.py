"""Loss on a link: its share and its bursts are what was asked for, and each direction has its own."""

import itertools

import pytest
from comatrix_lora.medium import acceptance
from comatrix_lora.medium.acceptance import LOSSES
from comatrix_lora.medium.loss import LossProcess, LossSettings
from comatrix_lora.medium.randomness import Stream
from comatrix_lora.medium.statistics import Outcome

from tests.support.scripted_air import ScriptedAir

FRAMES = 5_000


@pytest.mark.parametrize(("share", "burst"), LOSSES)
def test_the_share_lost_and_the_bursts_are_as_set(share: float, burst: float) -> None:
    settings = LossSettings(bursts=share, burst_frames=burst)
    lost = acceptance.losses(settings, FRAMES, seed=2)
    assert abs(acceptance.stationary_loss(lost, settings).deviations) <= 3
    assert abs(acceptance.burst_length(lost, settings).deviations) <= 3


@pytest.mark.slow
@pytest.mark.parametrize(("share", "burst"), LOSSES)
def test_of_many_links_the_share_lost_and_the_bursts_are_as_set(share: float, burst: float) -> None:
    settings = LossSettings(bursts=share, burst_frames=burst)
    process_of = [LossProcess(settings, Stream(3, link)) for link in range(20)]
    for process in process_of:
        lost = [process.next_outcome() is Outcome.BURST for _ in range(50_000)]
        # 160 figures at 3 sigma would fail now and then by chance alone.
        assert abs(acceptance.stationary_loss(lost, settings).deviations) <= 4
        assert abs(acceptance.burst_length(lost, settings).deviations) <= 4


def test_independent_loss_has_no_memory() -> None:
    process = LossProcess(LossSettings(independent=0.3), Stream(1))
    lost = [process.next_outcome() is Outcome.INDEPENDENT for _ in range(20_000)]
    after_a_loss = [now for before, now in itertools.pairwise(lost) if before]
    for found, of in ((sum(lost), len(lost)), (sum(after_a_loss), len(after_a_loss))):
        assert abs(found / of - 0.3) <= 3 * (0.3 * 0.7 / of) ** 0.5


def test_a_chain_starts_in_the_state_it_has_in_the_long_run() -> None:
    settings = LossSettings(bursts=0.3, burst_frames=50.0)
    first = [LossProcess(settings, Stream(1, link)).next_outcome() for link in range(3_000)]
    assert abs(first.count(Outcome.BURST) / 3_000 - 0.3) <= 3 * (0.3 * 0.7 / 3_000) ** 0.5


def test_both_processes_take_frames_and_each_is_counted_as_its_own() -> None:
    process = LossProcess(LossSettings(independent=0.2, bursts=0.3), Stream(1))
    told = [process.next_outcome() for _ in range(20_000)]
    assert abs(told.count(Outcome.INDEPENDENT) / 20_000 - 0.2 * 0.7) < 0.02
    assert abs(told.count(Outcome.RECEIVED) / 20_000 - 0.8 * 0.7) < 0.03


def test_each_direction_of_a_link_has_a_loss_of_its_own() -> None:
    air = ScriptedAir()
    node = air.listener("node", loss_db=100.0)
    air.medium.set_loss(node, air.gateway, LossSettings(independent=1.0))
    air.medium.at(0, lambda: node.transmit(b"up"))
    air.medium.at(1_000_000, lambda: air.gateway.transmit(b"down"))
    assert air.run() == ["node>gw independent loss", "gw>node received"]
    assert node.statistics.received == 1
    assert air.gateway.statistics.lost == {Outcome.INDEPENDENT: 1}


def test_the_loss_of_the_medium_holds_for_links_that_have_none_of_their_own() -> None:
    air = ScriptedAir(loss=LossSettings(independent=1.0))
    spared = air.send("spared", 0)
    air.medium.set_loss(spared, air.gateway, None)
    air.send("node", 1_000_000)
    assert air.run() == ["spared>gw received", "node>gw independent loss"]


def test_what_another_link_carries_does_not_move_a_links_losses() -> None:
    def told(others: bool) -> list[str]:
        air = ScriptedAir(loss=LossSettings(bursts=0.5))
        node, other = air.medium.radio("node", (100.0,)), air.medium.radio("other", (100.0,))
        for number in range(50):
            air.medium.at(number * 1_000_000, lambda: node.transmit(b""))
            if others:
                air.medium.at(number * 1_000_000 + 500_000, lambda: other.transmit(b""))
        return [line for line in air.run() if line.startswith("node")]

    assert told(True) == told(False)
    assert len(set(told(True))) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"independent": -0.1},
        {"independent": 1.1},
        {"bursts": 1.0},
        {"bursts": 0.3, "burst_frames": 0.5},
        {"bursts": 0.9, "burst_frames": 2.0},
    ],
)
def test_what_no_such_process_can_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="burst"):
        LossSettings(**wrong)
