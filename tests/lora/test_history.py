"""History over links that lose both ways: all of it arrives, once, in order, for little airtime."""

from importlib import import_module
from pathlib import Path

import pytest

from tests.lora.history_figures import CASES, LIMITS, measure
from tests.lora.history_simulation import Simulation
from tests.support.micropython import ROOT, run_script

SCRIPT = ROOT / "tests" / "lora" / "history_simulation.py"
LOSSY = [case for case in CASES if case[1] >= 30]
HEAP = """
import gc
from comatrix_lora.history import History
gc.collect()
before = gc.mem_alloc()
history = History(lambda values, aged: 15 + 5 * len(values), 600000, 64)
for seq in range(100000, 101000):
    history.add(seq, (2000 + seq % 7, 450), seq * 600)
    history.next_frame(seq, seq * 600, lambda size: size, 51)
gc.collect()
print(len(history.records), gc.mem_alloc() - before)
"""


@pytest.mark.parametrize(("sf", "percent", "burst"), LOSSY)
def test_all_arrives_once_and_in_order_for_little_airtime(sf: int, percent: int, burst: int) -> None:
    figures = measure(sf, percent, burst, 1500)
    assert figures.broken() == []


@pytest.mark.slow
@pytest.mark.parametrize(("sf", "percent", "burst"), CASES)
def test_all_of_5000_arrives_once_and_in_order_for_little_airtime(sf: int, percent: int, burst: int) -> None:
    figures = measure(sf, percent, burst, 5000)
    assert figures.broken() == []
    assert figures.late < 0.25
    assert figures.most_open < 128


@pytest.mark.parametrize("sf", [7, 10, 12])
def test_a_link_that_loses_nothing_costs_a_tenth_more_at_most(sf: int) -> None:
    figures = measure(sf, 0, 0, 1000)
    assert figures.problems == []
    assert figures.both <= LIMITS[sf, 0][1]
    assert figures.late == figures.delay_most == 0


def test_bytes_that_cost_no_airtime_carry_a_second_copy() -> None:
    """At SF10 a frame of 19 bytes takes as long as one of 15."""
    assert measure(10, 0, 0, 500).older > 0.9
    assert measure(7, 0, 0, 500).older < 0.3


def test_history_goes_on_through_reboots_of_both_sides() -> None:
    simulation = Simulation(10, 30, 4, 5)
    for life in range(20):
        for _ in range(7):
            simulation.reading()
        simulation.reboot(32)
        if life % 3 == 0:
            simulation.restart()
    simulation.run(50)
    assert simulation.problems() == []
    assert simulation.counter > 20 * 32


def test_a_reboot_every_frame_heals() -> None:
    """Every open reading is 32 counters from the next: groups of one."""
    simulation = Simulation(10, 50, 0, 5)
    for _ in range(20):
        simulation.reading()
        simulation.reboot(32)
    simulation.run(0)
    assert simulation.problems() == []


def test_counters_of_other_frames_between_readings_change_nothing() -> None:
    simulation = Simulation(7, 30, 4, 6)
    for number in range(400):
        simulation.reading()
        if number % 5 == 0:
            simulation.other_frames(1 + number % 40)
    simulation.run(20)
    assert simulation.problems() == []


@pytest.mark.parametrize("frames", [1000, pytest.param(10000, marks=pytest.mark.slow)])
def test_an_outage_costs_what_the_buffer_cannot_hold_and_no_more(frames: int) -> None:
    simulation = Simulation(10, 0, 0, 7, capacity=64)
    for _ in range(200):
        simulation.reading()
    simulation.up = simulation.down = lambda: True
    for _ in range(frames):
        simulation.reading()
    assert len(simulation.history.records) == 64
    let_go = simulation.history.dropped
    simulation.up = simulation.down = lambda: False
    simulation.run(30)
    assert simulation.history.records == []
    assert simulation.history.dropped == let_go + 1, "the first reading after the outage pushed one out"
    lost = sorted(set(simulation.made) - set(simulation.stored))
    assert lost == list(range(200, 200 + frames - 63))
    assert sorted(seq for seq, _, _ in simulation.posted) == sorted(simulation.stored)


def test_while_only_acks_are_lost_readings_still_arrive() -> None:
    simulation = Simulation(10, 30, 0, 8, capacity=64)
    simulation.down = lambda: True
    for _ in range(2000):
        simulation.reading()
    assert len(simulation.stored) >= 0.998 * 1936
    assert len(simulation.history.records) == 64


@pytest.mark.parametrize(("percent", "burst"), [(0, 0), (30, 0), (50, 4)])
def test_micropython_chooses_the_very_same(tmp_path: Path, percent: int, burst: int) -> None:
    arguments = ("10", str(percent), str(burst), "300", "1")
    found = run_script(SCRIPT.read_text(), tmp_path, heap="4m", arguments=arguments).splitlines()
    simulation = Simulation(10, percent, burst, 1)
    simulation.run(300)
    assert found[-1] == simulation.transcript.digest().hex()
    assert found[0].startswith("[] ")


def test_sixty_four_open_readings_fit_16_kilobytes_of_a_board(tmp_path: Path) -> None:
    count, size = map(int, run_script(HEAP, tmp_path, heap="256k").split())
    assert count == 64
    assert size <= 16384


def test_the_page_shows_the_limits_that_are_tested() -> None:
    page = (ROOT / "docs" / "reference" / "lora-history.md").read_text()
    head = import_module("tests.lora.history_figures").HEAD
    assert head in page
    for (sf, percent), (up, both) in LIMITS.items():
        assert f"| {sf} | {percent} % |" in page
        assert f"| {up:.2f} / {both:.2f} |" in page
