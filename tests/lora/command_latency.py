"""How long a command to a listening node takes: `python -m tests.lora.command_latency [--commands 100000]`.

From the moment it is offered to the one its result is on the gateway's disk; both ways lose alike. Ends with 1 when one
took longer than a minute. A node and a gateway for each thousand commands, in as many processes as are asked for."""

import argparse
import sys
from functools import partial
from multiprocessing import get_context

from comatrix_lora.medium.loss import LossSettings
from comatrix_lora.rules import Command

from tests.lora.link_world import World

NEVER = 1 << 40
LIMIT_MS = 60_000
EACH = 1000  # commands of one pair of node and gateway: so many of them are seeds of their own
PERCENTILES = (50, 90, 99, 99.9, 99.99)


def measure(commands: int, seed: int = 1, loss: float = 0.3, sf: int = 7) -> list[int]:
    """Milliseconds of each command of one pair, sorted; NEVER for one that was not confirmed within a minute."""
    world = World(seed, LossSettings(independent=loss), sf=sf, awake=True)
    node = world.nodes[1]
    node.record("h", b"\xa0")
    world.run_ms(LIMIT_MS)
    found = []
    for number in range(commands):
        id = 1 + number
        world.items[1] = [Command(id, 1, b"\x18\x1e")]
        start = world.now
        world.offer(1, world.items[1][0])
        world.run_ms(LIMIT_MS)
        found.append(world.confirmed_ms.get((1, id), NEVER) - start)
    if node.executed != list(range(1, commands + 1)):
        raise ValueError("commands were executed twice, or not at all")
    world.check_airtime()
    return sorted(found)


def measure_many(commands: int, seed: int, loss: float, sf: int, processes: int) -> list[int]:
    """The same of as many pairs as it takes. Raises ValueError as `measure`."""
    counts = [min(EACH, commands - begun) for begun in range(0, commands, EACH)]
    given = [(count, 10_000 * seed + number) for number, count in enumerate(counts)]
    if processes < 2:
        return sorted(one for count, its_seed in given for one in measure(count, its_seed, loss, sf))
    with get_context("spawn").Pool(processes) as pool:
        parts = pool.starmap(partial(measure, loss=loss, sf=sf), given, chunksize=1)
    return sorted(one for part in parts for one in part)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lora.command_latency", description="Commands on the air.")
    parser.add_argument("--commands", type=int, default=2000)
    parser.add_argument("--loss", type=float, default=0.3)
    parser.add_argument("--sf", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    found = measure_many(given.commands, given.seed, given.loss, given.sf, given.processes)
    slow = len([one for one in found if one > LIMIT_MS])
    print(f"{len(found):,} commands, SF{given.sf}, {given.loss:.0%} loss both ways; not within a minute: {slow}")
    print("| " + " | ".join(f"{percent} %" for percent in PERCENTILES) + " | all |")
    places = [min(int(len(found) * percent / 100), len(found) - 1) for percent in PERCENTILES]
    print("| " + " | ".join(f"{found[at] / 1000:.2f} s" for at in (*places, -1)) + " |")
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main())
