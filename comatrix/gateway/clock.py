"""The two clocks of the gateway; handed to whoever needs one."""

import time
from collections.abc import Callable
from dataclasses import dataclass


def monotonic_ms() -> int:
    """Milliseconds of a clock that never goes back."""
    return time.monotonic_ns() // 1_000_000


def wall_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Clocks:
    """Both at once. The simulator hands in others."""

    monotonic_ms: Callable[[], int]
    wall_ms: Callable[[], int]


SYSTEM = Clocks(monotonic_ms, wall_ms)
