"""What a receiver takes, holds, gives out and answers."""

import contextlib
import random
from binascii import crc32

import pytest
from comatrix_lora.errors import FrameError, LoraError
from comatrix_lora.fragment_format import (
    BUSY,
    COMPLETE,
    RANKS,
    REFUSED,
    Fragment,
    check_of,
    decode_feedback_untrusted,
    encode_feedback,
    encode_fragment,
)
from comatrix_lora.fragment_receiver import Limits, Receiver
from comatrix_lora.fragment_sender import DONE, SENDING, Sender

MESSAGE = random.Random(1).randbytes(314)  # ten fragments of 32 bytes, header included


def fragments(message: bytes, number: int, transfer: int = 3, size: int = 32) -> list[bytes]:
    sender = Sender(transfer, message, size, window=255)
    found = [sender.next_fragment() for _ in range(number)]
    return [encode_fragment(fragment) for fragment in found if fragment is not None]


def receive_all(receiver: Receiver, bodies: list[bytes], now: int = 0) -> list[bytes]:
    return [message for body in bodies if (message := receiver.receive_untrusted(body, now)) is not None]


@pytest.mark.parametrize("seed", range(20))
def test_any_ten_of_the_fragments_give_the_message_in_any_order(seed: int) -> None:
    receiver = Receiver()
    chosen = random.Random(seed).sample(fragments(MESSAGE, 40), 10)
    assert receive_all(receiver, chosen[:9]) == []
    assert receive_all(receiver, chosen[9:]) == [MESSAGE]
    assert receiver.held == 0


def test_a_repeated_fragment_changes_nothing() -> None:
    receiver = Receiver()
    bodies = fragments(MESSAGE, 20)[8:18]
    for count, body in enumerate(bodies[:9], 1):
        receive_all(receiver, [body, body])
        assert receiver.feedback(3).ranks == bytes([count])
    assert receive_all(receiver, bodies) == [MESSAGE]


def test_a_completed_transfer_answers_complete_and_comes_out_once() -> None:
    receiver = Receiver()
    assert receive_all(receiver, fragments(MESSAGE, 30)) == [MESSAGE]
    told = receiver.answer(3)
    assert told is not None
    assert (told.state, told.check) == (COMPLETE, check_of(crc32(MESSAGE)))


def test_transfers_interleave() -> None:
    receiver = Receiver()
    messages = [random.Random(number).randbytes(700 + 500 * number) for number in range(4)]
    rounds = zip(*[fragments(message, 80, number) for number, message in enumerate(messages)], strict=True)
    assert sorted(receive_all(receiver, [body for row in rounds for body in row])) == sorted(messages)


def test_a_conflicting_number_or_size_of_fragments_is_refused_and_the_rest_goes_on() -> None:
    receiver = Receiver()
    bodies = fragments(MESSAGE, 10)
    receive_all(receiver, bodies[:5])
    for wrong in (Fragment(3, 0, 11, 7, bytes(32)), Fragment(3, 0, 10, 7, bytes(31))):
        with pytest.raises(FrameError):
            receiver.receive_untrusted(encode_fragment(wrong), 0)
    assert receive_all(receiver, bodies[5:]) == [MESSAGE]


def test_blocks_the_message_does_not_have_are_refused() -> None:
    receiver = Receiver()
    receive_all(receiver, fragments(bytes(1082), 17))  # the first of two blocks of 17
    for wrong in (Fragment(3, 2, 17, 0, bytes(32)), Fragment(3, 1, 16, 0, bytes(32))):
        with pytest.raises(FrameError):
            receiver.receive_untrusted(encode_fragment(wrong), 0)
    receive_all(receiver, [encode_fragment(Fragment(3, 1, 17, 0, bytes(32)))])
    assert (receiver.feedback(3).first, receiver.feedback(3).ranks) == (1, b"\x01")


def test_a_block_that_contradicts_the_header_drops_the_transfer() -> None:
    receiver = Receiver()
    receive_all(receiver, [encode_fragment(Fragment(3, 5, 17, 0, bytes(32)))])
    with pytest.raises(FrameError):
        receive_all(receiver, fragments(MESSAGE, 10))
    assert receiver.held == 0
    assert receive_all(receiver, fragments(MESSAGE, 10)) == [MESSAGE]


def test_two_messages_under_one_number_never_come_out_as_one() -> None:
    receiver = Receiver()
    receive_all(receiver, fragments(MESSAGE, 5))
    with pytest.raises(FrameError, match="checksum"):
        receive_all(receiver, fragments(MESSAGE[:-1] + b"?", 10)[5:])
    assert receiver.feedback(3).ranks == b"\x00"
    assert receive_all(receiver, fragments(MESSAGE, 10)) == [MESSAGE]


def test_one_transfer_more_than_may_be_open_hears_busy() -> None:
    receiver = Receiver(Limits(transfers=2))
    for number in (1, 2):
        receive_all(receiver, fragments(MESSAGE, 1, number))
    with pytest.raises(LoraError):
        receive_all(receiver, fragments(MESSAGE, 1, 3))
    told = receiver.answer(3)
    assert told is not None
    assert told.state == BUSY
    receive_all(receiver, fragments(MESSAGE, 10, 1))
    assert receive_all(receiver, fragments(MESSAGE, 10, 3)) == [MESSAGE]


def test_the_older_transfer_has_the_room_and_both_arrive_in_the_end() -> None:
    receiver = Receiver(Limits(held_bytes=3000))
    messages = {number: random.Random(number).randbytes(1800) for number in (1, 2)}
    senders = {number: Sender(number, message, 32) for number, message in messages.items()}
    arrived = []
    for now in range(2000):
        sender = senders[1 + now % 2]
        fragment = sender.next_fragment()
        if fragment is None:
            sender.retry()
            continue
        with contextlib.suppress(LoraError):
            arrived += receive_all(receiver, [encode_fragment(fragment)], now)
        assert receiver.held <= 3000
        told = receiver.answer(sender.transfer) if sender.wants_feedback else None
        if told:
            sender.receive_feedback(decode_feedback_untrusted(encode_feedback(told)))
    assert [sender.state for sender in senders.values()] == [DONE, DONE]
    assert arrived == [messages[1], messages[2]]


@pytest.mark.parametrize("limits", [Limits(message_bytes=313), Limits(held_bytes=400)])
def test_a_message_that_is_too_large_is_refused_and_that_is_remembered(limits: Limits) -> None:
    receiver = Receiver(limits)
    with pytest.raises(LoraError):
        receive_all(receiver, fragments(MESSAGE, 10))
    assert receiver.feedback(3).state == REFUSED
    assert receive_all(receiver, fragments(MESSAGE, 10)) == []
    assert receiver.held == 0


def test_an_idle_transfer_is_dropped() -> None:
    receiver = Receiver(Limits(idle_ms=1000))
    receive_all(receiver, fragments(MESSAGE, 5), 0)
    receive_all(receiver, fragments(MESSAGE, 6), 900)
    assert receiver.next_deadline() == 1900
    receiver.handle_timer(1899)
    assert receiver.feedback(3).ranks == b"\x06"
    receiver.handle_timer(1900)
    assert receiver.feedback(3).ranks == b"\x00"
    assert (receiver.held, receiver.next_deadline()) == (0, None)


def test_an_ended_transfer_is_forgotten_after_its_time_or_when_many_ended_since() -> None:
    receiver = Receiver(Limits(memory_ms=1000, remembered=3))
    for number in range(4):
        assert receive_all(receiver, fragments(MESSAGE, 10, number), 10 + number) == [MESSAGE]
    assert [receiver.feedback(number).state for number in range(4)] == [RANKS, COMPLETE, COMPLETE, COMPLETE]
    assert receiver.next_deadline() == 1011
    receive_all(receiver, fragments(MESSAGE, 1, 1), 900)
    receiver.handle_timer(1013)
    assert [receiver.feedback(number).state for number in range(4)] == [RANKS, COMPLETE, RANKS, RANKS]


def test_a_message_that_could_not_be_stored_comes_again() -> None:
    receiver, sender = Receiver(), Sender(3, MESSAGE, 32)
    receive_all(receiver, fragments(MESSAGE, 10))
    receiver.forget(3)
    messages = []
    while sender.state == SENDING:
        fragment = sender.next_fragment()
        assert fragment is not None
        messages += receive_all(receiver, [encode_fragment(fragment)])
        told = receiver.answer(3) if sender.wants_feedback else None
        if told:
            sender.receive_feedback(told)
    assert messages == [MESSAGE]


def test_a_single_block_that_is_not_whole_answers_every_sixth_question_and_several_blocks_each() -> None:
    receiver = Receiver()
    receive_all(receiver, fragments(MESSAGE, 5))
    assert [receiver.answer(3) is not None for _ in range(12)] == [False, False, False, False, False, True] * 2
    receive_all(receiver, fragments(bytes(1082), 20, 4))
    assert receiver.answer(4) is not None


def test_a_receiver_that_restarts_in_the_middle_gets_all_of_it() -> None:
    message = random.Random(5).randbytes(3000)
    sender, receiver, messages = Sender(3, message, 32), Receiver(), []
    for step in range(400):
        if step == 70:
            receiver = Receiver()
        fragment = sender.next_fragment()
        if fragment is None:
            sender.retry()
            continue
        messages += receive_all(receiver, [encode_fragment(fragment)])
        told = receiver.answer(3) if sender.wants_feedback else None
        if told:
            sender.receive_feedback(decode_feedback_untrusted(encode_feedback(told)))
    assert (sender.state, messages) == (DONE, [message])
