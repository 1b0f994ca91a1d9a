"""One byte of a counter is enough, and a link whose sides drifted apart heals by itself. No nonce is used twice."""

import random

import pytest
from comatrix_lora.counters import EVERY, QUIET, REQUESTS, RESERVE_STEP, TRIALS, LongForm, Requests, candidates
from comatrix_lora.errors import FrameError, LoraError
from comatrix_lora.frame import MOST
from comatrix_lora.header import LAST_COUNTER, parse_untrusted

from comatrix.session.counter import Counter
from tests.lora.frame_sides import Sides, heard, silent
from tests.session.recording import Recorder


def test_the_figures_are_those_of_the_reference() -> None:
    """docs/reference/wire.md, LoRa frames."""
    assert (TRIALS, REQUESTS, QUIET, EVERY, RESERVE_STEP) == (8, 16, 64, 16, 32)


def is_long(frame: bytes) -> bool:
    return parse_untrusted(frame).long


@pytest.mark.parametrize("highest", [-1, 0, 30, 31, 32, 200, 255, 256, 70_000])
def test_every_counter_up_to_2016_ahead_is_found_by_its_low_byte(highest: int) -> None:
    for counter in range(max(0, highest - 31), highest + 2017):
        found = list(candidates(highest, counter & 0xFF))
        assert counter in found
        assert len(found) == TRIALS
        assert max(found) < max(0, highest - 31) + 2048


@pytest.mark.parametrize(("gap", "taken"), [(1, True), (255, True), (256, True), (2016, True), (2017, False)])
def test_frames_lost_in_a_row_are_bridged(gap: int, taken: bool) -> None:
    sides = Sides()
    sides.up(sides.node.seal_request(500, b"first"))
    frame = sides.node.seal_request(500 + gap, b"next")
    assert not is_long(frame)
    if taken:
        assert sides.up(frame).counter == 500 + gap
    else:
        assert silent(sides.gateway, frame)


def test_the_first_frame_after_boot_says_its_counter_whole() -> None:
    sides = Sides()
    assert [is_long(sides.node.seal_request(counter, b"x")) for counter in (9, 10)] == [True, False]
    sides.boot_node()
    assert [is_long(sides.node.seal_request(counter, b"x")) for counter in (32, 33)] == [True, False]


def test_every_16th_is_long_until_something_was_heard_and_again_after_64_of_silence() -> None:
    form = LongForm()
    said = []
    for counter in range(100):
        said.append(form.due(counter))
        form.sent(said[-1])
    assert [counter for counter in range(100) if said[counter]] == list(range(0, 100, EVERY))
    form.arrived(99)
    said = []
    for counter in range(100, 300):
        said.append(form.due(counter))
        form.sent(said[-1])
    assert [100 + place for place in range(200) if said[place]] == list(range(99 + QUIET + 1, 300, EVERY))


def test_a_node_that_is_answered_never_says_its_counter_whole_again() -> None:
    sides = Sides()
    long = 0
    for counter in range(1, 1000):
        frame = sides.node.seal_request(counter, b"x")
        long += is_long(frame)
        request = sides.up(frame).counter
        if counter % 40 == 0 and request is not None:
            sides.down(sides.gateway.seal_response(request, b"ack"))
    assert long == 3  # the first, and two before the first answer


def outage(sides: Sides, counter: int, frames: int) -> int:
    """That many requests that nobody hears -> the next counter."""
    for _ in range(frames):
        sides.node.seal_request(counter, b"x")
        counter += 1
    return counter


def frames_until_heard(sides: Sides, counter: int) -> int:
    """How many requests of a working link are lost on the gateway before one is taken."""
    for lost in range(200):
        try:
            sides.up(sides.node.seal_request(counter + lost, b"x"))
        except FrameError:
            continue
        return lost
    raise AssertionError("the link is dead")


@pytest.mark.parametrize("frames", [100, 2_000, 10_000, 10_007])
@pytest.mark.parametrize("answered", [True, False])
def test_an_outage_heals_within_16_frames(frames: int, answered: bool) -> None:
    sides = Sides()
    request = sides.up(sides.node.seal_request(1, b"x")).counter
    assert request == 1
    if answered:
        sides.down(sides.gateway.seal_response(1, b"ack"))
    counter = outage(sides, 2, frames)
    lost = frames_until_heard(sides, counter)
    assert lost < EVERY
    sides.down(sides.gateway.seal_response(counter + lost, b"ack"))
    assert all(not is_long(sides.node.seal_request(counter + lost + 1 + more, b"x")) for more in range(QUIET))


@pytest.mark.parametrize("lost", [0, 1, 5])
def test_twenty_reboots_in_a_row_heal_at_once(lost: int) -> None:
    """Each jumps by the reserved step; none of their frames arrives, nor the first `lost` after the last one."""
    sides = Sides()
    sides.up(sides.node.seal_request(1, b"x"))
    reserved = 1
    for _ in range(20):
        sides.boot_node()
        reserved += RESERVE_STEP
        sides.node.seal_request(reserved, b"lost")
    counter = outage(sides, reserved + 1, lost)
    assert frames_until_heard(sides, counter) == 0


def test_reboots_without_end_heal_with_the_next_long_frame() -> None:
    sides = Sides()
    counter = 1
    for _ in range(500):
        sides.boot_node()
        counter = outage(sides, counter, 30) + RESERVE_STEP
    sides.boot_node()
    assert frames_until_heard(sides, outage(sides, counter, 1)) < EVERY


def test_a_gateway_nobody_heard_for_long_is_heard_again() -> None:
    sides = Sides()
    sides.up(sides.node.seal_request(1, b"x"))
    for counter in range(10_000):
        sides.gateway.seal_response(1, b"lost", counter)
    for lost in range(EVERY):
        try:
            sides.down(sides.gateway.seal_response(1, b"command", 10_000 + lost))
        except FrameError:
            continue
        return
    pytest.fail("the link is dead")


def test_an_answer_under_the_request_s_nonce_is_sealed_once() -> None:
    sides = Sides()
    sides.up(sides.node.seal_request(1, b"x"))
    sides.gateway.seal_response(1, b"ack")
    with pytest.raises(LoraError, match="once"):
        sides.gateway.seal_response(1, b"ack again")
    with pytest.raises(LoraError, match="once"):
        sides.gateway.seal_response(2, b"never asked")


def test_a_counter_is_sealed_once_and_never_backwards() -> None:
    sides = Sides()
    sides.node.seal_request(5, b"x")
    for counter in (5, 4, LAST_COUNTER + 1):
        with pytest.raises(LoraError, match="counter"):
            sides.node.seal_request(counter, b"x")
    sides.node.seal_request(LAST_COUNTER, b"x")


def test_what_does_not_fit_a_frame_uses_no_counter() -> None:
    sides = Sides()
    assert len(sides.node.seal_request(1, bytes(MOST - 8 - 7))) == MOST
    with pytest.raises(LoraError, match="more than a frame holds"):
        sides.node.seal_request(2, bytes(MOST - 8 - 2))
    assert len(sides.node.seal_request(2, bytes(MOST - 8 - 3))) == MOST
    with pytest.raises(LoraError, match="nothing to send"):
        sides.node.seal_request(3, b"")


def test_16_requests_are_remembered_and_the_newest_that_was_answered() -> None:
    requests = Requests()
    for counter in range(1, 31):
        requests.add(counter)
    assert requests.open == list(range(30 - REQUESTS + 1, 31))
    requests.answered(15, True)
    assert 15 not in requests.open
    assert (requests.matching(15, False), requests.matching_own(15)) == ([], [15])
    for counter in range(31, 100):
        requests.add(counter)
    assert requests.matching_own(15) == [15]
    assert requests.matching_own(16) == []


def test_a_request_named_whole_is_that_one() -> None:
    requests = Requests()
    for counter in (7, 263, 519):
        requests.add(counter)
    assert requests.matching(7, False) == [519, 263, 7]
    assert requests.matching(263, True) == [263]


def test_a_command_may_be_bound_to_a_request_answered_long_ago() -> None:
    sides = Sides()
    sides.up(sides.node.seal_request(1, b"x"))
    sides.down(sides.gateway.seal_response(1, b"ack"))
    outage(sides, 2, 40)
    opened = sides.down(sides.gateway.seal_response(1, b"command", 8))
    assert (opened.request, opened.counter, opened.plain) == (1, 8, b"command")


def test_requests_whose_low_bytes_are_alike_are_all_tried() -> None:
    sides = Sides()
    for counter in (7, 263, 519):
        sides.up(sides.node.seal_request(counter, b"x"))
    for counter in (263, 519, 7):
        assert sides.down(sides.gateway.seal_response(counter, b"ack")).request == counter


def test_deep_sleep_loses_nothing() -> None:
    sides = Sides()
    for counter in range(1, 20):
        sides.up(sides.node.seal_request(counter, b"x"))
    sides.down(sides.gateway.seal_response(12, b"ack"))
    answers = [sides.gateway.seal_response(counter, b"ack") for counter in (13, 19)]
    slept = sides.node.state()
    sides.boot_node()
    sides.node.resume(slept)
    assert sides.node.state() == slept
    assert [sides.down(answer).request for answer in answers] == [13, 19]
    assert not is_long(sides.node.seal_request(20, b"x"))


class Walk:
    """A long random run of both sides over a bad link, with reboots; the AEADs refuse a nonce seen before."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.recorder = Recorder()
        self.sides = Sides(recorder=self.recorder)
        self.stored = [0, 0]  # reserved limits on disk, of node and gateway
        self.counters = [Counter(0, RESERVE_STEP), Counter(0, RESERVE_STEP)]
        self.kept: list[tuple[str, bytes]] = []
        self.taken = 0

    def counter(self, side: int) -> int:
        if not self.counters[side].ready():
            self.stored[side] = self.counters[side].wanted()
            self.counters[side].granted(self.stored[side])
        return self.counters[side].take()

    def step(self) -> None:
        sides = self.sides
        if self.random.random() < 0.01:
            sides.boot_node()
            self.counters[0] = Counter(self.stored[0], RESERVE_STEP)
        if self.random.random() < 0.01:
            self.restart_gateway()
        self.carry("gateway", sides.node.seal_request(self.counter(0), b"reading"))
        waiting = sides.gateway.answerable
        if waiting and self.random.random() < 0.5:
            request = self.random.choice(waiting)
            own = self.counter(1) if self.random.random() < 0.5 else None
            self.carry("node", sides.gateway.seal_response(request, b"answer", own))

    def restart_gateway(self) -> None:
        """Its window was stored with each request; which of them it may answer is forgotten."""
        window = self.sides.gateway.window
        self.sides.gateway = Sides(recorder=self.recorder).gateway
        self.sides.gateway.window = window
        self.counters[1] = Counter(self.stored[1], RESERVE_STEP)

    def carry(self, hearer: str, frame: bytes) -> None:
        """Loses half, and brings an old frame again every now and then."""
        self.kept = [*self.kept[-50:], (hearer, frame)]
        if self.random.random() < 0.5:
            self.hear(hearer, frame)
        if self.random.random() < 0.2:
            self.hear(*self.random.choice(self.kept))

    def hear(self, hearer: str, frame: bytes) -> None:
        try:
            heard(getattr(self.sides, hearer), frame)
        except FrameError:
            return
        self.taken += 1


@pytest.mark.parametrize("seed", [1, 2])
def test_no_nonce_is_used_twice(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(3_000):
        walk.step()
    assert walk.taken > 1_500
    assert len(walk.recorder.sealed) > 3_500
