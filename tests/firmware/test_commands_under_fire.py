"""A reset at every write while a node is told things, and a link that loses: each at most once, one word about each."""

import gc
from collections.abc import Iterator

import pytest
from comatrix_node.waiting import Waiting

from comatrix.codec import cbor
from tests.support.board import Board, Reset
from tests.support.told_node import DOSE, INTERVAL, LABEL, PULSE, SULK, ToldNode

DONE, NOT_AGAIN = 0, 3
RTC = ("none", "kept", "lost")


@pytest.fixture(autouse=True)
def _quick_collections() -> Iterator[None]:
    """The node collects garbage for each message: what pytest brought along need not be looked through."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


ORDERS: list[tuple[int | str, ...]] = [(INTERVAL, 7), (PULSE, 3), ("soup",), (LABEL, "north"), (DOSE, "left", 25)]
DEEDS = [("interval", 7), ("pulse", 3), ("show", "soup"), None, ("dose", "left", 2.5)]  # None: seen in flash only


def life(world: ToldNode) -> None:
    """A first start, and things to do, one after the other."""
    world.run(2000)
    for what, *arguments in ORDERS:
        world.gateway.told(what, *arguments)
    world.run(10_000)


def heal(world: ToldNode) -> None:
    """All faults end, the board starts once more, and everything that waits gets through."""
    world.loss = 0.0
    world.board.full = world.board.cut = None
    world.reset()
    for _ in range(40):
        world.run(12_000)
        if not world.gateway.items and not world.node.pending():
            return
    raise AssertionError(f"never told what became of {[one.id for one in world.gateway.items]}")


def check(world: ToldNode) -> None:
    """The promises."""
    results = world.results()
    assert [result[0] for result in results] == list(range(1, len(ORDERS) + 1)), "one word about each, in order"
    for result, deed in zip(results, DEEDS, strict=True):
        times = world.did.count(deed) if deed else None
        done = result[1:2] != [NOT_AGAIN]
        assert done or result[1:] == [NOT_AGAIN, result[0]], result
        assert times is None or times <= 1, f"{deed} twice"
        assert times is None or times == 1 or not done, f"{deed} never, and called done"
    if results[0][1:2] != [NOT_AGAIN]:
        assert world.interval.value == 7
    if results[3][1:2] != [NOT_AGAIN]:
        assert world.label.value == "north"
    assert (world.interval.value, world.label.value) in {(7, "north"), (10, "north"), (7, "plot"), (10, "plot")}


def undisturbed(rtc: str) -> Board:
    """The board after a life without trouble: how many changes there were, and of how many steps each."""
    world = ToldNode(rtc=rtc)
    life(world)
    assert [result[1:2] for result in world.results()] == [[DONE], [DONE], [], [DONE], [DONE]]
    assert world.did == [deed for deed in DEEDS if deed]
    assert not [name for name in world.board.files if name.startswith("waiting")], "what is delivered is let go of"
    return world.board


@pytest.mark.parametrize("rtc", RTC)
def test_a_reset_at_any_step_of_any_write_executes_nothing_twice_and_leaves_no_item_without_a_word(rtc: str) -> None:
    steps = undisturbed(rtc).steps
    assert len(steps) > 20, "the scenario writes too little to be worth anything"
    unknown = 0
    for change, count in enumerate(steps, 1):
        for step in range(count + 1):
            world = ToldNode(rtc=rtc)
            world.board.cut = change, step
            life(world)
            heal(world)
            check(world)
            unknown += sum(result[1:2] == [NOT_AGAIN] for result in world.results())
    assert unknown, "no reset ever came between an id and its result"


@pytest.mark.parametrize("refuses", [0, 1, 2])
def test_flash_full_from_any_write_on_executes_nothing_twice(refuses: int) -> None:
    for change in range(1, len(undisturbed("none").steps) + 1):
        world = ToldNode()
        world.board.full, world.board.refuses = change, refuses
        life(world)
        heal(world)
        results = world.results()
        assert [result[0] for result in results] == [1, 2, 3, 4, 5]
        assert len(world.did) == len(set(world.did))


@pytest.mark.parametrize("observe", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_over_a_lossy_link_each_is_executed_once_and_told_once(seed: int, observe: bool) -> None:
    world = ToldNode(seed=seed, observe=observe)
    world.run(3000)
    world.loss = 0.4
    for what, *arguments in ORDERS:
        world.gateway.told(what, *arguments)
    world.run(600_000)
    world.loss = 0.0
    world.run(400_000)
    assert [result[0] for result in world.results()] == [1, 2, 3, 4, 5]
    assert world.did == [deed for deed in DEEDS if deed]
    check(world)


def test_a_reset_in_the_middle_of_executing_is_told_as_what_it_is() -> None:
    world = ToldNode()
    world.run(3000)
    half: list[str] = []

    def sulk() -> None:
        half.append("begun")
        raise Reset

    world.sulks = sulk
    world.gateway.told(SULK)
    world.run(60_000)
    assert (half, world.results(), world.resets) == (["begun"], [[1, NOT_AGAIN, 1]], 1)


def test_a_result_survives_a_reset_before_it_was_delivered() -> None:
    world = ToldNode()
    world.run(3000)
    world.sulks = lambda: setattr(world, "loss", 1.0)
    world.gateway.told(SULK)
    world.run(20_000)
    world.reset()
    world.run(20_000)
    world.reset()
    world.loss = 0.0
    world.run(60_000)
    assert world.results() == [[1]]


def test_an_item_in_the_answer_to_the_greeting_is_not_executed_before_its_id_can_be_stored() -> None:
    """A node that starts without state stores none until it is greeted: the greeting's own answer comes first."""
    world = ToldNode()
    begun: list[int] = []

    def sulk() -> None:
        begun.append(world.time)
        raise Reset

    world.sulks = sulk
    world.gateway.told(SULK)
    world.run(60_000)
    assert world.gateway.requests[0] == "POST h"
    assert (len(begun), world.results()) == (1, [[1, NOT_AGAIN, 1]])


def kept(world: ToldNode, enrolment: int, records: list[object]) -> None:
    """What some firmware left in flash."""
    world.node.store.keep(cbor.encode([enrolment, records]))
    world.reset()


def test_what_an_earlier_firmware_kept_is_taken_up() -> None:
    world = ToldNode()
    world.run(3000)
    kept(world, 1, [[{0: 2000}, 5000, 500], [["hello"], 5000, 501]])
    assert [(one.path, one.values, one.seq) for one in world.node.waiting] == [
        ("r", {0: 2000}, 500),
        ("m", ["hello"], 501),
    ]


def test_a_kept_result_is_that_enrolments_alone_and_vouches_for_its_id() -> None:
    world = ToldNode()
    world.run(3000)
    kept(world, 1, [[[9, 0, 30], 5000, 500, "c"]])
    assert [(one.path, one.values) for one in world.node.waiting] == [("c", [9, 0, 30])]
    assert world.node.state["command"] == 9
    kept(world, 2, [[[9, 0, 30], 5000, 500, "c"], [{0: 2000}, 5000, 501, "r"]])
    assert [(one.path, one.seq) for one in world.node.waiting] == [("r", None)]


def test_a_question_that_is_open_takes_no_record_its_seq() -> None:
    world = ToldNode(poll_s=5)
    world.run(3000)
    world.loss = 1.0
    while world.node.client.open is None:
        world.node.step(100)
    if world.node.client.open.path != "c" or world.node.client.open.seq is not None:
        pytest.fail("the scenario asks nothing")
    world.node.waiting = [Waiting({0: 2000}, world.time, 500), Waiting({0: 2001}, world.time)]
    assert world.node.stash(world.time)
    first, second = (one.seq for one in world.node.waiting)
    assert first == 500, "it is known to the gateway by this one"
    assert second is not None
