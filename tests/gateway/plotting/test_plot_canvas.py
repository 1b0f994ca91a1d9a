"""Pixels, letters and the file they become."""

import pytest

from comatrix.codec import vocab
from comatrix.gateway.plotting import font, png
from comatrix.gateway.plotting.canvas import INKS, SURFACES, Canvas, Flat, Ink, palette, place
from tests.support.png_reader import read


def dark(canvas: Canvas, ink: Ink = Ink.LINE) -> set[tuple[int, int]]:
    """Pixels that an ink covers wholly."""
    size = canvas.width
    return {(at % size, at // size) for at, colour in enumerate(canvas.pixels) if colour == place(ink)}


def test_a_file_says_what_was_drawn() -> None:
    pixels = bytes(range(6))
    colours = [(n, 2 * n, 255 - n) for n in range(6)]
    found = read(png.encode(3, 2, pixels, colours))
    assert (found.width, found.height, found.rows, found.palette) == (3, 2, [pixels[:3], pixels[3:]], colours)


def test_an_independent_decoder_reads_the_file() -> None:
    image = pytest.importorskip("PIL.Image")
    from io import BytesIO

    canvas = Canvas(40, 20)
    canvas.curve([(5, 10), (35, 10)], 2, Ink.LINE)
    decoded = image.open(BytesIO(canvas.png())).convert("RGB")
    assert decoded.size == (40, 20)
    assert decoded.getpixel((20, 10)) == INKS[Ink.LINE]
    assert decoded.getpixel((20, 1)) == SURFACES[Flat.CARD]


def test_the_palette_has_room_for_every_step() -> None:
    colours = palette()
    assert len(colours) == len(set(colours)) <= 256
    assert [colours[place(ink)] for ink in INKS] == list(INKS.values())


def test_a_line_is_as_thick_as_it_was_asked_for_whatever_its_direction() -> None:
    flat, steep = Canvas(60, 60), Canvas(60, 60)
    flat.curve([(10, 30), (50, 30)], 2, Ink.LINE)
    steep.curve([(30, 10), (30, 50)], 2, Ink.LINE)
    assert {y for x, y in dark(flat) if x == 30} == {28, 29, 30, 31}
    assert {x for x, y in dark(steep) if y == 30} == {28, 29, 30, 31}


def test_a_line_passes_through_its_points_and_nowhere_else() -> None:
    canvas = Canvas(100, 100)
    canvas.curve([(10, 90), (50, 10), (90, 50)], 2, Ink.LINE)
    assert {(50, 12), (30, 50), (70, 30)} <= dark(canvas)
    assert not any(x < 7 or x > 92 or y < 7 or y > 93 for x, y in dark(canvas))
    assert (50, 60) not in dark(canvas)


def test_an_edge_aslant_is_smooth() -> None:
    canvas = Canvas(100, 60)
    canvas.curve([(10, 10), (90, 40)], 2, Ink.LINE)
    steps = {colour for colour in canvas.pixels if colour not in (Flat.CARD, place(Ink.LINE))}
    assert len(steps) > 5


def test_what_lies_outside_is_not_drawn() -> None:
    canvas = Canvas(20, 20)
    canvas.curve([(-30, -30), (10, 10), (60, 500)], 2, Ink.LINE)
    canvas.text(-7, -9, "A°g", 3, Ink.TEXT)
    canvas.rectangle(-5, 15, 100, 100, Flat.GRID)
    canvas.disc(0, 0, 30, Flat.GRID)
    assert len(canvas.pixels) == 400
    canvas = Canvas(20, 20)
    canvas.curve([(5, -40), (9, -30)], 2, Ink.LINE)
    assert not any(canvas.pixels)


def test_every_unit_and_word_of_the_vocabulary_has_letters_of_its_own() -> None:
    box = font.glyph("\uffff", 3)
    assert box.dots
    for row in vocab.rows():
        assert [char for char in row.name + row.unit if char != " " and font.glyph(char, 3) == box] == []


def test_no_two_letters_look_the_same() -> None:
    letters = "0123456789ABCDEFGHIJKLMNPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.,:-+/%_()°²³µΩ…"
    assert len({font.glyph(char, 3) for char in letters}) == len(letters)


def test_an_accent_is_left_out_rather_than_the_letter() -> None:
    assert font.glyph("é", 3) == font.glyph("e", 3)


def test_a_text_that_is_too_wide_is_shortened() -> None:
    assert font.fitting("garden", 3, 1000) == "garden"
    short = font.fitting("a rather long name", 3, 120)
    assert short.endswith("…") and font.width(short, 3) <= 120
