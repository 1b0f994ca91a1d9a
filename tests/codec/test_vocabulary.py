"""The vocabulary: what was published never changes, and both halves of the table agree."""

import json
import re
from pathlib import Path

import pytest

from comatrix.codec import vocab, words
from comatrix.gateway.pages import vocabulary

PUBLISHED = json.loads((Path(__file__).parents[1] / "vectors" / "vocab_published.json").read_text())
# RFC 8428 section 4.3: letters, digits and - : . / _, not beginning with one of the marks.
SENML_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
# Units registered by RFC 8428 (table 1) and RFC 8798 (secondary units), those the table uses; the rest it names.
REGISTERED = {"m", "kg", "s", "A", "K", "Cel", "Hz", "T", "Ohm", "W", "V", "l", "%RH", "%EL", "lx", "m/s", "m/s2"}
REGISTERED |= {"l/s", "W/m2", "pH", "dB", "S/m", "/", "%", "count", "lat", "lon", "B"}
REGISTERED |= {"dBm", "hPa", "ppm", "ppb", "kWh", "mm", "ug/m3"}
OURS_ALONE = {"deg", "NTU"}


def as_published(row: vocab.Row) -> list[object]:
    return [row.number, row.name, row.digits, row.senml_name, row.senml_unit, row.unit, row.ipso]


@pytest.mark.parametrize("number", range(len(PUBLISHED["rows"])))
def test_a_published_row_never_changes(number: int) -> None:
    row = vocab.by_number(number)
    assert row is not None, f"word {number} is gone: a node in a field says it still"
    assert as_published(row) == PUBLISHED["rows"][number]


def test_rows_may_only_be_appended() -> None:
    assert len(vocab.rows()) >= len(PUBLISHED["rows"]) >= 40
    if len(vocab.rows()) == len(PUBLISHED["rows"]):
        assert PUBLISHED["version"] == vocab.VERSION


def test_a_number_is_the_place_of_its_row() -> None:
    assert [row.number for row in vocab.rows()] == list(range(len(vocab.rows())))
    assert vocab.by_number(-1) is None
    assert vocab.by_number(len(vocab.rows())) is None


def test_a_word_stands_once() -> None:
    names = [row.name for row in vocab.rows()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("row", vocab.rows(), ids=lambda row: row.name)
def test_a_node_and_a_gateway_read_the_same_row(row: vocab.Row) -> None:
    assert words.lookup(row.name) == (row.number, row.digits)
    assert vocab.by_name(row.name) is row
    assert vocab.by_number(row.number) is row


@pytest.mark.parametrize("row", vocab.rows(), ids=lambda row: row.name)
def test_a_row_is_legal_senml_and_says_what_it_is(row: vocab.Row) -> None:
    assert SENML_NAME.fullmatch(row.senml_name)
    assert row.senml_unit in REGISTERED | OURS_ALONE
    assert 0 <= row.digits <= 8
    assert 3200 <= row.ipso <= 3350
    assert row.meaning


def test_the_commonest_words_cost_one_byte() -> None:
    for word in ("temperature", "humidity", "battery", "pressure", "co2", "soil-moisture", "motion", "dropped"):
        found = words.lookup(word)
        assert found is not None
        assert found[0] < 24


@pytest.mark.parametrize("word", ["", "temp", "temperature 2", "emperature", "Temperature", "\n"])
def test_part_of_a_word_is_no_word(word: str) -> None:
    assert words.lookup(word) is None
    with pytest.raises(ValueError, match="unknown word"):
        words.scaled(word, 1)


def test_a_value_is_scaled_to_the_nearest_integer() -> None:
    assert words.scaled("temperature", 21.374) == (0, 2137)
    assert words.scaled("temperature", -0.006) == (0, -1)
    assert words.scaled("humidity", 45.25) == (1, 452)
    assert words.scaled("latitude", 47.376888) == (50, 47376888)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises((ValueError, OverflowError)):
        words.scaled("temperature", value)


def test_the_reference_page_is_fresh() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "vocabulary.md"
    assert page.read_text() == vocabulary.markdown(), "run: make docs"
