"""Draws docs/pictures/plot.png: a day in a garden that does not exist, by the code that draws the real ones."""

from datetime import UTC
from math import pi, sin
from pathlib import Path

from comatrix.gateway.plotting.axes import DAY_MS, HOUR_MS
from comatrix.gateway.plotting.chart import png_of
from comatrix.gateway.plotting.series import Reading, Series, Word

UNTIL_MS = 1_783_087_800_000  # 2026-07-03 14:10 UTC
EVERY_MS = 300_000
SILENT_H = (8, 10.5)  # hours after the beginning


def example() -> Series:
    """Warm at noon, cool at night, and an outage."""
    since_ms = UNTIL_MS - DAY_MS
    times = range(since_ms + EVERY_MS, UNTIL_MS, EVERY_MS)
    heard = [at_ms for at_ms in times if not SILENT_H[0] < (at_ms - since_ms) / HOUR_MS < SILENT_H[1]]
    return Series("garden", Word.of(0), [_reading(at_ms) for at_ms in heard], since_ms, UNTIL_MS)


def write(folder: Path) -> None:
    """Write the picture into `folder`."""
    (folder / "plot.png").write_bytes(png_of(example(), UTC))


def _reading(at_ms: int) -> Reading:
    hour = at_ms % DAY_MS / HOUR_MS
    cloud = 18 * sin(hour * 5.1) + 11 * sin(hour * 13.7)
    return at_ms, round(1850 + 560 * sin((hour - 9) / 12 * pi) + cloud)
