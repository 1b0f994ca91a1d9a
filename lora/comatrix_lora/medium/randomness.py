"""Random numbers from a seed and a label: each link has a stream of its own, which no other link's traffic moves."""

import hashlib
import math

_MASK = (1 << 64) - 1


class Stream:
    """SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), started at the hash of the seed and the labels."""

    __slots__ = ("_state",)

    def __init__(self, seed: int, *labels: object) -> None:
        self._state = int.from_bytes(hashlib.sha256(repr((seed, labels)).encode()).digest()[:8], "big")

    def bits64(self) -> int:
        """0 <= int < 2**64."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = ((self._state ^ (self._state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def below(self, bound: int) -> int:
        """0 <= int < bound: the callable that protocol code of the project takes as its randomness."""
        return (self.bits64() * bound) >> 64

    def chance(self) -> float:
        """0 <= float < 1."""
        return (self.bits64() >> 11) / (1 << 53)

    def exponential_us(self, mean_us: float) -> int:
        """A waiting time of a Poisson process, in whole microseconds."""
        return int(-mean_us * math.log(1.0 - self.chance()))

    def normal(self) -> float:
        """Mean 0, deviation 1 (Box and Muller)."""
        radius = math.sqrt(-2.0 * math.log(1.0 - self.chance()))
        return radius * math.cos(2.0 * math.pi * self.chance())
