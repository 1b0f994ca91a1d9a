"""What a node does when it is told, and what it says of it: settings, methods, texts, questions."""

from collections.abc import Callable

import pytest
from comatrix_node.node import Node

from comatrix.codec.words import scaled
from tests.support.told_node import DOSE, INTERVAL, LABEL, LEVEL, PULSE, SULK, ToldNode

COUNT = scaled("count", 0)[0]
DONE, REFUSED, UNKNOWN, NOT_AGAIN = 0, 1, 2, 3


def quiet(world: ToldNode) -> None:
    """A program without a sensor."""
    world.node.on_text(lambda text: world.did.append(("show", text)))


def test_a_setting_is_set_told_back_and_goes_by_what_a_person_means() -> None:
    world = ToldNode()
    assert world.tell(INTERVAL, 60) == [DONE, 60]
    assert world.tell(LEVEL, 205) == [DONE, 205]
    assert world.tell(LABEL, "north") == [DONE, "north"]
    assert (world.interval.value, world.level.value, world.label.value) == (60, 2.05, "north")
    assert world.did == [("interval", 60)]


def test_what_was_never_set_is_the_default_and_can_be_asked_for() -> None:
    world = ToldNode()
    assert [world.tell(what) for what in (INTERVAL, LEVEL, LABEL)] == [[DONE, 10], [DONE, 125], [DONE, "plot"]]
    assert world.did == []


@pytest.mark.parametrize(
    ("what", "arguments", "reason"),
    [
        (INTERVAL, [4], "interval is from 5 to 86400"),
        (INTERVAL, [86401], "interval is from 5 to 86400"),
        (INTERVAL, [True], "interval is from 5 to 86400"),
        (INTERVAL, ["60"], "interval is from 5 to 86400"),
        (INTERVAL, [60.0], "interval is from 5 to 86400"),
        (INTERVAL, [60, 61], "takes 1 values, not 2"),
        (LEVEL, [251], "level is from 0.0 to 2.5"),
        (LABEL, [7], "label is a text of at most 256 bytes"),
        (LABEL, ["x" * 257], "label is a text of at most 256 bytes"),
        (PULSE, [], "takes 1 values, not 0"),
        (PULSE, [61], "seconds is from 1 to 60"),
        (DOSE, ["left"], "takes 2 values, not 1"),
        (DOSE, [1, 5], "valve is a text of at most 256 bytes"),
        (SULK, [1], "takes 0 values, not 1"),
    ],
)
def test_what_is_out_of_bounds_is_refused_in_words_and_changes_nothing(
    what: int, arguments: list[object], reason: str
) -> None:
    world = ToldNode()
    assert world.tell(what, *arguments) == [REFUSED, reason]
    assert (world.interval.value, world.level.value, world.label.value) == (10, 1.25, "plot")
    assert world.did == []


@pytest.mark.parametrize("what", [6, 65535])
def test_a_number_nobody_declared_is_unknown_here(what: int) -> None:
    assert ToldNode().tell(what) == [UNKNOWN]


def test_a_method_gets_what_a_person_means_and_its_word_goes_back() -> None:
    world = ToldNode()
    assert world.tell(PULSE, 3) == [DONE, 30]
    assert world.tell(DOSE, "left", 25) == [DONE, "tank at 40 %"]
    assert world.tell(SULK) == []
    assert world.did == [("pulse", 3), ("dose", "left", 2.5)]


def test_a_text_is_shown_and_answered_without_a_value() -> None:
    world = ToldNode()
    assert world.tell("soup is ready") == []
    assert world.did == [("show", "soup is ready")]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("the valve is open"), "the valve is open"),
        (OSError(5, "no answer"), "[Errno 5] no answer"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (ValueError("ä" * 50), "ä" * 32),
        (ValueError("x" * 63 + "ä"), "x" * 63),
    ],
)
def test_whatever_a_program_raises_is_told_and_the_node_lives_on(error: Exception, reason: str) -> None:
    world = ToldNode()

    def sulk() -> None:
        raise error

    world.sulks = sulk
    assert world.tell(SULK) == [REFUSED, reason]
    assert world.tell(PULSE, 1) == [DONE, 10]


@pytest.mark.parametrize(("said", "told"), [(True, 1), (1 << 60, str(1 << 60)), (0.5, "0.5"), ("x" * 99, "x" * 64)])
def test_a_methods_word_is_made_fit_for_the_air(said: object, told: object) -> None:
    def program(world: ToldNode) -> None:
        world.node.method("look")(lambda: said)

    assert ToldNode(program).tell(0) == [DONE, told]


def test_a_change_the_program_refuses_is_taken_back_also_in_flash() -> None:
    world = ToldNode()
    world.refuses = ValueError("the pump needs more time")
    assert world.tell(INTERVAL, 60) == [REFUSED, "the pump needs more time"]
    assert world.interval.value == 10
    world.reset()
    assert world.interval.value == 10


def test_a_setting_flash_does_not_take_is_refused_and_stays_as_it_is() -> None:
    world = ToldNode()
    world.run(20_000)

    world.gateway.told(INTERVAL, 60)
    world.board.full = world.board.changes + 3  # the item's id still fits, into both slots
    world.run(15_000)
    world.board.full = None
    world.run(60_000)
    (result,) = world.results()
    assert result[:2] == [1, REFUSED]
    assert "28" in str(result[2]), "flash says what is wrong"
    assert (world.interval.value, world.did) == (10, [])


def test_a_node_whose_flash_is_full_executes_nothing_until_it_can_store_the_id() -> None:
    world = ToldNode()
    world.run(20_000)
    world.board.full = 0
    world.gateway.told(PULSE, 3)
    world.run(60_000)
    assert (world.did, world.results()) == ([], [])
    world.board.full = None
    world.run(60_000)
    assert (world.did, world.results()) == ([("pulse", 3)], [[1, DONE, 30]])


def test_a_sensor_follows_its_setting_at_once_and_after_a_reset() -> None:
    world = ToldNode()
    world.run(60_000)
    assert 5 <= world.counted <= 7
    world.tell(INTERVAL, 3600)
    seen = world.counted
    world.run(1_000_000)
    assert world.counted == seen
    world.tell(INTERVAL, 5)
    seen = world.counted
    world.run(50_000)
    assert seen + 9 <= world.counted <= seen + 11
    world.reset()
    assert world.node.sensors.all[0].every_ms() == 5000


def test_a_firmware_with_other_bounds_or_digits_falls_back_to_its_default() -> None:
    world = ToldNode()
    world.tell(INTERVAL, 60)
    world.tell(LEVEL, 200)
    world.tell(LABEL, "north")

    def newer(world: ToldNode) -> None:
        world.label = world.node.setting("label", low=1, high=5, default=2)
        world.level = world.node.setting("level", unit="m", low=0, high=2500, digits=1, default=3)
        world.interval = world.node.setting("interval", unit="s", low=5, high=59, default=7)

    world.program = newer
    world.reset()
    assert (world.interval.value, world.level.value, world.label.value) == (7, 3.0, 2)
    world.program = lambda world: setattr(world, "interval", world.node.setting("interval", low=1, high=99, default=9))
    world.reset()
    assert world.interval.value == 60


def test_settings_spoilt_in_flash_are_the_defaults() -> None:
    world = ToldNode()
    world.tell(INTERVAL, 60)
    for spoilt in (b"", b"\x00" * 20, world.board.files["settings"][:-1]):
        world.board.files["settings"] = spoilt
        world.reset()
        assert world.interval.value == 10
    world.node.store.keep(b"\xff", "settings")
    world.reset()
    assert world.interval.value == 10


def test_what_nobody_may_be_told_says_so_even_without_a_hook() -> None:
    def program(world: ToldNode) -> None:
        world.node.sensor("count", every_s=5)(world.count)

    world = ToldNode(program)
    world.run(20_000)
    assert world.node.commands is None, "a plain node does without"
    assert world.gateway.hellos[0].description is None
    assert world.tell("hello") == [UNKNOWN]


def test_an_id_that_was_executed_before_is_answered_with_the_highest() -> None:
    world = ToldNode()
    world.tell(PULSE, 1)
    world.gateway.told(PULSE, 2)
    world.gateway.items[0].id = 1
    world.run(30_000)
    assert world.results()[1:] == [[1, NOT_AGAIN, 1]]
    assert world.did == [("pulse", 1)]


def test_results_wait_out_a_lost_link_while_readings_make_room_for_readings() -> None:
    world = ToldNode(buffer=3)
    world.run(20_000)
    world.sulks = lambda: setattr(world, "loss", 1.0)
    world.gateway.told(SULK)
    world.run(300_000)
    assert [one.values for one in world.node.waiting if one.path == "c"] == [[1]]
    assert len(world.node.waiting) <= 4
    assert world.node.dropped > 20
    world.loss = 0.0
    world.run(400_000)
    assert world.results() == [[1]]
    assert not world.node.pending()


def test_a_result_behind_other_records_is_not_what_makes_room() -> None:
    world = ToldNode(buffer=3)
    world.run(13_000)
    world.sulks = lambda: setattr(world, "loss", 1.0)
    world.gateway.told(SULK)
    for value in range(3):
        world.node.post({"temperature": value})
    world.run(100_000)
    assert [one.path for one in world.node.waiting].count("c") == 1
    assert world.node.waiting[0].path == "r", "the scenario is no good if the result is on its way"


def test_a_result_does_not_push_a_reading_out_of_a_full_buffer() -> None:
    world = ToldNode(quiet, buffer=2)
    world.gateway.told("hello")
    for value in range(2):
        world.node.post({"temperature": value})
    world.run(20_000)
    assert (world.did, world.node.dropped) == ([("show", "hello")], 0)
    assert [one[0] for one in world.gateway.readings] == [0, 100]


def test_what_waits_behind_an_item_is_not_asked_for_before_its_result_was_sent() -> None:
    world = ToldNode()
    world.run(13_000)
    world.gateway.requests.clear()
    for seconds in (1, 2, 3):
        world.gateway.told(PULSE, seconds)
    world.node.post({"temperature": 20})
    world.run(5000)
    assert world.gateway.requests == ["POST r", "POST c", "POST c", "POST c"]
    assert world.did == [("pulse", 1), ("pulse", 2), ("pulse", 3)]


def test_a_gateway_tells_of_more_to_an_address_it_does_not_know_and_is_asked_with_its_echo() -> None:
    world = ToldNode()
    world.run(13_000)
    world.gateway.proven = False
    world.gateway.requests.clear()
    assert world.tell(PULSE, 3) == [DONE, 30]
    assert world.gateway.requests == ["POST r", "GET c", "POST c"]


def test_a_node_about_to_sleep_stays_awake_for_what_it_was_told_of() -> None:
    world = ToldNode()
    world.run(20_000)
    world.gateway.proven = False
    world.gateway.told(PULSE, 3)
    world.node.post({"temperature": 20})
    while world.node.pending():
        world.node.step(100)
    assert (world.did, world.results()) == ([("pulse", 3)], [[1, DONE, 30]])


def test_a_gateway_that_tells_of_more_and_never_hands_it_out_is_not_asked_for_ever() -> None:
    world = ToldNode()
    world.run(5000)
    world.gateway.stubborn = True
    world.gateway.told(PULSE, 3)
    world.gateway.requests.clear()
    world.run(100_000)
    readings = world.gateway.requests.count("POST r")
    assert 9 <= readings <= 11
    assert world.gateway.requests.count("GET c") == 3 * readings
    assert not world.node.pending()


def test_a_listening_node_asks_after_so_long_without_an_exchange() -> None:
    world = ToldNode(quiet, poll_s=20)
    world.run(1000)
    world.gateway.requests.clear()
    world.run(61_000)
    assert world.gateway.requests == ["GET c"] * 3
    world.node.post({"temperature": 20})
    world.gateway.requests.clear()
    world.run(19_000)
    assert world.gateway.requests == ["POST r"]
    world.gateway.told("hello")
    world.run(20_000)
    assert world.did == [("show", "hello")]


def test_a_node_that_need_not_ask_does_not() -> None:
    world = ToldNode(quiet)
    world.run(500_000)
    assert world.gateway.requests == ["POST h", "POST d"]


def test_a_question_without_an_answer_is_asked_again_and_wakes_nobody_in_between() -> None:
    world = ToldNode(quiet, poll_s=20)
    world.run(1000)
    world.loss = 1.0
    steps, until = 0, world.time + 100_000
    while world.time < until:
        world.node.step(1000)
        steps += 1
    assert steps < 200
    world.loss = 0.0
    world.gateway.told("hello")
    world.run(400_000)
    assert world.did == [("show", "hello")]


@pytest.mark.parametrize(
    "declare",
    [
        lambda node: node.setting("Interval"),
        lambda node: node.setting(""),
        lambda node: node.setting("9th"),
        lambda node: node.setting("grün"),
        lambda node: node.setting("x" * 25),
        lambda node: node.setting("a", low=5),
        lambda node: node.setting("a", low=5, high=4),
        lambda node: node.setting("a", low=5, high=6, default=7),
        lambda node: node.setting("a", default=7),
        lambda node: [node.setting("a"), node.method("a")],
        lambda node: node.method("a", "b", "b"),
        lambda node: node.method("a", *"abcdefghi"),
        lambda node: [node.setting(f"a{n}") for n in range(33)],
        lambda node: [node.setting(f"a{n}", unit="x" * 160) for n in range(30)],
    ],
)
def test_what_could_not_be_described_is_told_when_it_is_declared(declare: Callable[[Node], object]) -> None:
    with pytest.raises(ValueError, match=r"name|two numbers|is from|is a text|there already|parameters|one too many"):
        declare(ToldNode(quiet).node)
