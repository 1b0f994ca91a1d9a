"""Letters of our own: dots on a grid of 5 by 9, joined by strokes with round ends, so that they are smooth at any size.

A glyph is a digit a row, from the top, in base 32: the bits say where in the row its dots are. The upper seven rows are
a capital's, the last two hang below the line.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor, hypot

ROWS = 7  # of a capital
COLUMNS = 5
SPACE = 3  # dots a blank is wide, and 1 between letters
ELLIPSIS = "…"

_GLYPHS = """
0 EHHHHHE  1 4C4444E  2 EH1248V  3 EH161HE  4 26AIV22  5 VGU11HE  6 68GUHHE  7 V122444  8 EHHEHHE  9 EHHF12C
A 4AHHVHH  B UHHUHHU  C EHGGGHE  D UHHHHHU  E VGGUGGV  F VGGUGGG  G EHGNHHE  H HHHVHHH  I E44444E  J 72222IC
K HIKOKIH  L GGGGGGV  M HRLLHHH  N HHPLJHH  O EHHHHHE  P UHHUGGG  Q EHHHLID  R UHHUKIH  S FGGE11U  T V444444
U HHHHHHE  V HHHHHA4  W HHHLLLA  X HHA4AHH  Y HHA4444  Z V1248GV
a 00E1FHF  b GGUHHHU  c 00EHGHE  d 11FHHHF  e 00EHVGE  f 344E444  g 00FHHHF1E  h GGUHHHH  i 4044444  j 20222222C
k GGIKOKI  l 4444442  m 00QLLLL  n 00UHHHH  o 00EHHHE  p 00UHHHUGG  q 00FHHHF11  r 00MOGGG  s 00FGE1U  t 44E4443
u 00HHHHF  v 00HHHA4  w 00HLLLA  x 00HA4AH  y 00HHHHF1E  z 00V248V
. 0000004  , 00000048  : 0004004  - 0000E  + 0044V44  − 0000V  / 122488G  % PQ248BJ  _ 0000000V  ( 2488842  ) 8422248
° 4A4  ² C24E  ³ E242C  µ 00HHHJTGG  Ω EHHHAAR  … 000000L  · 0004  – 0000V  = 000V0V  < 0024842  > 0084248
? EH12404  ! 4444404  # 0AVAVA  ' 44  " AA  * 0L4V4L  ~ 0008L2
"""
_WORDS = _GLYPHS.split()
_ROWS_OF = dict(zip(_WORDS[::2], _WORDS[1::2], strict=True))
_MISSING = "VHHHHHV"

Dot = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Glyph:
    """A letter as it is drawn: (x, y, how much of that pixel), and how far it is to the next one."""

    dots: tuple[tuple[int, int, float], ...]
    advance: int


def width(text: str, pitch: float) -> int:
    """Of a line of text, in pixels, without the space behind its last letter."""
    return max(0, sum(glyph(char, pitch).advance for char in text) - round(pitch))


def height(pitch: float) -> int:
    """Of a capital, in pixels."""
    return round(ROWS * pitch)


def fitting(text: str, pitch: float, most: int) -> str:
    """`text`, shortened where it is wider than `most` pixels."""
    if width(text, pitch) <= most:
        return text
    while text and width(text + ELLIPSIS, pitch) > most:
        text = text[:-1]
    return text.rstrip() + ELLIPSIS


@lru_cache(maxsize=1024)
def glyph(char: str, pitch: float) -> Glyph:
    """The letter with strokes of `pitch` pixels. One without a shape of its own is drawn without its accents, or as a
    box."""
    if char == " ":
        return Glyph((), round((SPACE + 1) * pitch))
    dots = _dots(char)
    shares: dict[tuple[int, int], float] = {}
    for start, end in _strokes(dots):
        for x, y, share in _capsule(start, end, pitch):
            shares[x, y] = max(share, shares.get((x, y), 0.0))
    wide = max((x for x, _ in dots), default=0) + 1
    return Glyph(tuple((x, y, share) for (x, y), share in shares.items()), round((wide + 1) * pitch))


def _dots(char: str) -> set[Dot]:
    """(column, row), moved to the left edge."""
    rows = _ROWS_OF.get(char) or _ROWS_OF.get(unicodedata.normalize("NFKD", char)[0], _MISSING)
    dots = {(x, y) for y, row in enumerate(rows) for x in range(COLUMNS) if int(row, 32) >> (COLUMNS - 1 - x) & 1}
    left = min(x for x, _ in dots)
    return {(x - left, y) for x, y in dots}


def _strokes(dots: set[Dot]) -> list[tuple[Dot, Dot]]:
    """Each dot by itself, and joined to its neighbours; aslant only where no third dot joins the two."""
    found = [(dot, dot) for dot in dots]
    for x, y in dots:
        found += [((x, y), to) for to in ((x + 1, y), (x, y + 1)) if to in dots]
        for dx in (-1, 1):
            joined = {(x + dx, y), (x, y + 1)} & dots
            if (x + dx, y + 1) in dots and not joined:
                found.append(((x, y), (x + dx, y + 1)))
    return found


def _capsule(start: Dot, end: Dot, pitch: float) -> list[tuple[int, int, float]]:
    """The pixels of a stroke, and how much of each it covers."""
    radius = pitch / 2
    (x0, y0), (x1, y1) = (((x + 0.5) * pitch, (y + 0.5) * pitch) for x, y in (start, end))
    found = []
    for y in range(floor(min(y0, y1) - radius), ceil(max(y0, y1) + radius)):
        for x in range(floor(min(x0, x1) - radius), ceil(max(x0, x1) + radius)):
            share = radius + 0.5 - _distance(x + 0.5, y + 0.5, x0, y0, x1, y1)
            if share > 0:
                found.append((x, y, min(1.0, share)))
    return found


def _distance(x: float, y: float, x0: float, y0: float, x1: float, y1: float) -> float:
    """From a point to a stroke's middle line."""
    dx, dy = x1 - x0, y1 - y0
    length = dx * dx + dy * dy
    along = 0.0 if not length else max(0.0, min(1.0, ((x - x0) * dx + (y - y0) * dy) / length))
    return hypot(x - x0 - along * dx, y - y0 - along * dy)
