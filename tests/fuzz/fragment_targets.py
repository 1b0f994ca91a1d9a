"""What must hold of fragments and feedback from the air, whatever they are made of."""

import contextlib

from comatrix_lora.errors import FrameError, LoraError
from comatrix_lora.fragment_format import (
    decode_feedback_untrusted,
    decode_fragment_untrusted,
    encode_feedback,
    encode_fragment,
)
from comatrix_lora.fragment_receiver import Limits, Receiver
from comatrix_lora.incoming import SIZE, Incoming
from comatrix_lora.rules import Command, Fragment, decode_untrusted

_LONGEST = 243


def fragment(data: bytes) -> None:
    """decode_fragment_untrusted: what is read is written the same."""
    assert encode_fragment(decode_fragment_untrusted(data)) == data


def feedback(data: bytes) -> None:
    """decode_feedback_untrusted: what is read is written the same."""
    assert encode_feedback(decode_feedback_untrusted(data)) == data


def receive(data: bytes) -> None:
    """receive_untrusted: bytes cut into fragments by a length in front of each never hold more than the limits."""
    receiver = Receiver(Limits(message_bytes=1000, held_bytes=4000, transfers=2))
    refused: LoraError | None = None
    for now in range(200):
        size = data[0] % (_LONGEST + 2) if data else 0
        try:
            receiver.receive_untrusted(data[1 : 1 + size], now)
        except LoraError as error:
            refused = error
        assert receiver.held <= 4000
        encode_feedback(receiver.feedback(data[1] if len(data) > 1 else 0))
        data = data[1 + size :]
    if refused:
        raise refused


def item(data: bytes) -> None:
    """receive_untrusted: contents cut as by `receive` hold no more than the limits, and every question has an answer.

    What comes whole was said so, by a rule that a frame of ours could hold."""
    incoming, most = Incoming(300), 600
    refused: FrameError | None = None
    for now in range(100):
        size = data[0] % (_LONGEST + 2) if data else 0
        plain, data = data[1 : 1 + size], data[1 + size :]
        with contextlib.suppress(FrameError):
            said = decode_untrusted(plain)
            if isinstance(said, Fragment):
                try:
                    found = incoming.receive_untrusted(said, plain, now)
                except FrameError as error:
                    refused = error
                    continue
                assert found is None or (isinstance(found, Command) and len(found.encode()) <= 301)
                assert bool(incoming.offers()) >= said.ack
        assert incoming.held <= most
        if incoming.offers() and now % 3:
            owed = incoming.rule()
            assert owed is None or len(owed.encode()) + 3 + 8 <= SIZE
            assert not incoming.offers()
    for block in range(8):  # there is not room for all
        opening = Fragment("c", 1, block, 8, 8, bytes(13))
        with contextlib.suppress(FrameError):
            incoming.receive_untrusted(opening, opening.encode(), 100)
        assert incoming.held <= most
    incoming.handle_timer(10_000_000)
    assert not incoming.held
    if refused:
        raise refused
