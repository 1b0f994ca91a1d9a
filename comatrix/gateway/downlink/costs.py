"""What a command costs on a link with a duty cycle, in words."""

from collections.abc import Callable
from dataclasses import dataclass

from comatrix.gateway.downlink.items import Item

HUNDREDTH_US = 10_000
WHOLE_FROM_US = 10_000_000  # from here whole seconds say enough


@dataclass(frozen=True, slots=True)
class Cost:
    """What an item costs on its link, and what that has left in the hour that ends now."""

    airtime_us: int
    left_us: int


CostOf = Callable[[int, Item], Cost | None]  # node, item -> None: its link has no duty cycle, or nobody knows


def free(node: int, item: Item) -> Cost | None:
    """Where no link has a duty cycle."""
    return None


def cost_words(cost: Cost) -> str:
    """ "costs 0.37 s of airtime, 32 s left this hour"."""
    costs, left = f"costs {used_words(cost.airtime_us)} of airtime", f"{left_words(cost.left_us)} left this hour"
    return f"{costs}, {left}" if cost.airtime_us <= cost.left_us else f"{costs} and waits for it, {left}"


def used_words(airtime_us: int) -> str:
    """Rounded up: never less than it is."""
    return _seconds(airtime_us, HUNDREDTH_US - 1, 999_999)


def left_words(airtime_us: int) -> str:
    """Rounded down: never more than there is."""
    return _seconds(max(0, airtime_us), 0, 0)


def _seconds(airtime_us: int, up_to_hundredth: int, up_to_second: int) -> str:
    if airtime_us >= WHOLE_FROM_US:
        return f"{(airtime_us + up_to_second) // 1_000_000} s"
    hundredths = (airtime_us + up_to_hundredth) // HUNDREDTH_US
    return f"{hundredths // 100}.{hundredths % 100:02d} s"
