"""A bad radio between a node and its socket: loses (also in bursts), doubles, delays, reorders and corrupts."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weather:
    """Shares of datagrams from 0 to 1, times in seconds. A burst loses everything until it ends."""

    loss: float = 0.05
    burst_begins: float = 0.005
    burst_ends: float = 0.25
    double: float = 0.06
    late: float = 0.08
    late_s: float = 0.3
    straggling: float = 0.003  # this share takes seconds: its node has gone on, or was reset
    straggling_s: tuple[float, float] = (1.0, 5.0)
    delay_s: tuple[float, float] = (0.001, 0.03)
    corrupt: float = 0.02


CLEAR = Weather(loss=0, burst_begins=0, double=0, late=0, straggling=0, delay_s=(0, 0), corrupt=0)


@dataclass(slots=True)
class Counts:
    """What happened to datagrams."""

    sent: int = 0
    lost: int = 0
    doubled: int = 0
    corrupted: int = 0


class Air:
    """One direction of one node's link. `fly` decides what becomes of a datagram."""

    def __init__(self, weather: Weather, generator: random.Random, counts: Counts) -> None:
        self._weather = weather
        self._random = generator
        self._counts = counts
        self._burst = False

    def fly(self, data: bytes) -> list[tuple[float, bytes]]:
        """(delay in seconds, datagram) of each copy that arrives."""
        weather, chance, counts = self._weather, self._random.random, self._counts
        counts.sent += 1
        self._burst = chance() >= weather.burst_ends if self._burst else chance() < weather.burst_begins
        copies = 2 if chance() < weather.double else 1
        counts.doubled += copies - 1
        arriving = []
        for _ in range(copies):
            delay_s = self._delay_s()
            if self._burst or chance() < weather.loss:
                counts.lost += 1
            elif chance() < weather.corrupt:
                counts.corrupted += 1
                arriving.append((delay_s, corrupted(data, self._random)))
            else:
                arriving.append((delay_s, data))
        return arriving

    def _delay_s(self) -> float:
        weather, chance, uniform = self._weather, self._random.random, self._random.uniform
        delay_s = uniform(*weather.delay_s) + (weather.late_s if chance() < weather.late else 0)
        return delay_s + (uniform(*weather.straggling_s) if chance() < weather.straggling else 0)


def corrupted(data: bytes, generator: random.Random) -> bytes:
    """Some bits flipped, cut short, or with noise behind it; never as it was."""
    kind = generator.randrange(3)
    if kind == 0 and len(data) > 1:
        return data[: generator.randrange(1, len(data))]
    if kind == 1:
        return data + generator.randbytes(generator.randrange(1, 9))
    flipped = bytearray(data)
    for at in generator.sample(range(len(data)), min(len(data), generator.randrange(1, 4))):
        flipped[at] ^= 1 << generator.randrange(8)
    return bytes(flipped)
