"""A few SVG shapes, and numbers short enough to put hundreds of them into a page."""

from collections.abc import Iterable, Sequence
from html import escape

Point = tuple[float, float]


def number(value: float) -> str:
    """A coordinate, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")


def line(points: Iterable[Point], style: str) -> str:
    """A polyline of a CSS class."""
    path = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return f'<polyline class="{style}" points="{path}"/>'


def dot(at: Point, radius: float, style: str, title: str = "") -> str:
    """A circle, with what a pointer over it is told."""
    inside = f"<title>{escape(title)}</title>" if title else ""
    return f'<circle class="{style}" cx="{number(at[0])}" cy="{number(at[1])}" r="{number(radius)}">{inside}</circle>'


def bar(x: float, y: float, width: float, height: float, style: str, title: str = "") -> str:
    """A rectangle, likewise."""
    inside = f"<title>{escape(title)}</title>" if title else ""
    size = f'width="{number(width)}" height="{number(height)}"'
    return f'<rect class="{style}" x="{number(x)}" y="{number(y)}" {size}>{inside}</rect>'


def label(x: float, y: float, text: str, anchor: str = "middle") -> str:
    """A word."""
    return f'<text x="{number(x)}" y="{number(y)}" text-anchor="{anchor}">{escape(text)}</text>'


def picture(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    """All of it; `title` is what a screen reader says."""
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">' + "".join(parts) + "</svg>"
