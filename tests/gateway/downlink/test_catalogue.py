"""An order is what the node says it can do, or a sentence that names what would be right."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.codec.description import Description, Method, Setting
from comatrix.gateway.downlink.catalogue import CatalogueError, lines, number_of, order, value_words
from comatrix.gateway.downlink.items import Order
from tests.support.one_line import one_clean_line

GARDEN = Description(
    [Setting("interval", "s", 5, 86_400), Setting("target", "Cel", -1000, 4000, 2), Setting("label")],
    [
        Method("relay", [Setting("state", "", 0, 1)]),
        Method("reboot"),
        Method("dim", [Setting("lamp", "", 1, 4), Setting("level", "%", 0, 100), Setting("note")]),
        Method("show", [Setting("text"), Setting("row", "", 0, 3)]),
    ],
)


def typed(line: str, description: Description | None = GARDEN) -> Order:
    """ "set interval 60" as an order."""
    verb, name, *words = line.split(" ")
    return order(description, verb, name, words, node="garden")


@pytest.mark.parametrize(
    ("line", "values", "shown", "number"),
    [
        ("set interval 60", (60,), "interval = 60 s", 0),
        ("set interval 1 h", (3600,), "interval = 3600 s", 0),
        ("set Interval 5min", (300,), "interval = 300 s", 0),
        ("set target -3.5 °C", (-350,), "target = -3.50 °C", 1),
        ("set label by the pond", ("by the pond",), 'label = "by the pond"', 2),
        ("set label ", ("",), 'label = ""', 2),
        ("get interval", (), "interval", 0),
        ("get label", (), "label", 2),
        ("call relay on", (1,), "relay(on)", 3),
        ("call reboot", (), "reboot()", 4),
        ("call dim 2 50 % until six", (2, 50, "until six"), 'dim(2, 50 %, "until six")', 5),
        ("call dim 2 50% late", (2, 50, "late"), 'dim(2, 50 %, "late")', 5),
        ("call show hello 2", ("hello", 2), 'show("hello", 2)', 6),
    ],
)
def test_what_the_node_offers(line: str, values: tuple[int | str, ...], shown: str, number: int) -> None:
    made = typed(line)
    assert (made.verb, made.values, made.shown) == (line.split(" ")[0], values, shown)
    assert number_of(GARDEN, made) == number


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("set intervall 60", 'garden has no setting "intervall". Did you mean this? set interval: 5 to 86400 s.'),
        ("get tagret", 'garden has no setting "tagret". Did you mean this? get target.'),
        ("call raley on", "Did you mean this? call relay state: on or off."),
        ("set xyz 1", "Its settings: interval, target, label."),
        ("call xyz", "Its methods: relay, reboot, dim, show."),
        ("set relay on", "but a method: call relay state: on or off."),
        ("get reboot", "but a method: call reboot."),
        ("call interval 60", "but a setting: set interval: 5 to 86400 s."),
        ("set interval", "interval is missing in: set interval: 5 to 86400 s."),
        ("set interval 3", 'interval: "3" is too little. Allowed is 5 to 86400 s.'),
        ("set interval 60 s please", '"please" is too much: set interval takes 5 to 86400 s.'),
        ("get interval 60", '"60" is too much: get interval takes no value.'),
        ("call relay", "state is missing in: call relay state: on or off."),
        ("call dim 2", "level is missing in: call dim lamp level note: lamp 1 to 4, level 0 to 100 %, note a text"),
        ("call dim 5 1 x", 'lamp: "5" is too much. Allowed is 1 to 4.'),
        ("call reboot now", '"now" is too much: call reboot takes no value.'),
        ("call relay maybe", 'state: "maybe" is no number. Allowed is on or off.'),
        ("plot temperature", '"plot" is nothing a node can be told. It can be told: set, get, call, say.'),
    ],
)
def test_what_it_does_not_offer_is_answered_with_what_it_does(line: str, told: str) -> None:
    with pytest.raises(CatalogueError) as error:
        typed(line)
    assert told in error.value.text


@pytest.mark.parametrize("line", ["set interval 60", "get interval", "call reboot"])
def test_before_its_first_hello_nothing_is_known(line: str) -> None:
    with pytest.raises(CatalogueError) as error:
        typed(line, None)
    assert error.value.text == "garden has not told yet what it can do: it will at its next start."


def test_a_node_that_offers_nothing_says_so() -> None:
    with pytest.raises(CatalogueError, match="Its settings: none"):
        typed("set interval 60", Description())


def test_a_text_may_be_said_before_anything_is_known() -> None:
    said = order(None, "say", "", ["back", "at six"])
    assert said == Order("say", "", ("back at six",), '"back at six"')
    assert number_of(None, said) == number_of(GARDEN, said) == "back at six"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a\nb"], "a line end"),
        (["a\x00b"], "a control character (U+0000)"),
        (["a\x9bb"], "a control character (U+009B)"),
        (["a\u202eb"], "a character that hides or reorders text (U+202E)"),
        (["\ud800"], "half a character"),
        (["é" * 201], "402 bytes in the text, and at most 400"),
        ([" ", ""], "no text"),
        ([], "no text"),
    ],
)
def test_a_text_no_node_is_shown(words: list[str], told: str) -> None:
    with pytest.raises(CatalogueError) as error:
        order(GARDEN, "say", "", words)
    assert told in error.value.text


def test_a_text_as_a_value_is_shorter() -> None:
    assert typed("set label " + "é" * 100).values == ("é" * 100,)
    with pytest.raises(CatalogueError, match="202 bytes in label, and at most 200"):
        typed("set label " + "é" * 101)
    with pytest.raises(CatalogueError, match="U\\+202E"):
        typed("set label a\u202eb")
    assert order(GARDEN, "say", "", ["é" * 200]).values == ("é" * 200,)


RELABELLED = Description([Setting("target", "Cel", -1000, 4000, 2), Setting("interval", "s", 5, 86_400)])


@pytest.mark.parametrize(
    ("line", "description", "number"),
    [
        ("set interval 60", RELABELLED, 1),
        ("get interval", RELABELLED, 1),
        ("set label x", RELABELLED, None),
        ("call reboot", RELABELLED, None),
        ("call reboot", Description([], [Method("x"), Method("reboot")]), 1),
        ("set interval 60", None, None),
        ("set interval 60", Description([Setting("interval", "min", 5, 86_400)]), None),
        ("set interval 60", Description([Setting("interval", "s", 5, 86_400, 1)]), None),
        ("set interval 60", Description([Setting("interval", "s", 61, 86_400)]), None),
        ("set interval 60", Description([Setting("interval")]), None),
        ("set interval 60", Description([Setting("Interval", "s", 5, 86_400)]), None),
        ("set label x", Description([Setting("label", "", 0, 9)]), None),
        ("call reboot", Description([], [Method("reboot", [Setting("when")])]), None),
        ("call relay on", Description([], [Method("relay")]), None),
        ("get interval", Description([Setting("interval", "min", 1, 60)]), 0),
    ],
)
def test_after_an_update_of_the_node_it_means_the_same_or_nothing(
    line: str, description: Description | None, number: int | None
) -> None:
    assert number_of(description, typed(line)) == number


@pytest.mark.parametrize(
    ("line", "value", "words"),
    [
        ("set interval 60", 60, "60 s"),
        ("get target", 2150, "21.50 °C"),
        ("get label", "by the pond", "by the pond"),
        ("get label", "a\nb\u202ec", "a bc"),
        ("get interval", None, ""),
        ("call relay on", 1, "1"),
        ("call relay on", True, "on"),
        ("get interval", "too cold", "too cold"),
        ("call reboot", [1, 2], "[1, 2]"),
    ],
)
def test_the_nodes_own_value_in_words(line: str, value: object, words: str) -> None:
    assert value_words(GARDEN, typed(line), value) == words


def test_a_value_without_its_setting_is_shown_as_it_came() -> None:
    asked = typed("get target")
    assert value_words(None, asked, 2150) == value_words(Description(), asked, 2150) == "2150"
    assert len(value_words(None, asked, "x" * 5000).encode()) <= 200


def test_help_has_a_line_each() -> None:
    assert lines(GARDEN) == [
        "set interval: 5 to 86400 s",
        "set target: -10 to 40 °C",
        "set label: a text of at most 200 bytes",
        "call relay state: on or off",
        "call reboot",
        "call dim lamp level note: lamp 1 to 4, level 0 to 100 %, note a text of at most 200 bytes",
        "call show text row: text a text of at most 200 bytes, row 0 to 3",
    ]


def test_of_two_of_one_name_the_first_counts_and_of_two_cases_the_exact_one() -> None:
    twice = Description([Setting("a", "s", 0, 9), Setting("a", "V", 0, 9), Setting("A", "Hz", 0, 9)])
    assert [number_of(twice, order(twice, "set", name, ["5"])) for name in ("a", "A")] == [0, 2]
    assert order(twice, "set", "a", ["5"]).shown == "a = 5 s"
    with pytest.raises(CatalogueError):
        order(Description([Setting("Ab"), Setting("aB")]), "set", "ab", ["5"])


NAMES = st.text(min_size=1, max_size=24)
BOUNDED = st.builds(
    lambda name, unit, bounds, digits: Setting(name, unit, min(bounds), max(bounds), digits),
    NAMES,
    st.sampled_from(["", "s", "ms", "Cel", "%", "V"]) | NAMES,
    st.tuples(st.integers(-(1 << 53), 1 << 53), st.integers(-(1 << 53), 1 << 53)),
    st.integers(0, 9),
)
SLOTS = BOUNDED | st.builds(Setting, NAMES)
DESCRIPTIONS = st.builds(
    Description,
    st.lists(SLOTS, max_size=4),
    st.lists(st.builds(Method, NAMES, st.lists(SLOTS, max_size=3)), max_size=4),
)
WORDS = st.lists(st.text(max_size=12) | st.integers().map(str) | st.sampled_from(["on", "5min", "21,5"]), max_size=6)


@given(DESCRIPTIONS, st.sampled_from(["set", "get", "call", "say", "plot"]), st.data())
def test_whatever_is_typed_is_an_order_the_node_takes_or_a_sentence(
    description: Description, verb: str, data: st.DataObject
) -> None:
    names = [one.name for one in description.settings] + [one.name for one in description.methods]
    name = data.draw(st.sampled_from(names) | st.text(max_size=24) if names else st.text(max_size=24))
    try:
        made = order(description, verb, name, data.draw(WORDS))
    except CatalogueError as error:
        assert one_clean_line(error.text) and len(error.text) < 4000
        return
    assert one_clean_line(made.shown)
    assert number_of(description, made) is not None
    assert number_of(description, replace(made, name=made.name + "x")) in (None, *made.values)
    for value in made.values:
        assert one_clean_line(value_words(description, made, value))


def test_values_that_no_datagram_to_a_node_holds_are_refused() -> None:
    parameters: list[Setting | str] = [Setting(name) for name in ("a", "b", "c")]
    described = Description([], [Method("show", parameters)])
    assert order(described, "call", "show", ["x" * 200, "y" * 200, "z"]).values[0] == "x" * 200
    with pytest.raises(CatalogueError, match="take 607 bytes, and at most 410 go to a node at once"):
        order(described, "call", "show", ["x" * 200, "y" * 200, "z" * 200])
