"""Frames that nobody sealed for us, or that came before: `python -m tests.lora.hostile_figures [--frames 1000000]`.

Ends with 1 when one was taken, when a peer changed, or when memory grew."""

import argparse
import gc
import random
import sys
from collections import Counter
from collections.abc import Callable

from comatrix_lora.errors import FrameError
from comatrix_lora.frame import Peer, open_untrusted
from comatrix_lora.rules import decode_untrusted

from tests.lora.frame_sides import NODE, Sides, every_kind, heard, remembered

STRANGER = 200
MOST = 255  # bytes of a LoRa packet
MOST_BLOCKS = 2000  # of memory more at the end than after the first tenth: caches and dust, not one a frame
REPORTS = 10


class Attacked:
    """A hearer of every kind of frame, with the frame that is for it; those `replayed` have heard theirs."""

    def __init__(self, seed: int) -> None:
        self.noise = random.Random(seed)
        self.kinds = [(frame, hearer) for _, frame, hearer, _, _ in every_kind()]
        self.replayed = [(frame, hearer) for _, frame, hearer, _, _ in every_kind()]
        for frame, hearer in self.replayed:
            heard(hearer, frame)
        stranger = Sides(STRANGER, bytes(16))
        self.stranger = [stranger.node.seal_request(counter, b"\x00abc") for counter in range(300, 316)]
        self.peers = [hearer for _, hearer in (*self.kinds, *self.replayed)]
        self.before = self.state()
        self.answers: Counter[tuple[str, str]] = Counter()
        self.taken: list[bytes] = []

    def state(self) -> list[object]:
        """All that everybody remembers."""
        return [remembered(peer) for peer in self.peers]

    def step(self) -> None:
        """One frame, at the peer it is likeliest to mislead."""
        name = self.noise.choice(NAMES)
        data, peer = ATTACKS[name](self)
        try:
            # Whoever looks for a peer by number finds this one for every number but the stranger's.
            open_untrusted(data, lambda number: [peer] if number != STRANGER else [])
            self.taken.append(data)
        except FrameError as reason:
            self.answers[name, str(reason)] += 1
        try:
            decode_untrusted(data)
        except FrameError as reason:
            self.answers["as a content", str(reason)] += 1

    def some(self) -> tuple[bytes, Peer]:
        """A frame and who waits for it."""
        return self.noise.choice(self.kinds)


def _noise(on: Attacked) -> tuple[bytes, Peer]:
    return on.noise.randbytes(on.noise.randrange(MOST + 2)), on.some()[1]


def _header(on: Attacked) -> tuple[bytes, Peer]:
    """Noise behind a header for this peer."""
    peer = on.some()[1]
    first = 0x40 | on.noise.randrange(64) & 0x1C | (0 if peer.up else 0x20)
    node = bytes((0, NODE)) if first & 4 else bytes((NODE,))
    return bytes((first,)) + node + on.noise.randbytes(on.noise.randrange(60)), peer


def _flipped(on: Attacked) -> tuple[bytes, Peer]:
    frame, peer = on.some()
    data = bytearray(frame)
    for place in on.noise.sample(range(8 * len(frame)), on.noise.choice((1, 1, 2, 3, 8))):
        data[place >> 3] ^= 1 << (place & 7)
    return bytes(data), peer


def _cut(on: Attacked) -> tuple[bytes, Peer]:
    frame, peer = on.some()
    return frame[: on.noise.randrange(len(frame))], peer


def _longer(on: Attacked) -> tuple[bytes, Peer]:
    frame, peer = on.some()
    return frame + on.noise.randbytes(1 + on.noise.randrange(20)), peer


def _replayed(on: Attacked) -> tuple[bytes, Peer]:
    return on.noise.choice(on.replayed)


def _unknown(on: Attacked) -> tuple[bytes, Peer]:
    """From a node nobody knows, and the same under the number of one that is known."""
    frame = on.noise.choice(on.stranger)
    if on.noise.randrange(2):
        frame = frame.replace(bytes((STRANGER,)), bytes((NODE,)), 1)
    return frame, next(hearer for _, hearer in on.kinds if not hearer.up)


ATTACKS: dict[str, Callable[[Attacked], tuple[bytes, Peer]]] = {
    "noise": _noise,
    "noise behind a header": _header,
    "bits flipped": _flipped,
    "cut short": _cut,
    "made longer": _longer,
    "replayed": _replayed,
    "from an unknown node": _unknown,
}
NAMES = list(ATTACKS)


def attack(frames: int, seed: int, say: Callable[[str], None] = lambda line: None) -> tuple[Attacked, list[str]]:
    """-> (what became of them, what is not as promised)."""
    attacked = Attacked(seed)
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
        broken.append("a peer has changed")
    if blocks - after_first > MOST_BLOCKS:
        broken.append(f"{blocks - after_first} blocks of memory more")
    return attacked, broken


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lora.hostile_figures", description="Hostile frames.")
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    attacked, broken = attack(chosen.frames, chosen.seed, lambda line: print(line, flush=True))
    print("| frames | answer | how many |", "|---|---|---|", sep="\n")
    for (name, reason), count in sorted(attacked.answers.items()):
        print(f"| {name} | silence: {reason} | {count:,} |")
    print(*broken, sep="\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
