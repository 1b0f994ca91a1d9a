"""Watchdog and deep sleep, where the board has them; elsewhere (unix) a sleep stands for both."""

import time

try:
    import machine  # type: ignore[import-not-found]
except ImportError:  # CPython
    machine = None

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _NoWatchdog:
    def feed(self) -> None:
        pass


def watchdog(timeout_ms: int) -> "Any":
    """An object to `feed()` more often than every `timeout_ms`; it cannot be stopped (RP2: at most 8388)."""
    if hasattr(machine, "WDT"):
        return machine.WDT(timeout=timeout_ms)
    return _NoWatchdog()


def rtc() -> "Any":
    """`machine.RTC()` where it has memory that survives deep sleep (ESP32), else None."""
    clock = machine.RTC() if hasattr(machine, "RTC") else None
    return clock if hasattr(clock, "memory") else None


def woke_from_deep_sleep() -> bool:
    """Whether this start is a wake-up and no boot: then no hello is due."""
    return hasattr(machine, "DEEPSLEEP_RESET") and machine.reset_cause() == machine.DEEPSLEEP_RESET


def deep_sleep(ms: int) -> None:
    """Sleep `ms`. Does not return where the board wakes by a reset; does after that time elsewhere."""
    if hasattr(machine, "deepsleep"):
        machine.deepsleep(ms)
    time.sleep(ms / 1000)
