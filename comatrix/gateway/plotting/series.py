"""One word of one node over a span of time: where it has gaps, its title and its summary in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import pairwise

from comatrix.codec import vocab
from comatrix.gateway.downlink.quantities import span_words
from comatrix.gateway.plotting.axes import DAY_MS, clock_words
from comatrix.gateway.plotting.sparkline import sparkline
from comatrix.gateway.uplink.sanitise import clean_name
from comatrix.gateway.uplink.typed import decimal_string

BREAK = 3  # times the median spacing between readings, and something is missing there
BARS = 24

Reading = tuple[int, int]  # when it was measured, Unix ms; the scaled value


@dataclass(frozen=True, slots=True)
class Word:
    """What is measured: its name, its unit as people write it ("" for none), and the digits of its integers."""

    number: int
    name: str
    unit: str
    digits: int

    @classmethod
    def of(cls, number: int) -> "Word":
        """One that the vocabulary does not know is called by its number."""
        row = vocab.by_number(number)
        return cls(number, f"word_{number}", "", 0) if row is None else cls(number, row.name, row.unit, row.digits)

    def said(self, scaled: int) -> str:
        """ "21.37 °C"."""
        return f"{decimal_string(scaled, self.digits)} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Series:
    """Readings of `node` in order of time, none outside of since_ms..until_ms."""

    node: str
    word: Word
    points: Sequence[Reading]
    since_ms: int
    until_ms: int

    @property
    def title(self) -> str:
        """ "garden: temperature °C, last 24 h"."""
        return f"{clean_name(self.node)}: {self.word.name} {self.word.unit}".rstrip() + f", {self.span}"

    @property
    def span(self) -> str:
        """ "last 24 h"."""
        span_ms = self.until_ms - self.since_ms
        return f"last {'24 h' if span_ms == DAY_MS else span_words(span_ms)}"

    @property
    def filename(self) -> str:
        """ "garden-temperature-24h.png"."""
        span = self.span.removeprefix("last ").replace(" ", "")
        return f"{self.node}-{self.word.name}-{span}.png".replace(" ", "-")

    @property
    def lowest(self) -> Reading:
        """The first of the least values."""
        return min(self.points, key=lambda point: point[1])

    @property
    def highest(self) -> Reading:
        """The first of the greatest values."""
        return max(self.points, key=lambda point: point[1])

    @property
    def longer_than_a_day(self) -> bool:
        """Whether a time needs its date."""
        return self.until_ms - self.since_ms > DAY_MS


def runs(points: Sequence[Reading]) -> list[list[Reading]]:
    """The readings that one line joins: it breaks where two are further apart than BREAK times their median spacing."""
    if not points:
        return []
    longest_ms = BREAK * spacing_ms(points)
    found = [[points[0]]]
    for before, point in pairwise(points):
        if point[0] - before[0] > longest_ms:
            found.append([])
        found[-1].append(point)
    return found


def spacing_ms(points: Sequence[Reading]) -> float:
    """The median time between two readings; 0 of less than two."""
    spaces = sorted(after[0] - before[0] for before, after in pairwise(points))
    return (spaces[(len(spaces) - 1) // 2] + spaces[len(spaces) // 2]) / 2 if spaces else 0


def bars(series: Series, width: int = BARS) -> str:
    """The series as small bars, one an equal part of its time."""
    span_ms = series.until_ms - series.since_ms
    parts: list[list[int]] = [[] for _ in range(width)]
    for at_ms, value in series.points:
        parts[min(width - 1, (at_ms - series.since_ms) * width // span_ms)].append(value)
    return sparkline([sum(part) / len(part) if part else None for part in parts], width)


def course(series: Series) -> str:
    """ "temperature, last 24 h: ▁▂▅▇ 18.21 to 27.40 °C"; "" where there is nothing."""
    if not series.points:
        return ""
    low, high = series.lowest[1], series.highest[1]
    least = "" if low == high else f"{decimal_string(low, series.word.digits)} to "
    return f"{series.word.name}, {series.span}: {bars(series)} {least}{series.word.said(high)}"


def summary(series: Series, timezone: tzinfo) -> str:
    """What the picture says, for who does not see it: title, least, greatest and last value, small bars."""

    def when(point: Reading) -> str:
        return clock_words(point[0], timezone, with_date=series.longer_than_a_day)

    said, last = series.word.said, series.points[-1]
    extremes = (("min", series.lowest), ("max", series.highest), ("last", last))
    told = ", ".join(f"{name} {said(point[1])} ({when(point)})" for name, point in extremes)
    return f"{series.title}: {told}\n{bars(series)}"
