"""Readings from a station to a hub on the simulated air: `python -m tests.lora.station_figures [--readings 100000]`.

The frames are real, sealed and opened; both directions lose alike. Ends with 1 when a reading was lost, doubled,
changed or out of order, when the duty cycle was broken, or when a figure is above its limit."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from comatrix_lora.airtime import airtime_us
from comatrix_lora.medium.loss import LossSettings

from tests.lora.history_figures import LIMITS
from tests.lora.history_simulation import DATA, Generator, Weather
from tests.lora.link_world import PERIOD_MS, World, number_of

SFS = (7, 10, 12)
LOSSES = ((0, 0), (30, 0), (30, 4), (50, 0), (50, 4))  # percent, frames of a burst
CASES = [(sf, percent, burst) for sf in SFS for percent, burst in LOSSES]
FRAME_LIMITS = {7: 222, 10: 51, 12: 51}
TIME_EACH_MS = 6 * 3_600_000
CAPACITY = 128  # what a station has, not what the world gives it
HEAD = "| SF | loss | losses | frames | up | with acks | at most | late | open at most |"


@dataclass(frozen=True)
class Figures:
    """One case. `up` and `both`: airtime by that of one 15-byte frame a reading on a lossless link."""

    sf: int
    percent: int
    burst: int
    frames: float
    up: float
    both: float
    late: float
    most_open: int
    problems: list[str]

    def broken(self) -> list[str]:
        """What is not as promised."""
        up, both = LIMITS[self.sf, self.percent]
        figures = (("up", self.up, up), ("with acks", self.both, both))
        return self.problems + [f"{name} {found:.3f}" for name, found, most in figures if found > most]

    def row(self) -> str:
        """A row of the table."""
        up, both = LIMITS[self.sf, self.percent]
        losses = f"bursts of {self.burst}" if self.burst else "single" if self.percent else "none"
        figures = f"{self.frames:.3f} | {self.up:.3f} | {self.both:.3f} | {up:.2f} / {both:.2f}"
        return f"| {self.sf} | {self.percent} % | {losses} | {figures} | {self.late:.2%} | {self.most_open} |"


def measure(sf: int, percent: int, burst: int, readings: int, seed: int = 1) -> Figures:
    """Runs one case."""
    world = _world(sf, percent, burst, seed)
    node, weather, made, most_open = world.nodes[1], Weather(Generator(seed)), [], 0
    for _ in range(readings):
        temperature, humidity = weather()
        made.append(number_of((temperature, humidity)))
        node.station.readings(0, {0: temperature, 1: humidity}, world.now, world.now)
        node.changed()
        most_open = max(most_open, len(node.station.readings_open.open()))
        world.run_ms(PERIOD_MS)
    up_us, down_us = _airtime_us(world)
    frames = len(node.out.sent)
    world.settle()
    lossless_us = readings * airtime_us(DATA, sf)
    late = sum(late for _, late in world.shelves[1].posted)
    ratios = up_us / lossless_us, (up_us + down_us) / lossless_us
    return Figures(sf, percent, burst, frames / readings, *ratios, late / readings, most_open, _problems(world, made))


def _world(sf: int, percent: int, burst: int, seed: int) -> World:
    loss = LossSettings(bursts=percent / 100, burst_frames=burst) if burst else LossSettings(independent=percent / 100)
    world = World(seed, loss if percent else None, sf=sf, limit=FRAME_LIMITS[sf])
    world.time_each_ms, world.keeps = TIME_EACH_MS, False
    world.nodes[1].station.readings_open._capacity = CAPACITY
    return world


def _airtime_us(world: World) -> tuple[int, int]:
    """(up, down) so far."""
    up = sum(end - start for start, end in world.nodes[1].out.sent)
    return up, sum(end - start for out in world.out.values() for start, end in out.sent)


def _problems(world: World, made: list[int]) -> list[str]:
    """Every reading came once, with its values, in order but for those marked late; within the law."""
    shelf, node = world.shelves[1], world.nodes[1]
    found = []
    if node.station.readings_open.lost:
        found.append(f"{node.station.readings_open.lost} let go")
    if [shelf.rows[seq][1] for seq in sorted(shelf.rows)] != made:
        found.append(f"{len(shelf.rows)} of {len(made)} stored, or others")
    if sorted(seq for seq, _ in shelf.posted) != sorted(shelf.rows):
        found.append(f"{len(shelf.posted)} of {len(shelf.rows)} posted")
    highest = -1
    for seq, late in shelf.posted:
        if late != (seq < highest):
            found.append(f"order at {seq}")
        highest = max(highest, seq)
    try:
        world.check_airtime()
    except AssertionError:
        found.append("on air longer than the law allows")
    return found


def measure_all(readings: int, seed: int, processes: int) -> Iterator[Figures]:
    """Every case, each in one of that many processes, in order."""
    one = partial(_measure, readings=readings, seed=seed)
    if processes < 2:
        yield from map(one, CASES)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(one, CASES)


def _measure(case: tuple[int, int, int], readings: int, seed: int) -> Figures:
    return measure(*case, readings, seed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lora.station_figures", description="Readings on the air.")
    parser.add_argument("--readings", type=int, default=5000, help="of every case")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    print(HEAD, "|---" * 9 + "|", sep="\n")
    broken = False
    for figures in measure_all(given.readings, given.seed, given.processes):
        print(figures.row(), *figures.broken(), flush=True)
        broken = broken or bool(figures.broken())
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
