"""Milliseconds since the start, never going back: `time.ticks_ms` wraps, this does not."""

import time


class Clock:
    """Ask it more often than every six days, or a turn of the counter is lost."""

    def __init__(self) -> None:
        self._last = time.ticks_ms()  # type: ignore[attr-defined]
        self._now = 0

    def now(self) -> int:
        """Milliseconds."""
        ticks = time.ticks_ms()  # type: ignore[attr-defined]
        self._now += time.ticks_diff(ticks, self._last)  # type: ignore[attr-defined]
        self._last = ticks
        return self._now
