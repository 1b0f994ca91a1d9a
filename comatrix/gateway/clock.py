"""The two clocks of the gateway, handed to whoever needs one, and the time zones people read."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo


def monotonic_ms() -> int:
    """Milliseconds of a clock that never goes back."""
    return time.monotonic_ns() // 1_000_000


def wall_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def zone(name: str) -> tzinfo:
    """The time zone of that name; raises ZoneInfoNotFoundError."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # brings 0.7 MB, which a gateway in UTC saves

    return ZoneInfo(name)


@dataclass(frozen=True, slots=True)
class Clocks:
    """Both at once. The simulator hands in others."""

    monotonic_ms: Callable[[], int]
    wall_ms: Callable[[], int]


SYSTEM = Clocks(monotonic_ms, wall_ms)
