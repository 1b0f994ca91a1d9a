"""Frames that nobody sealed for us, or that came before, and who hears them: an attack of each kind, by chance."""

import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from comatrix_lora.errors import FrameError
from comatrix_lora.frame import Peer, open_untrusted
from comatrix_lora.rules import decode_untrusted

from tests.lora.frame_sides import NODE, Sides, every_kind, heard, remembered

STRANGER = 200
MOST = 255  # bytes of a LoRa packet
AS_A_CONTENT = "as a content"


class Hearer(Protocol):
    """`up`: what it says goes up."""

    @property
    def up(self) -> bool: ...


Pair = tuple[bytes, Hearer]


class Attacked(ABC):
    """Hearers of every kind of frame. `kinds`: (frame, who waits for it); those `replayed` have heard theirs. A hearer
    that is `up` is a node's end."""

    kinds: "Sequence[Pair]"
    replayed: "Sequence[Pair]"

    def __init__(self, seed: int) -> None:
        self.noise = random.Random(seed)
        stranger = Sides(STRANGER, bytes(16))
        self.stranger = [stranger.node.seal_request(counter, b"\x00abc") for counter in range(300, 316)]
        self.answers: Counter[tuple[str, str]] = Counter()
        self.taken: list[bytes] = []
        self.before = self.state()

    @abstractmethod
    def state(self) -> object:
        """All that everybody remembers."""

    @abstractmethod
    def hear(self, data: bytes, hearer: "Hearer") -> str | None:
        """Why it was not taken; None: it was."""

    def step(self) -> None:
        """One frame, at the hearer it is likeliest to mislead."""
        name = self.noise.choice(NAMES)
        data, hearer = ATTACKS[name](self)
        reason = self.hear(data, hearer)
        if reason is None:
            self.taken.append(data)
        else:
            self.answers[name, reason] += 1

    def some(self) -> "Pair":
        """A frame and who waits for it."""
        return self.noise.choice(self.kinds)


class Peers(Attacked):
    """The frames' own readers, each with a peer of its own."""

    def __init__(self, seed: int) -> None:
        waiting = [(frame, hearer) for _, frame, hearer, _, _ in every_kind()]
        served = [(frame, hearer) for _, frame, hearer, _, _ in every_kind()]
        for frame, hearer in served:
            heard(hearer, frame)
        self.kinds, self.replayed = waiting, served
        self.peers = [hearer for _, hearer in (*waiting, *served)]
        super().__init__(seed)

    def state(self) -> object:
        return [remembered(peer) for peer in self.peers]

    def hear(self, data: bytes, hearer: "Hearer") -> str | None:
        assert isinstance(hearer, Peer)
        try:
            decode_untrusted(data)
        except FrameError as reason:
            self.answers[AS_A_CONTENT, str(reason)] += 1
        try:
            # Whoever looks for a peer by number finds this one for every number but the stranger's.
            open_untrusted(data, lambda number: [hearer] if number != STRANGER else [])
        except FrameError as reason:
            return str(reason)
        return None


def _noise(on: Attacked) -> Pair:
    return on.noise.randbytes(on.noise.randrange(MOST + 2)), on.some()[1]


def _header(on: Attacked) -> Pair:
    """Noise behind a header for this hearer."""
    hearer = on.some()[1]
    first = 0x40 | on.noise.randrange(64) & 0x1C | (0 if hearer.up else 0x20)
    node = bytes((0, NODE)) if first & 4 else bytes((NODE,))
    return bytes((first,)) + node + on.noise.randbytes(on.noise.randrange(60)), hearer


def _flipped(on: Attacked) -> Pair:
    frame, hearer = on.some()
    data = bytearray(frame)
    for place in on.noise.sample(range(8 * len(frame)), on.noise.choice((1, 1, 2, 3, 8))):
        data[place >> 3] ^= 1 << (place & 7)
    return bytes(data), hearer


def _cut(on: Attacked) -> Pair:
    frame, hearer = on.some()
    return frame[: on.noise.randrange(len(frame))], hearer


def _longer(on: Attacked) -> Pair:
    frame, hearer = on.some()
    return frame + on.noise.randbytes(1 + on.noise.randrange(20)), hearer


def _replayed(on: Attacked) -> Pair:
    return on.noise.choice(on.replayed)


def _unknown(on: Attacked) -> Pair:
    """From a node nobody knows, and the same under the number of one that is known."""
    frame = on.noise.choice(on.stranger)
    if on.noise.randrange(2):
        frame = frame.replace(bytes((STRANGER,)), bytes((NODE,)), 1)
    return frame, next(hearer for _, hearer in on.kinds if not hearer.up)


ATTACKS: dict[str, Callable[[Attacked], Pair]] = {
    "noise": _noise,
    "noise behind a header": _header,
    "bits flipped": _flipped,
    "cut short": _cut,
    "made longer": _longer,
    "replayed": _replayed,
    "from an unknown node": _unknown,
}
NAMES = list(ATTACKS)
