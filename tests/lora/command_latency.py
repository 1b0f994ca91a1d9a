"""How long a command to a listening node takes: `python -m tests.lora.command_latency [--commands 2000] [--loss 0.3]`.

From the moment it is offered to the one its result is on the gateway's disk; both ways lose alike. Ends with 1 when one
took longer than a minute."""

import argparse
import sys

from comatrix_lora.medium.loss import LossSettings
from comatrix_lora.rules import Command

from tests.lora.link_world import World

NEVER = 1 << 40
PERCENTILES = (50, 90, 99, 99.9, 100)


def measure(commands: int, seed: int = 1, loss: float = 0.3, sf: int = 7) -> list[int]:
    """Milliseconds of each command, sorted; NEVER for one that was not confirmed within a minute."""
    world = World(seed, LossSettings(independent=loss), sf=sf, awake=True)
    node = world.nodes[1]
    node.record("h", b"\xa0")
    world.run_ms(60_000)
    found = []
    for number in range(commands):
        id = 1 + number
        world.items[1] = [Command(id, 1, b"\x18\x1e")]
        start = world.now
        world.offer(1, world.items[1][0])
        world.run_ms(60_000)
        found.append(world.confirmed_ms.get((1, id), NEVER) - start)
    if node.executed != list(range(1, commands + 1)):
        raise ValueError("commands were executed twice, or not at all")
    world.check_airtime()
    return sorted(found)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--commands", type=int, default=2000)
    parser.add_argument("--loss", type=float, default=0.3)
    parser.add_argument("--sf", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    found = measure(given.commands, given.seed, given.loss, given.sf)
    for percent in PERCENTILES:
        at = min(int(len(found) * percent / 100), len(found) - 1)
        print(f"{percent:>5} %  {found[at] / 1000:.2f} s")
    return int(found[-1] > 60_000)


if __name__ == "__main__":
    sys.exit(main())
