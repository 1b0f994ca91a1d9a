"""What acks do to open readings, which frames carry them, and what nonsense does not do."""

import random

import pytest
from comatrix_lora.history import FARTHEST, REACH, Chosen, History
from comatrix_lora.received import Received, carried_untrusted

PERIOD_MS = 60000


def size(values: list[tuple[int, ...]], aged: bool) -> int:
    return 13 + 2 * len(values) + (2 if len(values) > 1 else 0) + (2 + 2 * len(values) if aged else 0)


def history(*seqs: int, capacity: int = 128) -> History:
    made = History(size, PERIOD_MS, capacity)
    for seq in seqs:
        send(made, seq)
    return made


def send(node: History, seq: int, at_ms: int | None = None, limit: int = 51) -> Chosen:
    at_ms = seq * PERIOD_MS if at_ms is None else at_ms
    node.add(seq, (seq,), at_ms)
    chosen = node.next_frame(seq, at_ms, lambda size: size, limit)
    assert chosen is not None
    return chosen


def repeat(node: History, counter: int) -> Chosen:
    chosen = node.repeat(counter, counter * PERIOD_MS, lambda size: size, 51)
    assert chosen is not None
    return chosen


def open_seqs(node: History) -> list[int]:
    return [seq for seq, _, _ in node.open()]


def test_a_first_frame_carries_its_reading_alone() -> None:
    chosen = send(history(), 7)
    assert (chosen.seqs, chosen.values, chosen.ages_s, chosen.ask) == ([7], [(7,)], None, False)
    assert (chosen.behind, chosen.oldest, chosen.bitmap) == (0, None, 0)


def test_the_sixth_open_reading_asks_and_an_ack_confirms_all_it_names() -> None:
    node = history(1, 2, 3, 4, 5)
    assert send(node, 6, limit=19).ask
    assert node.acked(6, 3, 0b101) == [1, 2, 4, 6]
    assert open_seqs(node) == [3, 5]


def test_what_an_ack_shows_missing_goes_first() -> None:
    node = history(1, 2, 3, 4, 5)
    send(node, 6, limit=19)
    node.acked(6, 3, 0b101)
    assert send(node, 7).seqs == [7, 5, 3]


def test_counters_and_bitmaps_go_over_256() -> None:
    node = history(*range(65530, 65536))
    assert node.acked(65535, 65534 & 0xFF, 0b1) == [65530, 65531, 65532, 65533, 65535]
    chosen = send(node, 65536)
    assert carried_untrusted(65536, chosen.behind, chosen.oldest, chosen.bitmap) == [65536, 65534]
    node = history(254, 255, 256, 257, 258, 259)
    chosen = send(node, 260)
    assert carried_untrusted(260, 0, chosen.oldest, chosen.bitmap) == chosen.seqs
    assert node.acked(260, 5, 0) == [254, 255, 256, 257, 258, 259, 260]


@pytest.mark.parametrize(
    ("counter", "base", "bitmap"),
    [
        (5, 6, 0),  # did not ask
        (99, 100, 0),  # never sent
        (6, 8, 0),  # beyond the frame
        (6, 0, 0),  # below its oldest
        (6, 3, 0x80),  # a counter to come
        (6, 1, 0b11110),  # lacks what that very frame carried
        (6, 256, 0),
        (6, -1, 0),
        (6, 3, 256),
    ],
)
def test_nonsense_from_an_authenticated_gateway_confirms_nothing(counter: int, base: int, bitmap: int) -> None:
    node = history(1, 2, 3, 4, 5, 6)
    assert node.acked(counter, base, bitmap) == []
    assert (open_seqs(node), node.refused) == ([1, 2, 3, 4, 5, 6], 1)


def test_an_ack_that_confirms_what_was_never_sent_confirms_nothing() -> None:
    node = history(1, 2, 3, 4, 5)
    node.add(6, (6,), 6 * PERIOD_MS)
    send(node, 7, limit=19)
    assert node.acked(7, 8, 0) == []
    assert (len(node.open()), node.refused) == (7, 1)


def test_an_ack_of_counters_to_come_confirms_nothing() -> None:
    node = history(1, 2, 3, 4, 5)
    send(node, 6, limit=19)
    assert node.acked(6, 3, 0b10000101) == []
    assert node.refused == 1


def test_what_was_sent_since_the_frame_acked_is_not_missing() -> None:
    node = history(1, 2, 3, 4, 5)
    send(node, 6, limit=19)
    send(node, 7, limit=19)
    node.acked(6, 2, 0b1011)
    assert [(one.seq, one.missing) for one in node.records] == [(2, True), (5, True), (7, False)]


def test_a_calm_link_repeats_the_latest_for_nothing_and_what_is_missing_for_something() -> None:
    node = history(*range(1, 13))
    node.acked(12, 13, 0)
    for seq in range(13, 25):
        node.loss = 0
        node.add(seq, (seq,), seq * PERIOD_MS)
        chosen = node.next_frame(seq, seq * PERIOD_MS, lambda size: 1, 255)
    assert chosen is not None
    assert chosen.seqs == list(range(24, 14, -1))
    assert send(node, 25).seqs == [25]
    node.records[3].missing = True
    assert send(node, 26).seqs == [26, 13]


def test_an_ack_counts_once() -> None:
    node = history(1, 2, 3, 4, 5, 6)
    assert node.acked(6, 7, 0)
    assert node.acked(6, 7, 0) == []
    assert node.refused == 1


def test_an_older_ack_says_nothing_of_what_was_sent_since() -> None:
    node = history(1, 2, 3, 4, 5, 6)
    carried = send(node, 7).seqs
    assert 1 in carried
    assert node.acked(6, 7, 0) == [1, 2, 3, 4, 5, 6]
    assert open_seqs(node) == [7]
    assert node.refused == 0


@pytest.mark.parametrize("seed", range(5))
def test_no_ack_whatever_confirms_what_was_never_sent_or_raises(seed: int) -> None:
    draw = random.Random(seed)
    node = history()
    for seq in range(1, 400):
        chosen = send(node, seq)
        confirmed = node.acked(seq - draw.randrange(3), draw.randrange(300) - 20, draw.randrange(300) - 20)
        assert all(one <= seq for one in confirmed)
        assert len(node.open()) <= 128
        assert chosen.seqs[0] == seq


def test_a_full_history_lets_the_oldest_go_and_counts_it() -> None:
    node = history(*range(1, 11), capacity=4)
    assert (open_seqs(node), node.dropped) == ([7, 8, 9, 10], 6)


def test_groups_further_apart_go_in_frames_of_their_own_oldest_first() -> None:
    node = history(1, 2, 40, 41, 42)
    first = repeat(node, 50)
    assert (first.seqs, first.behind, first.ask) == ([2, 1], 48, True)
    assert node.acked(50, 3, 0) == [1, 2]
    second = repeat(node, 51)
    assert (second.seqs, second.behind) == ([42, 41, 40], 9)
    assert node.acked(51, 43, 0) == [40, 41, 42]
    assert node.repeat(52, 0, lambda size: size, 51) is None


def test_what_a_low_byte_cannot_name_goes_in_a_frame_of_its_own() -> None:
    node = history(1)
    assert send(node, 1 + REACH).seqs == [1 + REACH, 1]
    assert not node.far(1 + REACH)
    node = history(1)
    assert send(node, 2 + REACH).seqs == [2 + REACH]
    assert node.far(2 + REACH)
    chosen = repeat(node, 1000)
    assert carried_untrusted(1000, chosen.behind, chosen.oldest, chosen.bitmap) == [1]


@pytest.mark.parametrize("apart", [1, 9, 200, REACH])
def test_sender_and_receiver_agree_at_every_distance(apart: int) -> None:
    node = History(size, PERIOD_MS, 2)
    gateway = Received(PERIOD_MS)
    send(node, 1000)
    chosen = send(node, 1000 + apart)
    seqs = carried_untrusted(1000 + apart, 0, chosen.oldest, chosen.bitmap)
    gateway.receive(1000 + apart, seqs, chosen.values, 0)
    for counter in range(1001, 1000 + apart):
        gateway.heard(counter)
    assert chosen.ask
    assert node.acked(1000 + apart, *gateway.ack(1000 + apart, seqs)) == [1000, 1000 + apart]


def test_too_old_to_be_named_is_let_go_and_counted() -> None:
    node = history(1)
    assert node.repeat(2 + FARTHEST, 0, lambda size: size, 51) is None
    assert node.dropped == 1


def test_readings_one_interval_apart_need_no_ages_and_others_carry_them() -> None:
    node = history(1, 2)
    assert send(node, 3, 3 * PERIOD_MS + PERIOD_MS // 8).ages_s is None
    assert send(node, 4, 4 * PERIOD_MS - 20000).ages_s == [0, 32, 100, 160]
    chosen = repeat(node, 9)
    assert chosen.ages_s == [320, 352, 420, 480]


def test_an_age_is_capped() -> None:
    chosen = history(1).repeat(2, 10**9, lambda size: size, 51)
    assert chosen is not None
    assert chosen.ages_s == [0xFFFF]


def test_no_frame_is_longer_than_the_limit() -> None:
    node = history()
    for seq in range(40):
        chosen = send(node, seq, limit=20)
        assert size(chosen.values, chosen.ages_s is not None) <= 20


def test_a_stash_gives_the_open_readings_back() -> None:
    node = history(1, 2, 3)
    after = history()
    after.restore(node.open())
    assert after.open() == node.open()
    assert send(after, 32).seqs[0] == 32


def test_what_was_never_sent_is_not_taken_for_sent() -> None:
    node = history(1, 2)
    node.add(3, (3,), 3 * PERIOD_MS)  # no airtime was left
    assert send(node, 4).seqs == [4, 3, 2, 1]


def test_a_seq_must_grow_and_sizes_be_sensible() -> None:
    with pytest.raises(ValueError, match="grow"):
        history(2).add(2, (0,), 0)
    with pytest.raises(ValueError, match="begin at 1"):
        History(size, 0)
    assert history(2).next_frame(3, 0, lambda size: size, 51) is None
