"""Block-wise at the server: requests put together, answers cut, kept and named, all of it bounded (RFC 7959, 9175)."""

import tracemalloc
from random import Random

import pytest

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import (
    BLOCK1,
    BLOCK2,
    CONTENT_FORMAT,
    ECHO,
    ETAG,
    REQUEST_TAG,
    SIZE1,
    SIZE2,
    URI_PATH,
    uint,
)
from comatrix.session.duplicates import EXCHANGE_LIFETIME_MS, Seen
from comatrix.session.server import Peer, Request, Server
from comatrix.session.serving import Incoming, ServingEndpoint
from comatrix.session.shaping import block_value
from comatrix.session.transfers import Transfers
from tests.support.plain_peers import PlainPeers

BODY = bytes(range(256)) * 8
HERE, THERE = ("192.0.2.1", 40000), ("192.0.2.1", 40001)


class Script:
    """A server that answers each whole request with `answer`; its bodies are in `bodies`."""

    def __init__(self, most_bytes: int = 4096, exponent: int = 6, most_open: int = 64) -> None:
        self.server = Server(ServingEndpoint(Random(1).randrange), PlainPeers(5))
        self.transfers = Transfers(most_bytes, most_open, exponent=exponent)
        self.answer: tuple[int, bytes] = (coap.CHANGED, b"")
        self.bodies: list[bytes] = []
        self.named: list[bytes] = []
        self.mid = 0
        self.now = 0

    def ask(
        self,
        *options: tuple[int, bytes],
        payload: bytes = b"",
        code: int = coap.POST,
        path: bytes = b"r",
        addr: object = HERE,
    ) -> coap.Message:
        self.mid += 1
        given = sorted([(URI_PATH, path), *options])
        self.server.receive_datagram(
            coap.encode(coap.Message(coap.CON, code, self.mid & 0xFFFF, b"T", given, payload)), addr, self.now
        )
        request = self.server.next_event()
        assert isinstance(request, Request)
        said = self.transfers.take(request, self.now)
        if said is None:
            assert not any(number in (BLOCK1, BLOCK2, SIZE1, REQUEST_TAG) for number, _ in request.options)
            self.bodies.append(request.payload)
            self.named.append(request.digest)
            self.server.answer_fresh(request, *self.answer, self.now)
        else:
            self.server.answer_fresh(request, said.code, said.payload, self.now, said.options)
        ((answer, _),) = self.server.datagrams_to_send(self.now)
        return coap.decode_untrusted(answer)

    def block(
        self, number: int, exponent: int, *options: tuple[int, bytes], body: bytes = BODY, **parts: object
    ) -> coap.Message:
        """One block of a body."""
        size = 16 << exponent
        part = body[number * size : (number + 1) * size]
        more = (number + 1) * size < len(body)
        return self.ask((BLOCK1, block_value(number, more, exponent)), *options, payload=part, **parts)  # type: ignore[arg-type]

    def part(self, number: int, exponent: int, *options: tuple[int, bytes], **parts: object) -> coap.Message:
        """One block of an answer."""
        return self.ask((BLOCK2, block_value(number, False, exponent)), *options, **parts)  # type: ignore[arg-type]


def options_of(message: coap.Message) -> dict[int, bytes]:
    return dict(message.options)


def test_a_body_in_blocks_is_handed_on_whole_and_each_answer_names_its_block() -> None:
    script = Script()
    answers = [script.block(number, 5) for number in range(4)]
    assert [answer.code for answer in answers] == [codes.CONTINUE] * 3 + [coap.CHANGED]
    assert [options_of(answer)[BLOCK1] for answer in answers] == [block_value(n, n < 3, 5) for n in range(4)]
    assert script.bodies == [BODY]


def test_a_server_that_wants_smaller_blocks_says_so_and_goes_on_in_them() -> None:
    script = Script(exponent=3)
    first = script.block(0, 6)
    assert (first.code, options_of(first)[BLOCK1]) == (codes.CONTINUE, block_value(0, True, 3))
    answers = [script.block(number, 3) for number in range(8, 16)]
    assert (answers[-1].code, script.bodies) == (coap.CHANGED, [BODY])


def test_a_client_may_make_its_blocks_smaller_on_the_way() -> None:
    script = Script()
    script.block(0, 6)
    answers = [script.block(number, 4) for number in range(4, 8)]
    assert (answers[-1].code, script.bodies) == (coap.CHANGED, [BODY])


def test_a_block_without_those_before_it_is_told_to_begin_anew() -> None:
    script = Script()
    assert script.block(1, 5).code == codes.INCOMPLETE
    farthest = script.ask((BLOCK1, block_value((1 << 20) - 1, False, 6)), payload=b"x")
    assert farthest.code == codes.INCOMPLETE
    assert len(script.transfers) == 0
    assert script.bodies == []


def test_a_body_that_is_too_long_is_told_how_long_it_may_be_before_it_comes() -> None:
    script = Script(most_bytes=1500)
    announced = script.block(0, 5, (SIZE1, (2048).to_bytes(2, "big")))
    assert (announced.code, uint(options_of(announced)[SIZE1])) == (codes.TOO_LARGE, 1500)
    answers = [script.block(number, 5) for number in range(4)]
    assert [answer.code for answer in answers] == [codes.CONTINUE, codes.CONTINUE, codes.TOO_LARGE, codes.INCOMPLETE]
    assert uint(options_of(answers[2])[SIZE1]) == 1500
    assert len(script.transfers) == 0


def test_bodies_of_different_request_tags_formats_and_ports_never_mix() -> None:
    """RFC 9175 section 3.3: all that names a request to a cache names its body, and so does where it comes from."""
    other = bytes(reversed(BODY))
    for parts in ({"tag": (REQUEST_TAG, b"2")}, {"tag": (CONTENT_FORMAT, b"\x32")}, {"addr": THERE}, {"path": b"m"}):
        script = Script()
        tag = [value for name, value in parts.items() if name == "tag"]
        where = {name: value for name, value in parts.items() if name != "tag"}
        for number in range(4):
            script.block(number, 5)
            script.block(number, 5, *tag, body=other, **where)  # type: ignore[arg-type]
        assert script.bodies == [BODY, other], parts


def test_an_echo_or_an_announced_size_does_not_make_another_body_of_it() -> None:
    script = Script()
    script.block(0, 6, (SIZE1, (2048).to_bytes(2, "big")))
    assert script.block(1, 6, (ECHO, b"12345678")).code == coap.CHANGED


def test_a_last_block_that_is_said_again_is_the_same_message_to_whoever_stores_it() -> None:
    script = Script()
    for number in (0, 1, 1):
        script.block(number, 6)
    assert script.bodies == [BODY, BODY]
    assert script.named[0] == script.named[1]
    for number in (0, 1):
        script.block(number, 6)
    assert script.named[2] != script.named[0]


def test_a_long_answer_leaves_in_blocks_of_the_size_that_is_asked_for() -> None:
    script = Script()
    script.answer = (coap.CONTENT, BODY)
    answers = [script.part(number, 4, code=coap.GET) for number in range(8)]
    assert b"".join(answer.payload for answer in answers) == BODY
    assert [options_of(answer)[BLOCK2] for answer in answers] == [block_value(n, n < 7, 4) for n in range(8)]
    assert len({options_of(answer)[ETAG] for answer in answers}) == 1


def test_a_long_answer_leaves_in_blocks_also_where_nobody_asked() -> None:
    script = Script()
    script.answer = (coap.CONTENT, BODY)
    first = script.ask((SIZE2, b""), (BLOCK1, block_value(0, False, 6)), payload=b"x", code=coap.FETCH)
    assert (first.payload, options_of(first)[BLOCK2]) == (BODY[:1024], block_value(0, True, 6))
    assert uint(options_of(first)[SIZE2]) == len(BODY)


def test_a_client_that_wants_larger_blocks_than_the_server_gets_what_it_would_get_in_smaller_ones() -> None:
    script = Script(exponent=2)
    script.answer = (coap.CONTENT, BODY)
    later = script.part(1, 6, code=coap.GET)
    assert (later.payload, options_of(later)[BLOCK2]) == (BODY[1024:1088], block_value(16, True, 2))


def test_an_answer_that_changed_meanwhile_has_another_etag() -> None:
    script = Script()
    script.answer = (coap.CONTENT, BODY)
    first = script.part(0, 6, code=coap.GET)
    script.answer = (coap.CONTENT, bytes(reversed(BODY)))
    second = script.part(1, 6, code=coap.GET)
    assert options_of(first)[ETAG] != options_of(second)[ETAG]


def test_what_follows_the_answer_to_a_post_is_kept_and_the_post_not_done_again() -> None:
    script = Script()
    script.answer = (coap.CHANGED, BODY)
    first = script.ask((BLOCK1, block_value(0, False, 6)), payload=b"do")
    rest = script.part(1, 6)
    assert first.payload + rest.payload == BODY
    assert (rest.code, options_of(rest)[ETAG]) == (coap.CHANGED, options_of(first)[ETAG])
    assert script.bodies == [b"do"]


def test_the_kept_answer_is_its_askers_alone_and_forgotten_in_time() -> None:
    script = Script()
    script.answer = (coap.CHANGED, BODY)
    script.ask((BLOCK1, block_value(0, False, 6)), payload=b"do")
    assert script.part(1, 6, addr=THERE).code == codes.INCOMPLETE
    assert script.part(1, 6, path=b"m").code == codes.INCOMPLETE
    script.now = EXCHANGE_LIFETIME_MS
    assert script.part(1, 6).code == codes.INCOMPLETE


def test_there_is_no_block_behind_the_last() -> None:
    script = Script()
    script.answer = (coap.CONTENT, BODY)
    assert script.part(2, 6, code=coap.GET).code == codes.BAD_REQUEST


@pytest.mark.parametrize("value", [b"\x07", b"\x0e"])
def test_a_block2_option_that_is_none_is_malformed(value: bytes) -> None:
    """The reserved size; more to come in a request for a block."""
    assert Script().ask((BLOCK2, value), code=coap.GET).code == codes.BAD_REQUEST


def unfinished(number: int) -> Request:
    """The first block of a body from a peer of its own."""
    options = [(URI_PATH, b"r"), (BLOCK1, block_value(0, True, 6))]
    message = coap.Message(coap.CON, coap.POST, 1, b"", options, BODY[:1024])
    incoming = Incoming(("192.0.2.1", number), message, Seen(b"", 0), 0)
    return Request(Peer(number, 0), incoming, coap.POST, options, message.payload)


def test_ten_thousand_unfinished_transfers_take_the_memory_of_64() -> None:
    """A body that never ends and an answer that nobody fetches, each of 2 KB, of 5,000 peers."""
    transfers = Transfers(4096)

    def flood(peers: range) -> int:
        for number in peers:
            request = unfinished(number)
            transfers.take(request, number)
            assert request.shape is not None and request.shape.keep is not None
            request.shape.keep(coap.CHANGED, [], bytes(2048))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    few = flood(range(64))
    many = flood(range(64, 5000))
    tracemalloc.stop()
    assert len(transfers) == 128
    assert many < few + 20_000
