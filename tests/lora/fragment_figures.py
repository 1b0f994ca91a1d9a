"""Prints the table of docs/reference/lora-fragments.md: `python -m tests.lora.fragment_figures [--transfers N]`.

Ends with 1 when a message did not arrive, or when a figure is above its limit."""

import argparse
import sys
from dataclasses import dataclass

from comatrix_lora.airtime import airtime_us
from comatrix_lora.fragment_format import FRAME_OVERHEAD

from tests.lora.fragment_simulation import Tally, run

SF = 10
SIZE = 32
FRAGMENTS = 10
FEEDBACK_OVERHEAD = 12  # 3 header, 1 rule, 8 tag
# (fragments, loss in percent, mean burst) -> most airtime up, and with feedback, against that of k / (1 - p) fragments
LIMITS = {
    (10, 30, 1): (1.10, 1.15),
    (10, 30, 4): (1.25, 1.35),
    (10, 50, 1): (1.15, 1.20),
    (10, 50, 4): (1.35, 1.45),
}
CASES = [(loss, burst) for loss in (0, 10, 30, 50) for burst in (1, 4)]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one case, a message. The ratios count airtime against that of k / (1 - p) fragments."""

    delivered: int
    fragments: float
    feedbacks: float
    ratio_up: float
    ratio_both: float


def figures(loss_percent: int, burst: int, transfers: int, seed: int = 1, fragments: int = FRAGMENTS) -> Figures:
    """Runs them."""
    tally = run(loss_percent, burst, transfers, seed, fragments, SIZE)
    fragment_us = airtime_us(FRAME_OVERHEAD + SIZE, SF)
    limit_us = transfers * fragments * fragment_us * 100 / (100 - loss_percent)
    up_us = tally.fragments * fragment_us
    return Figures(
        tally.delivered,
        tally.fragments / transfers,
        tally.feedbacks / transfers,
        up_us / limit_us,
        (up_us + tally.feedbacks * feedback_us(tally)) / limit_us,
    )


def feedback_us(tally: Tally) -> int:
    """Airtime of a feedback of the mean length; all have one where messages have one block."""
    return airtime_us(FEEDBACK_OVERHEAD + round(tally.feedback_bytes / tally.feedbacks), SF)


def broken(found: Figures, transfers: int, limits: tuple[float, float] = (99.0, 99.0)) -> list[str]:
    """What is not as promised."""
    shown = (("up", found.ratio_up, limits[0]), ("with feedback", found.ratio_both, limits[1]))
    lost = [f"{transfers - found.delivered} did not arrive"] if found.delivered < transfers else []
    return lost + [f"{name} {ratio:.3f}, limit {most:.2f}" for name, ratio, most in shown if ratio > most]


def main() -> int:
    parser = argparse.ArgumentParser(description="Airtime of coded fragments against the erasure limit.")
    parser.add_argument("--transfers", type=int, default=2000, help="messages a case")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    print("| fragments | loss | bursts of | delivered | fragments sent | feedbacks | up / limit | with feedback |")
    print("|---|---|---|---|---|---|---|---|")
    good = True
    for k in (1, 4, FRAGMENTS, 32):
        for loss, burst in CASES:
            if loss == 0 and burst > 1:
                continue
            found = figures(loss, burst, chosen.transfers, chosen.seed, k)
            wrong = broken(found, chosen.transfers, LIMITS.get((k, loss, burst), (99.0, 99.0)))
            share = 100 * found.delivered / chosen.transfers
            print(
                f"| {k} | {loss} % | {burst} | {share:g} % | {found.fragments:.2f} | {found.feedbacks:.2f} "
                f"| {found.ratio_up:.3f} | {found.ratio_both:.3f} |",
                *wrong,
                flush=True,
            )
            good = good and not wrong
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
