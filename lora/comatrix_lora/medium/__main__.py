"""`python -m comatrix_lora.medium` prints the tables of docs/reference/lora-medium.md; `day`: a large network's day.

Ends with 1 when a figure is further from theory than chance takes it.
"""

import sys
from collections.abc import Iterator

from comatrix_lora.medium import acceptance
from comatrix_lora.medium.acceptance import LOADS, LOSSES, Estimate
from comatrix_lora.medium.collisions import CollisionModel
from comatrix_lora.medium.loss import LossSettings

SEED = 1
FRAMES = 20_000
SPREAD_M = 1_000.0
MOST_DEVIATIONS = 3.0


def collision_rows(judged: list[Estimate]) -> Iterator[str]:
    """Delivery over load: pure collisions against theory, and what capture adds. What theory knows goes to `judged`."""
    yield "| load G | exp(-2G) | delivered | deviations | with capture | as LoRaSim |"
    yield "|---|---|---|---|---|---|"
    for load in LOADS:
        plain = acceptance.pure_aloha(load, FRAMES, SEED)
        judged.append(plain)
        capture = acceptance.share_delivered(load, FRAMES, SEED, CollisionModel(), SPREAD_M)
        lorasim = CollisionModel(same_sf_db_x10=59, relocks=True)
        both_lost = acceptance.share_delivered(load, FRAMES, SEED, lorasim, SPREAD_M)
        yield (
            f"| {load} | {plain.expected:.4f} | {plain.found:.4f} | {plain.deviations:+.1f} |"
            f" {capture:.4f} | {both_lost:.4f} |"
        )


def loss_rows(judged: list[Estimate]) -> Iterator[str]:
    """Share lost and burst length against their parameters, likewise."""
    yield "| loss set | loss found | deviations | burst set | burst found | deviations |"
    yield "|---|---|---|---|---|---|"
    for share, burst in LOSSES:
        settings = LossSettings(bursts=share, burst_frames=burst)
        lost = acceptance.losses(settings, FRAMES, SEED)
        found = acceptance.stationary_loss(lost, settings), acceptance.burst_length(lost, settings)
        judged += found
        yield f"|{_cells(found[0])}{_cells(found[1])}"


def _cells(estimate: Estimate) -> str:
    return f" {estimate.expected:g} | {estimate.found:.4f} | {estimate.deviations:+.1f} |"


def main(arguments: list[str]) -> int:
    """Print the tables, or one line of the day. The exit code."""
    if arguments == ["day"]:
        sys.stdout.write(f"{acceptance.day(SEED)}\n")
        return 0
    judged: list[Estimate] = []
    for rows in (collision_rows(judged), loss_rows(judged)):
        for row in rows:
            sys.stdout.write(f"{row}\n")
            sys.stdout.flush()
        sys.stdout.write("\n")
    return 1 if any(abs(one.deviations) > MOST_DEVIATIONS for one in judged) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
