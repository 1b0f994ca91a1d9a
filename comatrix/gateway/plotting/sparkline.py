"""Values as one line of small bars: "▁▂▅▇"."""

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
LEVEL = "▄"  # of values that are all the same
NOTHING = "·"
WIDEST = 24


def sparkline(values: Sequence[float | None], width: int = WIDEST) -> str:
    """A bar a value, or where there are more than `width`, one for the mean of each part. None: there is none."""
    width = max(1, min(width, WIDEST, len(values)))
    parts = [values[at * len(values) // width : (at + 1) * len(values) // width] for at in range(width)]
    means = [_mean([value for value in part if value is not None]) for part in parts]
    known = [mean for mean in means if mean is not None]
    if not known:
        return NOTHING * len(values[:width])
    return "".join(_bar(mean, min(known), max(known)) for mean in means)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _bar(value: float | None, low: float, high: float) -> str:
    if value is None:
        return NOTHING
    if low == high:
        return LEVEL
    return BARS[min(len(BARS) - 1, int((value - low) / (high - low) * len(BARS)))]
