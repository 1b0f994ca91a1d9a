"""A series as a picture that is read on a phone: its title, axes with units, gaps as they are, min, max and last."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from comatrix.gateway.plotting import font
from comatrix.gateway.plotting.axes import Tick, clock_words, moment, time_ticks, value_ticks, value_words
from comatrix.gateway.plotting.canvas import Canvas, Flat, Ink, Point
from comatrix.gateway.plotting.series import BREAK, Reading, Series, runs, spacing_ms

WIDTH, HEIGHT = 1000, 500
MARGIN = 28
SIZES = (4, 3.5, 3, 2.5, 2)  # pixels a letter's stroke is wide: a phone shows the picture at a third of its size
TITLE, LABEL, SMALLEST = SIZES[0], SIZES[2], SIZES[-1]
TOP, BOTTOM = 84, 380  # rows between which the line is drawn
TIMES, SUMMARY = 398, 452  # rows where these texts begin
MOST_VALUES, MOST_TIMES = 8, 9
STROKE, DOT, MARK, RIM = 2.0, 3.5, 6.5, 9.5  # radius
ROOM_PERCENT = 18  # of the line's height, above and below it, for the labels of its extremes
AWAY = 12  # from an extreme to its label
FEW = 60  # readings, and each is seen as a dot
MOST_LABELS_PX = 260


@dataclass(frozen=True, slots=True)
class Scale:
    """From times and values to pixels, and the marks of both axes."""

    left: int
    right: int
    since_ms: int
    until_ms: int
    low: int
    high: int
    values: Sequence[Tick]
    times: Sequence[Tick]

    def x(self, at_ms: float) -> float:
        """The column of a time."""
        return self.left + (at_ms - self.since_ms) / (self.until_ms - self.since_ms) * (self.right - self.left)

    def y(self, value: int) -> float:
        """The row of a value."""
        return BOTTOM - (value - self.low) / (self.high - self.low) * (BOTTOM - TOP)

    def point(self, reading: Reading) -> Point:
        """Where a reading stands."""
        return self.x(reading[0]), self.y(reading[1])


def png_of(series: Series, timezone: tzinfo) -> bytes:
    """The picture, WIDTH by HEIGHT, of a series that has at least one reading."""
    canvas = Canvas(WIDTH, HEIGHT)
    draw(series, timezone, canvas)
    return canvas.png()


def draw(series: Series, timezone: tzinfo, canvas: Canvas) -> None:
    """The same on a canvas of that size."""
    scale = scale_of(series, timezone)
    joined = runs(series.points)
    _frame(canvas, scale, series, joined)
    for run in joined:
        canvas.curve([scale.point(reading) for reading in run], STROKE if len(run) > 1 else DOT, Ink.LINE)
    if len(series.points) <= FEW:
        for reading in series.points:
            canvas.curve([scale.point(reading)], DOT, Ink.LINE)
    _marks(canvas, scale, series)
    _texts(canvas, scale, series, timezone)


def scale_of(series: Series, timezone: tzinfo) -> Scale:
    """Room for the labels on the left, and above and below the line for those of its extremes."""
    low, high = series.lowest[1], series.highest[1]
    room = (high - low) * ROOM_PERCENT // 100 + 1 if high > low else 10**series.word.digits
    low, high = low - room, high + room
    values = value_ticks(low, high, series.word.digits, MOST_VALUES)
    times = time_ticks(series.since_ms, series.until_ms, timezone, MOST_TIMES)
    labels = max(font.width(tick.label, LABEL) for tick in values)
    left = MARGIN + max(min(labels, MOST_LABELS_PX), 2 * MARGIN) + 16
    return Scale(left, WIDTH - MARGIN, series.since_ms, series.until_ms, low, high, values, times)


def _frame(canvas: Canvas, scale: Scale, series: Series, joined: Sequence[Sequence[Reading]]) -> None:
    """What stands behind the line."""
    canvas.rectangle(0, 0, WIDTH, HEIGHT, Flat.GRID)
    canvas.rectangle(2, 2, WIDTH - 4, HEIGHT - 4, Flat.CARD)
    for tick in scale.values:
        canvas.rectangle(scale.left, round(scale.y(tick.at)) - 1, scale.right - scale.left, 2, Flat.GRID)
    for tick in scale.times:
        canvas.rectangle(round(scale.x(tick.at)) - 1, TOP, 2, BOTTOM - TOP, Flat.GRID)
        canvas.rectangle(round(scale.x(tick.at)) - 1, BOTTOM, 2, 10, Flat.AXIS)
    for start_ms, end_ms in _empty(series, joined):
        _nothing(canvas, round(scale.x(start_ms)), round(scale.x(end_ms)))
    canvas.rectangle(scale.left, BOTTOM - 1, scale.right - scale.left, 2, Flat.AXIS)


def _empty(series: Series, joined: Sequence[Sequence[Reading]]) -> Iterator[tuple[int, int]]:
    """The times for which there is nothing: between two runs, and before and behind them."""
    longest_ms = BREAK * spacing_ms(series.points)
    if not longest_ms:
        return
    ends = [series.since_ms, *(end for run in joined for end in (run[0][0], run[-1][0])), series.until_ms]
    for start_ms, end_ms in zip(ends[::2], ends[1::2], strict=True):
        if end_ms - start_ms > longest_ms:
            yield start_ms, end_ms


def _nothing(canvas: Canvas, start: int, end: int) -> None:
    canvas.rectangle(start, TOP, end - start, BOTTOM - TOP, Flat.NO_DATA)
    wide = font.width("no data", SMALLEST)
    if end - start > wide + SMALLEST * 4:
        canvas.text((start + end - wide) // 2, (TOP + BOTTOM) // 2, "no data", SMALLEST, Ink.QUIET)


def _marks(canvas: Canvas, scale: Scale, series: Series) -> None:
    """Dots at the extremes, with what they are, and at the last reading."""
    _mark(canvas, scale.point(series.points[-1]), Ink.LINE)
    if series.lowest[1] == series.highest[1]:
        return
    for (at_ms, value), away in ((series.highest, -font.height(LABEL) - AWAY), (series.lowest, AWAY)):
        _mark(canvas, scale.point((at_ms, value)), Ink.TEXT)
        label = value_words(value, series.word.digits)
        wide, x = font.width(label, LABEL), round(scale.x(at_ms))
        left = max(scale.left + 8, min(scale.right - wide, x - wide // 2))
        top = round(scale.y(value)) + away
        canvas.rectangle(left - 4, top - 3, wide + 8, font.height(LABEL) + 6, Flat.CARD)
        canvas.text(left, top, label, LABEL, Ink.TEXT)


def _mark(canvas: Canvas, at: Point, ink: Ink) -> None:
    canvas.disc(*at, RIM, Flat.CARD)
    canvas.curve([at], MARK, ink)


def _texts(canvas: Canvas, scale: Scale, series: Series, timezone: tzinfo) -> None:
    """Title, labels of the axes, summary."""
    most = WIDTH - 2 * MARGIN
    _line(canvas, MARGIN, series.title, TITLE, Ink.TEXT, most)
    half = font.height(LABEL) // 2
    for tick in scale.values:
        label = font.fitting(tick.label, LABEL, MOST_LABELS_PX)
        left = scale.left - 14 - font.width(label, LABEL)
        canvas.text(left, round(scale.y(tick.at)) - half, label, LABEL, Ink.QUIET)
    zone = font.fitting(moment(series.until_ms, timezone).tzname() or "", SMALLEST, scale.left - MARGIN)
    canvas.text(MARGIN, TIMES + 4, zone, SMALLEST, Ink.QUIET)
    taken = MARGIN + font.width(zone, SMALLEST)
    for tick in scale.times:
        wide = font.width(tick.label, LABEL)
        left = min(round(scale.x(tick.at)) - wide // 2, WIDTH - MARGIN - wide)
        if left > taken + font.height(SMALLEST):
            canvas.text(left, TIMES, tick.label, LABEL, Ink.QUIET)
            taken = left + wide
    _line(canvas, SUMMARY, _summary(series, timezone), LABEL, Ink.TEXT, most)


def _line(canvas: Canvas, y: int, text: str, pitch: float, ink: Ink, most: int) -> None:
    """A line of text, smaller where it is too long, and shortened where that is not enough."""
    size = next((size for size in SIZES if size <= pitch and font.width(text, size) <= most), SMALLEST)
    canvas.text(MARGIN, y + (font.height(pitch) - font.height(size)) // 2, font.fitting(text, size, most), size, ink)


def _summary(series: Series, timezone: tzinfo) -> str:
    def told(name: str, reading: Reading) -> str:
        when = clock_words(reading[0], timezone, with_date=series.longer_than_a_day)
        return f"{name} {value_words(reading[1], series.word.digits)} at {when}"

    extremes = ("min", series.lowest), ("max", series.highest), ("last", series.points[-1])
    return "   ".join(told(name, reading) for name, reading in extremes)
