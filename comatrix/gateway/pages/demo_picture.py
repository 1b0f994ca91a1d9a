"""Draws docs/pictures/demo.svg: the terminal of a `make demo`, from what that run printed.

make demo SECONDS=40 | tee demo.txt
.venv/bin/python -m comatrix.gateway.pages.demo_picture < demo.txt > docs/pictures/demo.svg
"""

import re
import sys
from collections.abc import Iterator
from html import escape

ROW, CHARACTER, TOP, LEFT = 17, 7.45, 52, 18  # pixels
MOST_COLUMNS = 112
READINGS_SHOWN = 3  # before the first command, and at the end
ELLIPSIS = "..."
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
COUNTERS = ("    air:", "    lora:")
SECRET = re.compile(r"(   password )\S+")
PLACE = re.compile(r"\(/\S+/(?=\.cache/)")  # of the clone
TIMED = re.compile(r"^\d\d:\d\d:\d\d  ")
STYLE = """
    .window { fill: #10151b; stroke: #30363d }
    .bar { fill: #1c232b }
    text { fill: #d5dbe2; white-space: pre }
    .title, .air { fill: #8b96a3 }
    .time { fill: #6cb6ff }
    .typed { fill: #f0b35c }
    .done { fill: #5fd38d }
    .end { fill: #5fd38d; font-weight: bold }
  """


def svg(printed: str) -> str:
    """The picture of what a run printed; of its middle only what was typed and what became of it."""
    rows = [one for line in shortened(printed) for one in _folded(line)]
    width, height = LEFT * 2 + round(MOST_COLUMNS * CHARACTER), TOP + ROW * len(rows)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t d"'
            f' xml:space="preserve" font-family="{FONTS}" font-size="12.4">',
            '  <title id="t">A terminal with make demo in it</title>',
            '  <desc id="d">Four nodes post readings over a bad link; alice types two commands, and both are confirmed '
            "by the node; every reading is in the room once.</desc>",
            f"  <style>{STYLE}</style>",
            f'  <rect class="window" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
            f'  <path class="bar" d="M1 30V9a8 8 0 0 1 8-8h{width - 18}a8 8 0 0 1 8 8v21z"/>',
            '  <g fill="#57606a"><circle cx="20" cy="16" r="5"/><circle cx="38" cy="16" r="5"/>'
            '<circle cx="56" cy="16" r="5"/></g>',
            f'  <text class="title" x="{width // 2}" y="20" text-anchor="middle">$ make demo</text>',
            *(_row(row, TOP + ROW * place) for place, row in enumerate(rows)),
            "</svg>",
            "",
        ]
    )


def shortened(printed: str) -> list[str]:
    """Its lines: the beginning, some readings, all that was typed with what became of it, and the end."""
    lines = PLACE.sub("(", SECRET.sub(r"\1...", printed)).rstrip().splitlines()
    starts = [place for place, line in enumerate(lines) if TIMED.match(line)]
    if not starts:
        return lines
    blocks = [lines[a:b] for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)]
    tail = blocks[-1][_length(blocks[-1]) :]
    blocks[-1] = blocks[-1][: _length(blocks[-1])]
    kept = set(range(READINGS_SHOWN)) | {len(blocks) - 1}
    kept |= {place for place, block in enumerate(blocks) if any(_told(line) for line in block)}
    shown, last = lines[: starts[0]], -1
    for place in sorted(kept & set(range(len(blocks)))):
        whole = place < READINGS_SHOWN or place == len(blocks) - 1
        block = blocks[place] if whole else [line for line in blocks[place] if not line.startswith(COUNTERS)]
        shown += ([ELLIPSIS] if place != last + 1 else []) + block
        last = place
    return shown + tail


def _length(block: list[str]) -> int:
    """Of the last block without what the run says at its end: that stands at the margin."""
    return next((place for place, line in enumerate(block[1:], 1) if line and not line.startswith(" ")), len(block))


def _told(line: str) -> bool:
    return "!cx" in line or line.startswith("    -> ")


def _folded(line: str) -> Iterator[str]:
    while len(line) > MOST_COLUMNS:
        cut = line.rfind(" ", 0, MOST_COLUMNS)
        cut = cut if cut > MOST_COLUMNS // 2 else MOST_COLUMNS
        yield line[:cut]
        line = "      " + line[cut:].lstrip()
    yield line


def _row(text: str, y: int) -> str:
    style = ""
    if _told(text):
        style = "typed" if "!cx" in text else "done"
    elif text.startswith(COUNTERS):
        style = "air"
    elif text.startswith("Each reading"):
        style = "end"
    if TIMED.match(text) and not style:
        return f'  <text x="{LEFT}" y="{y}"><tspan class="time">{text[:8]}</tspan>{escape(text[8:])}</text>'
    return f'  <text{f" class={chr(34)}{style}{chr(34)}" if style else ""} x="{LEFT}" y="{y}">{escape(text)}</text>'


if __name__ == "__main__":
    sys.stdout.write(svg(sys.stdin.read()))
