"""Frames that nobody sealed for us, or that came before: `python -m tests.lora.hostile_figures [--frames 1000000]`.

Ends with 1 when one was taken, when a hearer changed, or when memory grew."""

import argparse
import gc
import sys
from collections.abc import Callable

from tests.lora.hostile_ends import Ends, KeyEnds
from tests.lora.hostile_frames import Attacked, Peers

MOST_BLOCKS = 2000  # of memory more at the end than after the first tenth: caches and dust, not one a frame
REPORTS = 10


def attack(
    attacked: Attacked, frames: int, say: Callable[[str], None] = lambda line: None
) -> tuple[Attacked, list[str]]:
    """-> (what became of them, what is not as promised)."""
    after_first = 0
    for part in range(REPORTS):
        for _ in range(frames // REPORTS):
            attacked.step()
        gc.collect()
        blocks = sys.getallocatedblocks()
        after_first = after_first or blocks
        done = (part + 1) * (frames // REPORTS)
        say(f"{done:,} frames, {len(attacked.taken)} taken, {blocks - after_first:+,} blocks")
    broken = [f"taken: {data.hex()}" for data in attacked.taken[:5]]
    if attacked.state() != attacked.before:
        broken.append("a hearer has changed")
    if blocks - after_first > MOST_BLOCKS:
        broken.append(f"{blocks - after_first} blocks of memory more")
    return attacked, broken


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lora.hostile_figures", description="Hostile frames.")
    parser.add_argument(
        "--frames",
        type=int,
        default=1_000_000,
        help="at the readers of frames, as many at both ends, and amid new keys",
    )
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    whole: list[str] = []
    hearers: dict[str, Callable[[int], Attacked]] = {
        "readers of frames": Peers,
        "station and hub": Ends,
        "new keys": KeyEnds,
    }
    for name, made in hearers.items():
        print(f"{name}:", flush=True)
        attacked, broken = attack(made(chosen.seed), chosen.frames, lambda line: print(line, flush=True))
        print("| frames | answer | how many |", "|---|---|---|", sep="\n")
        for (kind, reason), count in sorted(attacked.answers.items()):
            print(f"| {kind} | silence: {reason} | {count:,} |")
        whole += broken
    print(*whole, sep="\n")
    return 1 if whole else 0


if __name__ == "__main__":
    sys.exit(main())
