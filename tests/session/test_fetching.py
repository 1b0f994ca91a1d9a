"""A body fetched in blocks: whole, in order, of one representation, and bounded, whatever a server says."""

import pytest

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import BLOCK2, ETAG
from comatrix.session.blockwise import read_block_untrusted
from comatrix.session.fetching import BlockError, Fetching
from comatrix.session.shaping import Shape, block_value

BODY = bytes(range(256)) * 9


def answer(fetching: Fetching, body: bytes, largest: int = 6) -> tuple[int, list[tuple[int, bytes]], bytes]:
    """What a server whose blocks are at most so large says to the next request."""
    ((_, value),) = fetching.options()
    number, _, size = read_block_untrusted(value)
    exponent = min(size.bit_length() - 5, largest)
    shape = Shape(None, number * size >> exponent + 4, exponent, True)
    code, options, payload = shape.cut(coap.CONTENT, [], body)
    return code, list(options), payload


@pytest.mark.parametrize("wanted", range(7))
@pytest.mark.parametrize("largest", [6, 3, 0])
def test_a_body_comes_whole_in_the_smaller_of_both_sizes(wanted: int, largest: int) -> None:
    fetching = Fetching(wanted)
    asked = 0
    while not fetching.whole:
        fetching.take_untrusted(*answer(fetching, BODY, largest))
        asked += 1
    assert fetching.body == BODY
    assert asked == -(-len(BODY) // (16 << min(wanted, largest)))


def test_what_comes_in_one_piece_is_whole_and_so_is_an_error() -> None:
    fetching = Fetching()
    assert fetching.take_untrusted(coap.CONTENT, [], b"short")
    assert (fetching.body, fetching.whole) == (b"short", True)
    fetching = Fetching()
    fetching.take_untrusted(*answer(fetching, BODY))
    assert fetching.take_untrusted(codes.NOT_FOUND, [], b"gone")
    assert fetching.body == b"gone"


def test_another_representation_on_the_way_is_fetched_from_its_beginning() -> None:
    fetching = Fetching()
    fetching.take_untrusted(*answer(fetching, BODY))
    other = bytes(reversed(BODY))
    while not fetching.whole:
        fetching.take_untrusted(*answer(fetching, other))
    assert fetching.body == other


def test_one_that_changes_without_end_is_given_up() -> None:
    fetching = Fetching(0)
    with pytest.raises(BlockError, match="again and again"):
        for turn in range(20):
            fetching.take_untrusted(*answer(fetching, bytes((turn,)) * 100))


@pytest.mark.parametrize(
    ("block", "payload"),
    [
        (block_value(2, True, 4), b"x" * 256),  # a gap
        (block_value(0, True, 4), b"x" * 256),  # what is here already
        (block_value(1, True, 4), b"x" * 255),
        (block_value(1, True, 4), b"x" * 257),
        (block_value(1, False, 4), b"x" * 257),
        (block_value(0, True, 5), b"x" * 512),  # larger than asked for
        (b"\x17", b"x"),
    ],
)
def test_what_is_not_the_next_block_is_refused(block: bytes, payload: bytes) -> None:
    fetching = Fetching(4)
    fetching.take_untrusted(coap.CONTENT, [(ETAG, b"1"), (BLOCK2, block_value(0, True, 4))], b"x" * 256)
    with pytest.raises(BlockError):
        fetching.take_untrusted(coap.CONTENT, [(ETAG, b"1"), (BLOCK2, block)], payload)


def test_a_body_without_end_is_given_up() -> None:
    fetching = Fetching(6, most_bytes=4096)
    with pytest.raises(BlockError, match="longer than 4096 bytes"):
        for number in range(5):
            fetching.take_untrusted(coap.CONTENT, [(BLOCK2, block_value(number, True, 6))], bytes(1024))
    assert len(fetching.body) == 4096
