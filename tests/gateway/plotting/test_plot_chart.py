"""A series as a picture: what is drawn where, and what is written."""

import time
from datetime import UTC, tzinfo
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from comatrix.gateway.pages import plot_picture
from comatrix.gateway.plotting.canvas import INKS, SURFACES, Canvas, Flat, Ink, place
from comatrix.gateway.plotting.chart import BOTTOM, HEIGHT, TOP, WIDTH, draw, png_of, scale_of
from comatrix.gateway.plotting.series import Reading, Series, Word
from tests.support.png_reader import read

UNTIL = 1_751_551_800_000  # 2025-07-03 14:10 UTC
MINUTE, HOUR = 60_000, 3_600_000
DAY = 24 * HOUR


class Noted(Canvas):
    """A canvas that remembers what was written on it."""

    def __init__(self) -> None:
        super().__init__(WIDTH, HEIGHT)
        self.written: list[tuple[int, int, str]] = []

    def text(self, x: int, y: int, text: str, pitch: float, ink: Ink) -> None:
        self.written.append((x, y, text))
        super().text(x, y, text, pitch, ink)

    @property
    def words(self) -> list[str]:
        return [text for _, _, text in self.written]

    def drawn(self, x: float, y: float) -> bool:
        """Whether the line, or a mark on it, covers the pixel wholly."""
        return self.pixels[int(y) * WIDTH + int(x)] in (place(Ink.LINE), place(Ink.TEXT))


def series(points: list[Reading], word: int = 0, span_ms: int = DAY, node: str = "garden") -> Series:
    return Series(node, Word.of(word), points, UNTIL - span_ms, UNTIL)


def day(value: int = 2100, step: int = 1, every: int = 10 * MINUTE) -> list[Reading]:
    """A whole day that climbs."""
    return [(at, value + step * n) for n, at in enumerate(range(UNTIL - DAY + every, UNTIL + 1, every))]


def drawn(one: Series, timezone: tzinfo = UTC) -> Noted:
    canvas = Noted()
    draw(one, timezone, canvas)
    return canvas


def column(canvas: Noted, x: float) -> list[int]:
    """The rows of the line in a column."""
    return [y for y in range(TOP - 8, BOTTOM - 3) if canvas.drawn(x, y)]


def test_the_line_passes_through_its_points() -> None:
    one = series(day())
    canvas, scale = drawn(one), scale_of(one, UTC)
    for reading in one.points[16:-30]:  # further on stand the dots of the extremes and their labels
        x, y = scale.point(reading)
        assert len(column(canvas, x)) in (3, 4, 5)
        assert abs(sum(column(canvas, x)) / len(column(canvas, x)) - y) <= 1


def test_a_gap_is_a_gap_and_shaded() -> None:
    points = [(at, value) for at, value in day() if not UNTIL - 14 * HOUR < at < UNTIL - 10 * HOUR]
    one = series(points)
    canvas, scale = drawn(one), scale_of(one, UTC)
    for x in range(int(scale.x(UNTIL - 14 * HOUR)) + 8, int(scale.x(UNTIL - 10 * HOUR)) - 8):
        assert column(canvas, x) == []
    inside = canvas.pixels[(TOP + 3) * WIDTH + int(scale.x(UNTIL - 12 * HOUR - 20 * MINUTE))]
    assert inside == Flat.NO_DATA
    assert "no data" in canvas.words


def test_three_times_the_median_spacing_is_no_gap_yet() -> None:
    points = [(at, value) for at, value in day() if at not in (UNTIL - 5 * HOUR, UNTIL - 5 * HOUR + 10 * MINUTE)]
    one = series(points)
    canvas, scale = drawn(one), scale_of(one, UTC)
    assert column(canvas, scale.x(UNTIL - 5 * HOUR + 5 * MINUTE))
    further = series([point for point in points if point[0] != UNTIL - 5 * HOUR - 10 * MINUTE])
    assert not column(drawn(further), scale.x(UNTIL - 5 * HOUR))


def test_time_without_data_before_and_behind_it_is_shaded() -> None:
    one = series([point for point in day() if UNTIL - 12 * HOUR < point[0] < UNTIL - 6 * HOUR])
    canvas, scale = drawn(one), scale_of(one, UTC)
    for at in (UNTIL - 20 * HOUR, UNTIL - HOUR):
        assert canvas.pixels[(TOP + 3) * WIDTH + int(scale.x(at)) + 5] == Flat.NO_DATA


def test_title_unit_extremes_and_times_are_written() -> None:
    canvas = drawn(series(day()))
    assert "garden: temperature °C, last 24 h" in canvas.words
    assert {"21.01", "22.43"} & set(canvas.words) == {"22.43"}
    assert "21.00" in canvas.words  # the least, under its dot
    assert "min 21.00 at 14:20   max 22.43 at 14:10   last 22.43 at 14:10" in canvas.words
    assert {"18:00", "3 Jul", "12:00", "UTC"} <= set(canvas.words)


def test_times_are_those_of_the_time_zone() -> None:
    canvas = drawn(series(day()), ZoneInfo("Asia/Tokyo"))
    assert "min 21.00 at 23:20   max 22.43 at 23:10   last 22.43 at 23:10" in canvas.words
    assert "JST" in canvas.words


def test_a_longer_span_says_the_day() -> None:
    canvas = drawn(series(day(), span_ms=7 * DAY))
    assert any("max 22.43 at 3 Jul 14:10" in text for text in canvas.words)


def test_one_reading_is_a_dot() -> None:
    one = series([(UNTIL - 6 * HOUR, 2137)])
    canvas, scale = drawn(one), scale_of(one, UTC)
    x, y = scale.point(one.points[0])
    assert canvas.drawn(x, y)
    assert "no data" not in canvas.words
    assert sum(bool(column(canvas, x)) for x in range(scale.left, scale.right)) < 20


def test_what_never_changes_is_a_level_line_in_the_middle() -> None:
    one = series(day(step=0))
    canvas, scale = drawn(one), scale_of(one, UTC)
    for x in range(scale.left + 20, scale.right - 20, 50):
        rows = column(canvas, x)
        assert rows and abs(sum(rows) / len(rows) - (TOP + BOTTOM) / 2) <= 2


@pytest.mark.parametrize("low", [-(2**53) + 1, 0])
@pytest.mark.parametrize("word", [0, 20, 56, 77])
def test_huge_values_stay_inside_the_picture(low: int, word: int) -> None:
    canvas = drawn(series([(UNTIL - 2 * HOUR, low), (UNTIL - HOUR, 2**53 - 1)], word, node="n" * 32))
    for x, y, text in canvas.written:
        assert 0 <= x < WIDTH and 0 <= y < HEIGHT, text
    edge = [canvas.pixels[y * WIDTH + x] for y in range(HEIGHT) for x in (4, WIDTH - 5)]
    assert set(edge[16:-16]) == {Flat.CARD}, "something is written over the edge"


@pytest.mark.parametrize("span_ms", [MINUTE, 90 * MINUTE, DAY, 30 * DAY])
def test_readings_at_the_very_ends_and_at_the_same_time_are_drawn(span_ms: int) -> None:
    since = UNTIL - span_ms
    canvas = drawn(series([(since, 1), (since, 5), (UNTIL, 3), (UNTIL, 4)], span_ms=span_ms))
    assert place(Ink.LINE) in canvas.pixels


def test_two_thousand_readings_cost_less_than_half_a_second() -> None:
    random = Random(1)
    one = series([(UNTIL - DAY + n * DAY // 2000, random.randrange(50, 900)) for n in range(2000)], 18)
    took = []
    for _ in range(3):
        start = time.process_time()
        data = png_of(one, UTC)
        took.append(time.process_time() - start)
    assert min(took) < 0.5
    assert len(data) < 100_000


def test_the_file_is_the_picture() -> None:
    one = series(day())
    found, canvas = read(png_of(one, UTC)), drawn(one)
    assert (found.width, found.height) == (WIDTH, HEIGHT)
    assert b"".join(found.rows) == bytes(canvas.pixels)
    assert found.at(10, 10) == SURFACES[Flat.CARD]


def test_the_documentation_shows_a_picture_of_this_kind() -> None:
    found = read((Path(__file__).parents[3] / "docs" / "pictures" / "plot.png").read_bytes())
    assert (found.width, found.height) == (WIDTH, HEIGHT)
    again = read(png_of(plot_picture.example(), UTC))
    assert found.palette == again.palette, "run: make docs"


def test_line_and_letters_stand_out_from_the_card() -> None:
    def light(colour: tuple[int, int, int]) -> float:
        parts = [part / 255 for part in colour]
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    card = light(SURFACES[Flat.CARD])
    for ink, colour in INKS.items():
        assert (card + 0.05) / (light(colour) + 0.05) >= 4.5, ink  # WCAG 2, level AA
