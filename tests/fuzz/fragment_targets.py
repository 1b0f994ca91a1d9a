"""What must hold of fragments and feedback from the air, whatever they are made of."""

from comatrix_lora.errors import LoraError
from comatrix_lora.fragment_format import (
    decode_feedback_untrusted,
    decode_fragment_untrusted,
    encode_feedback,
    encode_fragment,
)
from comatrix_lora.fragment_receiver import Limits, Receiver

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
