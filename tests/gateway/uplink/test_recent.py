"""Stored requests are known for EXCHANGE_LIFETIME, the newest of them at least, and no more than is needed."""

from comatrix.gateway.uplink.recent import CAP, Recent
from comatrix.session.duplicates import EXCHANGE_LIFETIME_MS, MOST_REPEATS

NOW_MS = 1_800_000_000_000
DIGEST = b"8 octets"


def test_a_copy_is_answered_within_its_time_and_number_of_times() -> None:
    recent = Recent([(7, 3, DIGEST, NOW_MS)])
    assert not recent.answers(7, 4, DIGEST, NOW_MS)
    assert not recent.answers(8, 3, DIGEST, NOW_MS)
    assert not recent.answers(7, 3, b"8 others", NOW_MS)
    assert not recent.answers(7, 3, DIGEST, NOW_MS + EXCHANGE_LIFETIME_MS + 1)
    answered = [recent.answers(7, 3, DIGEST, NOW_MS + EXCHANGE_LIFETIME_MS) for _ in range(MOST_REPEATS + 1)]
    assert answered == [True] * MOST_REPEATS + [False]


def test_the_largest_counter_and_node_are_told_from_each_other() -> None:
    recent = Recent([])
    for node in (1, 2, 3, 2**31):
        for counter in (0, 1, 2**40 - 1):
            recent.add(node, counter, b"%d/%d" % (node, counter), NOW_MS)
    for node in (1, 2, 3, 2**31):
        for counter in (0, 1, 2**40 - 1):
            assert recent.answers(node, counter, b"%d/%d" % (node, counter), NOW_MS)


def test_the_newest_are_known_however_many_come() -> None:
    recent = Recent([])
    for counter in range(5 * CAP):
        recent.add(7, counter, DIGEST, NOW_MS)
        assert recent.held <= 2 * CAP
        assert counter < CAP or recent.answers(7, counter - CAP + 1, DIGEST, NOW_MS)


def test_what_is_too_old_to_be_answered_leaves_memory() -> None:
    recent = Recent([])
    for number in range(1000):
        now_ms = NOW_MS + number * EXCHANGE_LIFETIME_MS // 10
        recent.add(7, number, DIGEST, now_ms)
        assert recent.held <= 2 * 11 + 1
        assert number < 10 or recent.answers(7, number - 10, DIGEST, now_ms)
