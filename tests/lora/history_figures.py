"""What history costs on the air: `python -m tests.lora.history_figures [--readings 100000] [--seed 1]`.

Ends with 1 when a reading was lost, doubled or out of order, or when a figure is above its limit."""

import argparse
import sys
from dataclasses import dataclass

from tests.lora.history_simulation import Simulation

CASES = [(sf, percent, burst) for sf in (7, 10, 12) for percent, burst in ((0, 0), (2, 0), (10, 0), (10, 4))]
CASES += [(sf, percent, burst) for sf in (7, 10, 12) for percent in (30, 50) for burst in (0, 4)]
# (SF, loss in percent) -> most airtime up, and with acks, for one 15-byte frame a reading on a lossless link.
LIMITS = {
    (7, 0): (1.10, 1.10),
    (10, 0): (1.10, 1.10),
    (12, 0): (1.10, 1.10),
    (7, 30): (1.40, 1.55),
    (10, 30): (1.25, 1.40),
    (12, 30): (1.40, 1.55),
    (7, 50): (1.45, 1.65),
    (10, 50): (1.30, 1.45),
    (12, 50): (1.45, 1.65),
}
HEAD = "| SF | loss | losses | up | with acks | at most | acks | older | escapes | late | p99 | most | open |"


@dataclass(frozen=True)
class Figures:
    """One case. `up` and `both`: airtime by that of a lossless link; delays in periods, to the arrival."""

    sf: int
    percent: int
    burst: int
    problems: list[str]
    up: float
    both: float
    acks: float
    older: float
    escapes: float
    late: float
    delay_p99: int
    delay_most: int
    most_open: int

    def broken(self) -> list[str]:
        """What is not as promised."""
        up, both = LIMITS.get((self.sf, self.percent), (9.0, 9.0))
        figures = (("up", self.up, up), ("with acks", self.both, both))
        return self.problems + [f"{name} {found:.3f}" for name, found, most in figures if found > most]

    def row(self) -> str:
        """A row of the table."""
        limits = LIMITS.get((self.sf, self.percent))
        cells = [
            f"{self.sf}",
            f"{self.percent} %",
            f"bursts of {self.burst}" if self.burst else "single" if self.percent else "none",
            f"{self.up:.3f}",
            f"{self.both:.3f}",
            f"{limits[0]:.2f} / {limits[1]:.2f}" if limits else "-",
            f"{self.acks:.3f}",
            f"{self.older:.2f}",
            f"{100 * self.escapes:.1f} %",
            f"{100 * self.late:.2f} %",
            *map(str, (self.delay_p99, self.delay_most, self.most_open)),
        ]
        return "| " + " | ".join(cells) + " |"


def measure(sf: int, percent: int, burst: int, readings: int, seed: int = 1) -> Figures:
    """Runs one case."""
    simulation = Simulation(sf, percent, burst, seed)
    simulation.run(readings)
    up, both = simulation.ratios(readings)
    delays = sorted(simulation.delays)
    return Figures(
        sf,
        percent,
        burst,
        simulation.problems(),
        up,
        both,
        simulation.acks / readings,
        simulation.older / readings,
        simulation.escapes / max(simulation.older, 1),
        simulation.late() / readings,
        delays[len(delays) * 99 // 100],
        delays[-1],
        simulation.most_open,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lora.history_figures", description="History on the air.")
    parser.add_argument("--readings", type=int, default=20000, help="of every case")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(HEAD, "|---" * 13 + "|", sep="\n")
    good = True
    for case in sorted(CASES):
        figures = measure(*case, arguments.readings, arguments.seed)
        print(figures.row(), *figures.broken(), flush=True)
        good = good and not figures.broken()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
