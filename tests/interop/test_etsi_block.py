"""ETSI CoAP plugtest cases TD_COAP_BLOCK_01 to 06 (td-coap4, block.yml), each named after its case."""

import pytest

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import BLOCK1, BLOCK2, CONTENT_FORMAT, ETAG, LOCATION_PATH
from comatrix.session.blockwise import read_block_untrusted
from comatrix.session.shaping import block_value
from tests.interop.etsi_tree import LARGE, Client, Tree, option

Block = tuple[int, bool, int]
PLAIN = (CONTENT_FORMAT, b"")


def block_of(answer: coap.Message, number: int) -> Block:
    """A block option of an answer: number, more, size."""
    value = option(answer, number)
    assert value is not None
    return read_block_untrusted(value)


def fetch(client: Client, path: str, first: coap.Message, exponent: int, code: int = coap.GET) -> bytes:
    """The rest of what a first block began, in blocks of at most this size; every step is checked."""
    _, more, size = block_of(first, BLOCK2)
    body, tag = first.payload, option(first, ETAG)
    assert len(body) == size
    size = min(size, 16 << exponent)
    exponent = size.bit_length() - 5
    while more:
        number = len(body) // size
        answer = client.answer(code, path, (BLOCK2, block_value(number, False, exponent)))
        assert answer.code == first.code
        assert option(answer, ETAG) == tag
        found, more, said = block_of(answer, BLOCK2)
        assert (found, said) == (number, size)
        assert len(answer.payload) == size if more else 0 < len(answer.payload) <= size
        body += answer.payload
    return body


def send(client: Client, code: int, path: str, body: bytes, exponent: int) -> coap.Message:
    """A body, block by block, in the size the server wants -> the answer to the last."""
    at = 0
    while True:
        size = 16 << exponent
        number, more = at // size, at + size < len(body)
        option1 = BLOCK1, block_value(number, more, exponent)
        answer = client.answer(code, path, PLAIN, option1, payload=body[at : at + size])
        found, said_more, said = block_of(answer, BLOCK1)
        assert (found, said_more) == (number, more)
        assert said <= size
        if not more:
            return answer
        assert answer.code == codes.CONTINUE
        at += size
        exponent = said.bit_length() - 5


@pytest.mark.parametrize("server", [6, 4])
def test_td_coap_block_01_get_early_negotiation(server: int) -> None:
    client = Client(Tree(server))
    first = client.answer(coap.GET, "large", (BLOCK2, block_value(0, False, 5)))
    number, more, size = block_of(first, BLOCK2)
    assert (first.code, number, more, size) == (coap.CONTENT, 0, True, min(512, 16 << server))
    assert fetch(client, "large", first, 5) == LARGE


@pytest.mark.parametrize("wanted", [6, 5, 2])
def test_td_coap_block_02_get_late_negotiation(wanted: int) -> None:
    client = Client()
    first = client.answer(coap.GET, "large")
    assert (first.code, block_of(first, BLOCK2)) == (coap.CONTENT, (0, True, 1024))
    assert fetch(client, "large", first, wanted) == LARGE


@pytest.mark.parametrize("server", [6, 4])
def test_td_coap_block_03_put(server: int) -> None:
    client = Client(Tree(server))
    assert send(client, codes.PUT, "large-update", LARGE, 5).code == coap.CHANGED
    assert client.tree.at["large-update"].payload == LARGE


def test_td_coap_block_04_post_that_creates() -> None:
    client = Client()
    answer = send(client, coap.POST, "large-create", LARGE, 5)
    places = [value.decode() for number, value in answer.options if number == LOCATION_PATH]
    assert (answer.code, len(places), places[0]) == (codes.CREATED, 2, "large-create")
    first = client.answer(coap.GET, "/".join(places))
    assert fetch(client, "/".join(places), first, 6) == LARGE


@pytest.mark.parametrize("wanted", [6, 4])
def test_td_coap_block_05_post_both_ways(wanted: int) -> None:
    client = Client()
    body = bytes(range(32, 127)) * 20
    answer = send(client, coap.POST, "large-post", body, 5)
    assert (answer.code, block_of(answer, BLOCK2)) == (coap.CHANGED, (0, True, 1024))
    assert fetch(client, "large-post", answer, wanted, coap.POST) == body.swapcase() + body


def test_td_coap_block_06_get_in_blocks_of_16_bytes() -> None:
    client = Client()
    first = client.answer(coap.GET, "large", (BLOCK2, block_value(0, False, 0)))
    assert block_of(first, BLOCK2) == (0, True, 16)
    assert fetch(client, "large", first, 0) == LARGE
