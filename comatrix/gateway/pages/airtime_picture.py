"""Draws docs/pictures/lora-airtime.svg: the figures of `airtimes` as bars, logarithmic, for a fast and a slow link."""

from collections.abc import Iterator
from html import escape
from math import log10
from pathlib import Path

from comatrix.gateway.pages.airtimes import Way, milliseconds, ways

SHOWN_SFS = (7, 10, 12)
LEFT, TOP, WIDTH, RIGHT = 300, 64, 480, 100
BAR, GAP, GROUP_GAP = 16, 2, 14
LEAST_MS, MOST_MS = 10, 100_000
OURS = "CoMatrix over LoRa"

STYLE = """
    text { fill: #1f2328 }
    .small { fill: #57606a; font-size: 12px }
    .grid { stroke: #d0d7de }
    .bar { fill: #8c959f }
    .ours { fill: #0969da }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .small { fill: #9da7b3 }
      .grid { stroke: #30363d }
      .bar { fill: #6e7681 }
      .ours { fill: #58a6ff }
    }
  """


def svg() -> str:
    """The picture."""
    shown = ways()
    height = TOP + len(shown) * _group_height() + 12
    size = f"0 0 {LEFT + WIDTH + RIGHT} {height}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" role="img" aria-labelledby="t d"'
    return "\n".join(
        [
            head + ' font-family="system-ui, sans-serif" font-size="14">',
            '  <title id="t">Airtime of one reading of two sensors</title>',
            f'  <desc id="d">{escape("; ".join(_in_words(way) for way in shown))}</desc>',
            f"  <style>{STYLE}</style>",
            *_scale(height),
            *(line for place, way in enumerate(shown) for line in _group(place, way)),
            "</svg>",
            "",
        ]
    )


def write(folder: Path) -> None:
    """Write the picture into `folder`."""
    (folder / "lora-airtime.svg").write_text(svg(), encoding="utf-8")


def _group_height() -> int:
    return len(SHOWN_SFS) * (BAR + GAP) + GROUP_GAP


def _x(ms: float) -> float:
    return LEFT + WIDTH * log10(ms / LEAST_MS) / log10(MOST_MS / LEAST_MS)


def _in_words(way: Way) -> str:
    times = ", ".join(f"{milliseconds(way.airtime_us(sf))} ms at SF{sf}" for sf in SHOWN_SFS)
    return f"{way.name}, {way.size} bytes: {times}"


def _scale(height: int) -> Iterator[str]:
    yield f'  <text x="{LEFT}" y="22" class="small">time on air of one reading, logarithmic; in brackets: frames</text>'
    for exponent in range(1, 6):
        ms = 10**exponent
        label = f"{ms} ms" if ms < 1000 else f"{ms // 1000} s"
        yield f'  <line class="grid" x1="{_x(ms):.1f}" y1="{TOP - 12}" x2="{_x(ms):.1f}" y2="{height - 12}"/>'
        yield f'  <text x="{_x(ms):.1f}" y="{TOP - 18}" class="small" text-anchor="middle">{label}</text>'


def _group(place: int, way: Way) -> Iterator[str]:
    top = TOP + place * _group_height()
    yield f'  <text x="{LEFT - 50}" y="{top + 20}" text-anchor="end">{escape(way.name)}</text>'
    yield f'  <text x="{LEFT - 50}" y="{top + 38}" class="small" text-anchor="end">{way.size} bytes</text>'
    for row, sf in enumerate(SHOWN_SFS):
        y = top + row * (BAR + GAP)
        us, frames = way.airtime_us(sf), len(way.frames(sf))
        end = _x(us / 1000)
        kind = "bar ours" if way.name == OURS else "bar"
        told = f"{milliseconds(us)} ms" + (f" ({frames})" if frames > 1 else "")
        yield f'  <text x="{LEFT - 8}" y="{y + 13}" class="small" text-anchor="end">SF{sf}</text>'
        yield f'  <rect class="{kind}" x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="{BAR}" rx="2"/>'
        yield f'  <text x="{end + 6:.1f}" y="{y + 13}" class="small">{told}</text>'
