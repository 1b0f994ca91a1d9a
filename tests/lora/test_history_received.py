"""What the gateway says came, in which order it lets readings go, and what it remembers."""

import random

import pytest
from comatrix_lora.received import Counters, Received, carried_untrusted

PERIOD = 60000


def hear(gateway: Received, counter: int, older: list[int] | None = None, now: int = 0) -> list[int]:
    """A frame with the reading `counter` and `older`, newest first -> which seqs were new."""
    seqs = [counter, *(older or [])]
    return [seqs[index] for index in gateway.receive(counter, seqs, seqs, now)]


def out(gateway: Received, now: int = 0) -> list[tuple[int, bool]]:
    return [(seq, late) for seq, _, late in gateway.deliverable(now)]


def test_oldest_and_bitmap_name_the_older_readings() -> None:
    assert carried_untrusted(300, 0, None, 0) == [300]
    assert carried_untrusted(300, 0, 0xFE, 0b10000001) == [300, 262, 255, 254]
    assert carried_untrusted(5000, 4990, 3, 0b1) == [10, 4, 3]


@pytest.mark.parametrize(
    ("counter", "behind", "oldest", "bitmap"),
    [
        (300, 0, 300 & 0xFF, 0),  # older than itself
        (10, 0, 8, 0b10),  # a reading to come
        (10, 0, 9, 0b1),  # its own newest
        (10, 11, None, 0),
        (10, -1, None, 0),
        (100000, 65536, None, 0),
        (3, 0, 200, 0),  # below 0
        (300, 0, 256, 0),
        (300, 0, 1, 256),
        (300, 0, 1, -1),
    ],
)
def test_what_no_node_says_is_refused(counter: int, behind: int, oldest: int | None, bitmap: int) -> None:
    with pytest.raises(ValueError, match=r"older|reading|byte"):
        carried_untrusted(counter, behind, oldest, bitmap)


def test_any_bytes_give_falling_seqs_or_one_error() -> None:
    draw = random.Random(1)
    for _ in range(5000):
        counter, behind = draw.randrange(600), draw.choice([0, draw.randrange(600)])
        try:
            seqs = carried_untrusted(counter, behind, draw.choice([None, draw.randrange(256)]), draw.randrange(256))
        except ValueError:
            continue
        assert seqs == sorted(set(seqs), reverse=True)
        assert 0 <= seqs[-1] <= seqs[0] <= counter


def test_an_ack_tells_the_first_gap_and_what_came_after() -> None:
    gateway = Received(PERIOD)
    for counter in (1, 2, 5, 6, 8):
        hear(gateway, counter)
    assert gateway.ack(8, [8, 1]) == (3, 0b10110)
    assert gateway.ack(8, [8, 5]) == (7, 0b1)
    assert gateway.ack(6, [6, 5]) == (7, 0)


def test_an_ack_says_nothing_above_its_frame() -> None:
    gateway = Received(PERIOD)
    for counter in (1, 3, 4):
        hear(gateway, counter)
    assert gateway.ack(3, [3, 1]) == (2, 0b1)
    gateway.heard(2)
    assert gateway.ack(3, [3, 1]) == (4, 0)


def test_counters_of_frames_without_readings_are_no_gaps() -> None:
    gateway = Received(PERIOD)
    hear(gateway, 1)
    gateway.heard(2)
    hear(gateway, 3, [1])
    assert gateway.ack(3, [3, 1]) == (4, 0)
    assert out(gateway) == [(1, False), (3, False)]


def test_a_reading_is_new_once() -> None:
    gateway = Received(PERIOD)
    assert hear(gateway, 4) == [4]
    assert hear(gateway, 5, [4, 3]) == [5, 3]
    assert hear(gateway, 5, [4, 3]) == []
    assert hear(gateway, 6, [5, 3]) == [6]


def test_a_reading_waits_while_an_older_one_may_be_open() -> None:
    gateway = Received(PERIOD)
    hear(gateway, 1)
    assert out(gateway) == [(1, False)]
    hear(gateway, 3, [1])
    assert out(gateway) == []
    hear(gateway, 4, [2, 1], PERIOD)
    assert out(gateway, PERIOD) == [(2, False), (3, False), (4, False)]


def test_it_waits_three_periods_and_what_comes_then_is_late() -> None:
    gateway = Received(PERIOD)
    hear(gateway, 1)
    out(gateway)
    hear(gateway, 3, [1])
    assert gateway.next_deadline() == 3 * PERIOD
    assert out(gateway, 3 * PERIOD - 1) == []
    assert out(gateway, 3 * PERIOD) == [(3, False)]
    assert gateway.next_deadline() is None
    hear(gateway, 7, [2], 4 * PERIOD)
    assert out(gateway, 4 * PERIOD)[0] == (2, True)


def test_what_follows_one_that_is_due_does_not_wait_for_what_it_waited_for() -> None:
    gateway = Received(PERIOD)
    hear(gateway, 1)
    out(gateway)
    hear(gateway, 3, [1])
    hear(gateway, 4, [1], PERIOD)
    assert out(gateway, 3 * PERIOD) == [(3, False), (4, False)]


def test_a_frame_without_history_waits_for_nothing() -> None:
    gateway = Received(PERIOD)
    hear(gateway, 1)
    hear(gateway, 9)
    assert out(gateway) == [(1, False), (9, False)]


def test_the_oldest_open_ends_the_wait_for_what_was_let_go() -> None:
    gateway = Received(PERIOD)
    hear(gateway, 1)
    hear(gateway, 3, [1])
    out(gateway)
    hear(gateway, 4, [3])
    assert out(gateway) == [(3, False), (4, False)]


def test_after_a_restart_it_knows_what_was_stored() -> None:
    gateway = Received(PERIOD, 3, [1, 2, 4], posted=4)
    assert hear(gateway, 5, [4, 3, 2]) == [5, 3]
    assert gateway.ack(5, [5, 4, 3, 2]) == (6, 0)
    assert out(gateway) == [(3, True), (5, False)]


def test_memory_is_bounded_whatever_a_node_says() -> None:
    gateway = Received(PERIOD)
    draw = random.Random(2)
    for number in range(2000):
        counter = draw.randrange(1 << 32)
        hear(gateway, counter, [max(counter - 3, 0)], number)
        assert len(gateway._came._blocks) <= 8
    assert len(gateway.deliverable(0)) >= 1000
    assert len(gateway._held) <= 64


def test_no_more_than_64_readings_wait() -> None:
    gateway = Received(PERIOD)
    for counter in range(10, 210, 2):
        hear(gateway, counter, [1])
    assert out(gateway) == [(1, False), *((counter, False) for counter in range(10, 82, 2))]


def test_the_lowest_counters_are_forgotten_first() -> None:
    counters = Counters()
    for counter in range(0, 9 * 256, 256):
        counters.add(counter)
    assert 0 not in counters
    assert 256 in counters
    assert 8 * 256 in counters
    assert 8 * 256 + 1 not in counters


def test_an_older_frame_does_not_say_what_is_open_now() -> None:
    gateway = Received(PERIOD)
    hear(gateway, 1)
    out(gateway)
    hear(gateway, 5, [3])
    hear(gateway, 4, [1])
    assert out(gateway) == [(3, False), (4, False), (5, False)]
