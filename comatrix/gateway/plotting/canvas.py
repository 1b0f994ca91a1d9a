"""Pixels to draw on: rectangles, lines and letters with smooth edges, each pixel a place in a small palette.

A smooth edge is a step between an ink and the card it is drawn on; the palette holds the steps.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import pairwise, zip_longest
from math import sqrt

from comatrix.gateway.plotting import font, png
from comatrix.gateway.plotting.png import Colour

STEPS = 16  # from the card to an ink
SLICES = 4  # of a pixel's width: what lies between two of them is smoothed
NOWHERE = float("inf")

Point = tuple[float, float]
Span = tuple[float, float]


class Flat(IntEnum):
    """Colours of surfaces, and their places in the palette."""

    CARD = 0
    GRID = 1
    AXIS = 2
    NO_DATA = 3


class Ink(IntEnum):
    """What lines and letters are drawn with. Of each, STEPS colours stand in the palette."""

    TEXT = 0
    QUIET = 1
    LINE = 2


# An opaque card, bright but not glaring: it looks the same in a light and in a dark client.
SURFACES: dict[Flat, Colour] = {
    Flat.CARD: (0xF3, 0xF4, 0xF6),
    Flat.GRID: (0xD9, 0xDD, 0xE2),
    Flat.AXIS: (0x9A, 0xA3, 0xAE),
    Flat.NO_DATA: (0xE3, 0xE6, 0xEA),
}
INKS: dict[Ink, Colour] = {
    Ink.TEXT: (0x1B, 0x24, 0x30),
    Ink.QUIET: (0x55, 0x60, 0x6E),
    Ink.LINE: (0x0B, 0x63, 0xC5),
}


def palette() -> list[Colour]:
    """Every colour, the surfaces first."""
    card = SURFACES[Flat.CARD]
    return [*SURFACES.values(), *(_between(card, ink, step) for ink in INKS.values() for step in range(1, STEPS + 1))]


def place(ink: Ink, step: int = STEPS) -> int:
    """Where in the palette an ink stands, `step` of STEPS away from the card."""
    return len(SURFACES) + ink * STEPS + step - 1


class Canvas:
    """`width` by `height` pixels of the card's colour; what lies outside is not drawn."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.pixels = bytearray(width * height)

    def png(self) -> bytes:
        """The picture as a file."""
        return png.encode(self.width, self.height, bytes(self.pixels), palette())

    def rectangle(self, x: int, y: int, width: int, height: int, colour: int) -> None:
        """Filled with a colour of the palette."""
        left, right = max(0, x), min(self.width, x + width)
        for row in range(max(0, y), min(self.height, y + height)):
            start = row * self.width
            self.pixels[start + left : start + right] = bytes([colour]) * max(0, right - left)

    def disc(self, x: float, y: float, radius: float, colour: int) -> None:
        """Filled with a colour of the palette, without smooth edges."""
        for row in range(int(y - radius), int(y + radius) + 1):
            half = sqrt(max(0.0, radius**2 - (row + 0.5 - y) ** 2))
            self.rectangle(round(x - half), row, round(2 * half), 1, colour)

    def text(self, x: int, y: int, text: str, pitch: float, ink: Ink) -> None:
        """Letters from `x` on; `y` is the upper edge of capitals, `pitch` the width of their strokes."""
        for char in text:
            glyph = font.glyph(char, pitch)
            for dx, dy, share in glyph.dots:
                self._cover(x + dx, y + dy, ink, share)
            x += glyph.advance

    def curve(self, points: Sequence[Point], radius: float, ink: Ink) -> None:
        """A line with round ends through points from left to right; a single one is a dot."""
        first, tops, bottoms = _widened(*_extents(points), radius)
        spans: dict[int, list[Span]] = {}
        for at, span in enumerate(zip(tops, bottoms, strict=True), first):
            spans.setdefault(at // SLICES, []).append(span)
        for x, column in spans.items():
            if 0 <= x < self.width:
                self._column(x, column, ink)

    def _column(self, x: int, spans: Iterable[Span], ink: Ink) -> None:
        """Covers a pixel column by a span a slice. Between two rows with an edge all rows are alike."""
        whole = [(max(0.0, top), min(self.height - 0.001, bottom)) for top, bottom in spans]
        seen = [span for span in whole if span[0] < span[1]]
        edges = sorted({int(edge) for span in seen for edge in span})
        for row, following in zip_longest(edges, edges[1:]):
            self._cover(x, row, ink, _share(seen, row))
            if following is not None and following > row + 1:
                step = round(_share(seen, row + 1) * STEPS)
                if step:
                    start, stop = (row + 1) * self.width + x, following * self.width + x
                    self.pixels[start : stop : self.width] = bytes([place(ink, step)]) * (following - row - 1)

    def _cover(self, x: int, y: int, ink: Ink, share: float) -> None:
        """`share` of a pixel is covered. What covers it more already stays."""
        step = round(share * STEPS)
        if not step or not (0 <= x < self.width and 0 <= y < self.height):
            return
        at = y * self.width + x
        before = self.pixels[at] - len(SURFACES)
        if before < 0 or step > before % STEPS:
            self.pixels[at] = place(ink, min(STEPS, step))


def _extents(points: Sequence[Point]) -> tuple[int, list[float], list[float]]:
    """-> (first slice, the line's highest and lowest point in each slice from there on)."""
    first, last = (int(x * SLICES // 1) for x in (points[0][0], points[-1][0]))
    tops = [NOWHERE] * (last - first + 1)
    bottoms = [-NOWHERE] * (last - first + 1)

    def touch(at: int, y: float) -> None:
        tops[at - first] = min(tops[at - first], y)
        bottoms[at - first] = max(bottoms[at - first], y)

    touch(first, points[0][1])
    for (x0, y0), (x1, y1) in pairwise(points):
        start, stop = int(x0 * SLICES // 1), int(x1 * SLICES // 1)
        for border in range(start + 1, stop + 1):
            y = y0 + (y1 - y0) * (border / SLICES - x0) / (x1 - x0)
            touch(border - 1, y)
            touch(border, y)
        touch(stop, y1)
    return first, tops, bottoms


def _widened(
    first: int, tops: list[float], bottoms: list[float], radius: float
) -> tuple[int, list[float], list[float]]:
    """The same of all that is nearer to the line than `radius`."""
    reach = int(radius * SLICES)
    rises = [sqrt(radius**2 - (k / SLICES) ** 2) for k in range(-reach, reach + 1)]
    above = [NOWHERE] * (2 * reach) + tops + [NOWHERE] * (2 * reach)
    below = [-NOWHERE] * (2 * reach) + bottoms + [-NOWHERE] * (2 * reach)
    size = len(tops) + 2 * reach
    upper = [[y - rise for y in above[k : k + size]] for k, rise in enumerate(rises)]
    lower = [[y + rise for y in below[k : k + size]] for k, rise in enumerate(rises)]
    return first - reach, [min(one) for one in zip(*upper, strict=True)], [max(one) for one in zip(*lower, strict=True)]


def _share(spans: Sequence[Span], row: int) -> float:
    """How much of a pixel the slices' spans cover."""
    return sum(max(0.0, min(bottom, row + 1) - max(top, row)) for top, bottom in spans) / SLICES


def _between(card: Colour, ink: Colour, step: int) -> Colour:
    red, green, blue = (round(a + (b - a) * step / STEPS) for a, b in zip(card, ink, strict=True))
    return red, green, blue
