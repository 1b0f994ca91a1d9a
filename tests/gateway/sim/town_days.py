"""A day of five hundred nodes, over UDP and over LoRa: every reading in the room once. Ends with 1 when one is not.

python -m tests.gateway.sim.town_days
"""

import argparse
import sys
import time

from comatrix.gateway.sim.reading import load
from comatrix.gateway.sim.report import figures
from comatrix.gateway.sim.simulation import simulate

READINGS = 72_000
SCENARIOS = ("town", "lora-town")


def day(scenario: str, seed: int) -> bool:
    """One of them; whether it came out right."""
    began_s = time.process_time()
    told = figures(simulate(load(scenario), seed))
    took_s = time.process_time() - began_s
    counts = ", ".join(f"{told[name]} {name}" for name in ("readings", "delivered", "missing", "doubled", "late"))
    print(f"{scenario}: {counts}; {took_s:.0f} s of CPU", flush=True)
    return (told["readings"], told["delivered"], told["doubled"]) == (READINGS, READINGS, 0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gateway.sim.town_days", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed
    right = [day(scenario, seed) for scenario in SCENARIOS]  # also behind one that is wrong
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
