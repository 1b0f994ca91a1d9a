"""What a sender sends, when it asks, and what feedback does to it."""

import random

import pytest
from comatrix_lora.errors import LoraError
from comatrix_lora.fragment_format import BUSY, COMPLETE, REFUSED, Feedback, Fragment, encode_fragment
from comatrix_lora.fragment_receiver import Receiver
from comatrix_lora.fragment_sender import CLASHED, DONE, GIVEN_UP, SENDING, Sender

MESSAGE = random.Random(1).randbytes(314)  # ten fragments of 32 bytes, header included


def send(sender: Sender, number: int) -> list[Fragment]:
    fragments = [sender.next_fragment() for _ in range(number)]
    assert None not in fragments
    return [fragment for fragment in fragments if fragment is not None]


def completed(transfer: int, message: bytes) -> Feedback:
    """What a receiver says that got all of it."""
    receiver, sender = Receiver(), Sender(transfer, message, 32)
    while receiver.feedback(transfer).state != COMPLETE:
        receiver.receive_untrusted(encode_fragment(send(sender, 1)[0]), 0)
    return receiver.feedback(transfer)


def test_the_own_fragments_go_first_and_the_last_of_them_asks() -> None:
    sender = Sender(3, MESSAGE, 32)
    for seed in range(10):
        (fragment,) = send(sender, 1)
        assert (fragment.transfer, fragment.block, fragment.k, fragment.seed) == (3, 0, 10, seed)
        assert sender.wants_feedback == (seed == 9)
    assert [fragment.seed for fragment in send(sender, 3)] == [10, 11, 12]


def test_fragments_are_as_short_as_their_number_allows() -> None:
    (fragment,) = send(Sender(0, bytes(300), 32), 1)
    assert (fragment.k, len(fragment.data)) == (10, 31)


def test_after_feedback_what_is_missing_goes_before_it_asks_again() -> None:
    sender = Sender(3, MESSAGE, 32)
    send(sender, 10)
    assert sender.receive_feedback(Feedback(3, ranks=b"\x07"))
    asked = []
    for _ in range(4):
        send(sender, 1)
        asked.append(sender.wants_feedback)
    assert asked == [False, False, True, True]


def test_only_the_block_that_misses_something_is_sent() -> None:
    sender = Sender(3, bytes(1018 + 64), 32)  # two blocks of 17
    assert {fragment.block for fragment in send(sender, 34)} == {0, 1}
    sender.receive_feedback(Feedback(3, ranks=b"\x0f\x11"))
    assert {fragment.block for fragment in send(sender, 5)} == {0}
    sender.receive_feedback(Feedback(3, first=1, ranks=b"\x11"))
    assert sender.state == SENDING


def test_the_window_closes_without_answers_and_a_retry_opens_it_for_one() -> None:
    sender = Sender(3, bytes(4000), 32, window=20)
    asked = []
    for _ in range(20):
        send(sender, 1)
        asked.append(sender.wants_feedback)
    assert asked == [False] * 9 + [True] * 11
    assert sender.next_fragment() is None
    sender.retry()
    send(sender, 1)
    assert sender.next_fragment() is None
    assert sender.receive_feedback(Feedback(3, ranks=b"\x09"))
    send(sender, 20)


def test_the_message_is_done_when_the_receiver_says_so_and_not_before() -> None:
    sender = Sender(3, MESSAGE, 32)
    send(sender, 10)
    sender.receive_feedback(Feedback(3, ranks=b"\x0a"))
    assert sender.state == SENDING
    send(sender, 1)
    assert sender.wants_feedback
    sender.receive_feedback(completed(3, MESSAGE))
    assert sender.state == DONE
    assert sender.next_fragment() is None


def test_complete_for_another_message_of_that_number_is_noticed() -> None:
    sender = Sender(3, MESSAGE, 32)
    sender.receive_feedback(completed(3, b"another"))
    assert sender.state == CLASHED
    assert sender.next_fragment() is None


def test_old_repeated_and_foreign_feedback_changes_nothing() -> None:
    sender = Sender(3, MESSAGE, 32)
    send(sender, 15)
    assert sender.receive_feedback(Feedback(3, ranks=b"\x07"))
    send(sender, 2)
    for told in (Feedback(3, ranks=b"\x07"), Feedback(3, ranks=b"\x05"), Feedback(4, COMPLETE), Feedback(4, REFUSED)):
        assert not sender.receive_feedback(told)
    assert (sender.unanswered, sender.state) == (2, SENDING)
    send(sender, 1)
    assert sender.wants_feedback  # as if nothing had come between


@pytest.mark.parametrize(
    "told", [Feedback(3, ranks=b"\x0b"), Feedback(3, ranks=b"\x01\x01"), Feedback(3, first=1, ranks=b"\x01")]
)
def test_feedback_about_blocks_that_are_not_there_changes_nothing(told: Feedback) -> None:
    sender = Sender(3, MESSAGE, 32)
    send(sender, 10)
    assert not sender.receive_feedback(told)
    assert sender.unanswered == 10


def test_a_receiver_that_lost_everything_is_believed_the_second_time() -> None:
    sender = Sender(3, MESSAGE, 32)
    send(sender, 10)
    sender.receive_feedback(Feedback(3, ranks=b"\x09"))
    assert not sender.receive_feedback(Feedback(3, ranks=b"\x01"))
    assert sender.receive_feedback(Feedback(3, ranks=b"\x02"))
    for _ in range(8):
        send(sender, 1)
    assert sender.wants_feedback
    assert sender.unanswered == 8


def test_a_busy_receiver_gets_one_fragment_a_retry_and_a_refusal_ends_it() -> None:
    sender = Sender(3, MESSAGE, 32)
    sender.receive_feedback(Feedback(3, BUSY))
    assert sender.next_fragment() is None
    sender.retry()
    send(sender, 1)
    assert sender.next_fragment() is None
    sender.receive_feedback(Feedback(3, REFUSED))
    assert sender.state == GIVEN_UP


def test_seeds_begin_again_after_256_fragments() -> None:
    sender = Sender(3, b"x", 32)
    seeds = []
    for _ in range(258):
        sender.retry()
        seeds.append(send(sender, 1)[0].seed)
    assert seeds == [*range(256), 0, 1]


@pytest.mark.parametrize("message", [b"", bytes(65537)])
def test_a_message_that_does_not_fit_is_refused(message: bytes) -> None:
    with pytest.raises(LoraError):
        Sender(0, message, 32)
