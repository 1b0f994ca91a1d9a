"""What a picture says in words: bars, summary, and the sentences where there is none."""

from datetime import UTC

import pytest

from comatrix.gateway.downlink.quantities import QuantityError
from comatrix.gateway.plotting import asking
from comatrix.gateway.plotting.series import Series, Word, bars, course, runs, summary
from comatrix.gateway.plotting.sparkline import sparkline

UNTIL = 1_751_551_800_000
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([7, None, 0], "█·▁"),
        ([5, 5, 5], "▄▄▄"),
        ([-3], "▄"),
        ([None, None], "··"),
        ([2**53, -(2**53)], "█▁"),
        ([], ""),
    ],
)
def test_bars_are_as_high_as_their_values(values: list[float | None], shown: str) -> None:
    assert sparkline(values) == shown


def test_many_values_become_at_most_as_many_bars_as_asked_for() -> None:
    assert sparkline(list(range(1000)), 8) == "▁▂▃▄▅▆▇█"
    assert len(sparkline(list(range(1000)), 500)) == 24


def test_a_bar_is_an_equal_part_of_the_time() -> None:
    one = Series(
        "garden", Word.of(0), [(UNTIL - 24 * HOUR, 1), (UNTIL - HOUR // 2, 9), (UNTIL, 9)], UNTIL - 24 * HOUR, UNTIL
    )
    assert bars(one) == "▁" + 22 * "·" + "█"


def test_a_line_breaks_where_something_is_missing() -> None:
    points = [(at, at) for at in (0, 10, 20, 30, 61, 71)]
    assert [len(run) for run in runs(points)] == [4, 2]
    assert [len(run) for run in runs([(0, 0), (10, 0), (20, 0), (50, 0)])] == [4]
    assert runs([]) == [] and runs([(5, 1)]) == [[(5, 1)]]


def test_the_summary_is_complete_without_the_picture() -> None:
    one = Series(
        "garden", Word.of(0), [(UNTIL - 2 * HOUR, 1821), (UNTIL - HOUR, 2740), (UNTIL, 2137)], UNTIL - 24 * HOUR, UNTIL
    )
    assert summary(one, UTC).splitlines() == [
        "garden: temperature °C, last 24 h: min 18.21 °C (12:10), max 27.40 °C (13:10), last 21.37 °C (14:10)",
        22 * "·" + "▁█",
    ]
    assert course(one) == f"temperature, last 24 h: {22 * '·'}▁█ 18.21 to 27.40 °C"


def test_a_word_is_found_in_any_case_or_by_its_number() -> None:
    assert asking.word("Temperature") == Word(0, "temperature", "°C", 2)
    assert asking.word("word_999") == asking.word("word-999") == Word(999, "word_999", "", 0)
    for name in ("temprature", "word_", "word_x", "word_70000", "word_" + "9" * 5000, "", "word_²"):
        assert asking.word(name) is None


def test_a_span_is_a_day_unless_said_and_bounded() -> None:
    assert asking.span([]) == 24 * HOUR == asking.span(["24h"])
    assert (asking.span(["7d"]), asking.span(["90min"])) == (168 * HOUR, 90 * 60_000)
    for wrong in ("24x", "91d", "5s", "-1h", "h"):
        with pytest.raises(QuantityError):
            asking.span([wrong])


def test_what_is_not_there_is_answered_with_what_is() -> None:
    told = asking.no_such_word("temprature", "garden", [1, 0], "!cx")
    assert 'called "temprature". Did you mean temperature?' in told
    assert told.endswith("garden sends: humidity, temperature. For example: !cx plot garden humidity 24h")
    nothing = Series("garden", Word.of(3), [], UNTIL - 24 * HOUR, UNTIL)
    assert asking.nothing_sent(nothing, [], "!cx").startswith("garden has sent no pressure in the last 24 h. ")
    assert asking.nothing_sent(nothing, [], "!cx").endswith("!cx status garden")


def test_how_the_node_itself_is_comes_last() -> None:
    assert [word.name for word in asking.main_words([2, 22, 0, 1, 3])] == ["temperature", "humidity"]
    assert [word.name for word in asking.main_words([2])] == ["battery"]
