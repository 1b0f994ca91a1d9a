"""`python -m comatrix_lora.medium` prints the tables of docs/reference/lora-medium.md; `day`: a large network's day."""

import sys
from collections.abc import Iterator

from comatrix_lora.medium import acceptance
from comatrix_lora.medium.acceptance import LOADS, LOSSES, Estimate
from comatrix_lora.medium.collisions import CollisionModel
from comatrix_lora.medium.loss import LossSettings

SEED = 1
FRAMES = 20_000
SPREAD_M = 1_000.0


def collision_rows() -> Iterator[str]:
    """Delivery over load: pure collisions against theory, and what capture adds."""
    yield "| load G | exp(-2G) | delivered | deviations | with capture | as LoRaSim |"
    yield "|---|---|---|---|---|---|"
    for load in LOADS:
        plain = acceptance.pure_aloha(load, FRAMES, SEED)
        capture = acceptance.share_delivered(load, FRAMES, SEED, CollisionModel(), SPREAD_M)
        lorasim = CollisionModel(same_sf_db_x10=59, relocks=True)
        both_lost = acceptance.share_delivered(load, FRAMES, SEED, lorasim, SPREAD_M)
        yield (
            f"| {load} | {plain.expected:.4f} | {plain.found:.4f} | {plain.deviations:+.1f} |"
            f" {capture:.4f} | {both_lost:.4f} |"
        )


def loss_rows() -> Iterator[str]:
    """Share lost and burst length against their parameters."""
    yield "| loss set | loss found | deviations | burst set | burst found | deviations |"
    yield "|---|---|---|---|---|---|"
    for share, burst in LOSSES:
        settings = LossSettings(bursts=share, burst_frames=burst)
        lost = acceptance.losses(settings, FRAMES, SEED)
        yield f"|{_cells(acceptance.stationary_loss(lost, settings))}{_cells(acceptance.burst_length(lost, settings))}"


def _cells(estimate: Estimate) -> str:
    return f" {estimate.expected:g} | {estimate.found:.4f} | {estimate.deviations:+.1f} |"


def main(arguments: list[str]) -> None:
    """Print the tables, or one line of the day."""
    if arguments == ["day"]:
        sys.stdout.write(f"{acceptance.day(SEED)}\n")
        return
    for rows in (collision_rows(), loss_rows()):
        sys.stdout.writelines(f"{row}\n" for row in rows)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main(sys.argv[1:])
