"""Fragments and feedback as bytes, and how messages are cut."""

import pytest
from comatrix_lora.errors import FrameError, LoraError
from comatrix_lora.fragment_format import (
    BUSY,
    COMPLETE,
    HEADER,
    MAX_MESSAGE,
    REFUSED,
    Feedback,
    Fragment,
    Layout,
    check_of,
    decode_feedback_untrusted,
    decode_fragment_untrusted,
    encode_feedback,
    encode_fragment,
)


def test_a_fragment_is_four_bytes_and_its_data() -> None:
    body = encode_fragment(Fragment(7, 1, 32, 200, b"data"))
    assert body == bytes([7, 1, 32, 200]) + b"data"
    assert encode_fragment(decode_fragment_untrusted(body)) == body


@pytest.mark.parametrize(
    "body", [b"", bytes([7, 0, 10, 0]), bytes([7, 0, 0, 0, 1]), bytes([7, 0, 33, 0, 1]), bytes(244)]
)
def test_what_is_no_fragment_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        decode_fragment_untrusted(body)


@pytest.mark.parametrize(
    ("feedback", "body"),
    [
        (Feedback(9, ranks=b"\x05"), "0905"),
        (Feedback(9, ranks=b"\x05\x20"), "090520"),
        (Feedback(9, first=3, ranks=b"\x05"), "09230305"),
        (Feedback(9, COMPLETE, check=0x7F), "09ff"),
        (Feedback(9, REFUSED), "0921"),
        (Feedback(9, BUSY), "0922"),
    ],
)
def test_feedback_of_one_block_takes_the_two_bytes_of_an_ack(feedback: Feedback, body: str) -> None:
    assert encode_feedback(feedback).hex() == body
    assert vars(decode_feedback_untrusted(bytes.fromhex(body))) == {**vars(feedback), "ranks": feedback.ranks}


@pytest.mark.parametrize(
    "body", ["", "09", "0924", "0940", "0923", "092303", "09230001", "0923ff0101", "090521", "09" + 17 * "01"]
)
def test_what_is_no_feedback_is_refused(body: str) -> None:
    with pytest.raises(FrameError):
        decode_feedback_untrusted(bytes.fromhex(body))


@pytest.mark.parametrize("length", [1, 26, 27, 314, 315, 1018, 1019, 5000, MAX_MESSAGE])
@pytest.mark.parametrize("size", [9, 32, 239])
def test_blocks_cover_the_message_and_are_as_equal_as_can_be(length: int, size: int) -> None:
    layout = Layout(length, size)
    ks = [layout.k_of(block) for block in range(layout.blocks)]
    assert max(ks) <= 32
    assert max(ks) - min(ks) <= 1
    assert 0 <= sum(ks) * size - HEADER - length < size
    assert [layout.start_of(block) for block in range(layout.blocks)] == [
        sum(ks[:block]) * size for block in range(layout.blocks)
    ]


@pytest.mark.parametrize(("length", "size"), [(0, 32), (MAX_MESSAGE + 1, 32), (10, 0), (10, 240), (MAX_MESSAGE, 8)])
def test_a_message_that_cannot_be_cut_is_refused(length: int, size: int) -> None:
    with pytest.raises(LoraError):
        Layout(length, size)


def test_a_check_has_seven_bits() -> None:
    assert check_of(0xFFFFFFFF) == 0x7F
    assert check_of(0x80) == 0
