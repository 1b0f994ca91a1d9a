"""The client edge against a scripted peer: order of notifications, Echo, sizes of blocks, bodies that change."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from comatrix.codec import coap
from comatrix.codec.coap import Message
from comatrix.codec.codes import CONTINUE, TOO_LARGE
from comatrix.codec.option_numbers import BLOCK1, BLOCK2, ECHO, ETAG, OBSERVE, uint, uint_bytes
from comatrix.gateway.edges.coap_client.errors import BrokenAnswerError, NoAnswer, WasReset
from comatrix.gateway.edges.coap_client.observing import Observation
from comatrix.gateway.edges.coap_client.peer import Peer
from comatrix.gateway.edges.coap_client.requests import Asking
from tests.support.coap_servers import LOOPBACK

Answer = Callable[[Message], list[Message]]


@contextmanager
def scripted(answer: Answer) -> Iterator[tuple[Asking, list[Message]]]:
    """A client whose peer answers each message by `answer`; what the peer got."""
    got: list[Message] = []
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((LOOPBACK, 0))

    def serve() -> None:
        while True:
            data, addr = server.recvfrom(2048)
            if not data:
                return
            got.append(coap.decode_untrusted(data))
            for message in answer(got[-1]):
                server.sendto(coap.encode(message), addr)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = server.getsockname()[1]
    try:
        with Peer(LOOPBACK, port, lambda n: 3 % n) as peer:
            yield Asking(peer, 2000), got
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopper:
            stopper.sendto(b"", (LOOPBACK, port))
        thread.join(2)
        server.close()


def first(message: Message, number: int) -> bytes | None:
    return next((value for known, value in message.options if known == number), None)


def reply(request: Message, code: int, *options: tuple[int, bytes], payload: bytes = b"") -> Message:
    return Message(coap.ACK, code, request.mid, request.token, list(options), payload)


def test_older_and_repeated_notifications_are_left_out_and_each_is_acknowledged() -> None:
    def answer(request: Message) -> list[Message]:
        if request.code != coap.GET or first(request, OBSERVE) != b"":
            return [reply(request, coap.CONTENT)] if request.code == coap.GET else []
        said = [(coap.CON, 7), (coap.NON, 6), (coap.CON, 7), (coap.NON, 8)]
        told = [
            Message(type, coap.CONTENT, place, request.token, [(OBSERVE, bytes((number,)))], b"%d" % number)
            for place, (type, number) in enumerate(said)
        ]
        return [reply(request, coap.CONTENT, (OBSERVE, b"\x05"), payload=b"5"), *told]

    with scripted(answer) as (asking, got):
        observation = Observation(asking, [(11, b"x")])
        answers = observation.answers(asking.peer.now() + 2000)
        assert [next(answers).payload for _ in range(3)] == [b"5", b"7", b"8"]
        observation.cancel()
    assert [message.mid for message in got if message.type == coap.ACK] == [0, 2]
    assert first(got[-1], OBSERVE) == b"\x01" and got[-1].token == got[0].token


def test_an_echo_is_sent_back_once() -> None:
    def answer(request: Message) -> list[Message]:
        return [reply(request, coap.UNAUTHORIZED, (ECHO, b"proof"))]

    with scripted(answer) as (asking, got):
        assert asking.ask(coap.GET, [(11, b"c")]).code == coap.UNAUTHORIZED
    assert [first(message, ECHO) for message in got] == [None, b"proof"]


@pytest.mark.parametrize("refuses", [False, True])
def test_blocks_become_as_small_as_the_other_side_asks(refuses: bool) -> None:
    taken = bytearray()

    def answer(request: Message) -> list[Message]:
        block = uint(first(request, BLOCK1) or b"")
        if block & 7 == 6 and refuses:
            return [reply(request, TOO_LARGE, (BLOCK1, b"\x02"))]
        assert block >> 4 << 4 + (block & 7) == len(taken), "no gap and nothing twice"
        taken.extend(request.payload)
        smaller = block >> 4 << 4 | (block & 8) | 2
        return [reply(request, CONTINUE if block & 8 else coap.CHANGED, (BLOCK1, uint_bytes(smaller)))]

    body = bytes(range(256)) * 5
    with scripted(answer) as (asking, got):
        assert asking.ask(coap.POST, [(11, b"r")], body).code == coap.CHANGED
    assert bytes(taken) == body
    assert max(len(message.payload) for message in got[1:]) == 64


def test_a_body_that_changes_while_it_is_fetched_is_not_put_together() -> None:
    def answer(request: Message) -> list[Message]:
        number = uint(first(request, BLOCK2) or b"") >> 4
        more = (BLOCK2, uint_bytes(number << 4 | (8 if number < 2 else 0)))
        return [reply(request, coap.CONTENT, (ETAG, bytes((number,))), more, payload=b"x" * 16)]

    with scripted(answer) as (asking, _), pytest.raises(BrokenAnswerError, match="changed"):
        asking.ask(coap.GET, [(11, b"x")])


def test_an_endless_body_is_cut_off() -> None:
    def answer(request: Message) -> list[Message]:
        number = uint(first(request, BLOCK2) or b"") >> 4
        return [reply(request, coap.CONTENT, (BLOCK2, uint_bytes(number << 4 | 8 | 6)), payload=b"x" * 1024)]

    with scripted(answer) as (asking, got), pytest.raises(BrokenAnswerError, match="longer than"):
        asking.ask(coap.GET, [(11, b"x")])
    assert len(got) == 1025


def test_a_separate_answer_is_waited_for_and_acknowledged() -> None:
    def answer(request: Message) -> list[Message]:
        if request.code != coap.GET:
            return []
        empty = Message(coap.ACK, coap.EMPTY, request.mid)
        return [empty, Message(coap.CON, coap.CONTENT, 99, request.token, [], b"late")]

    with scripted(answer) as (asking, got):
        assert asking.ask(coap.GET, [(11, b"x")]).payload == b"late"
    assert [(message.type, message.mid) for message in got[1:]] == [(coap.ACK, 99)]


def test_a_reset_and_silence_end_a_request() -> None:
    reset = scripted(lambda request: [Message(coap.RST, coap.EMPTY, request.mid)])
    with reset as (asking, _), pytest.raises(WasReset):
        asking.ask(coap.GET, [(11, b"x")])
    with scripted(lambda request: []) as (asking, _), pytest.raises(NoAnswer):
        asking.timeout_ms = 50
        asking.ask(coap.GET, [(11, b"x")])


def test_answers_with_another_token_or_of_another_message_are_not_taken() -> None:
    def answer(request: Message) -> list[Message]:
        wrong_token = Message(coap.NON, coap.CONTENT, 1, b"\x00\x00", [], b"forged")
        wrong_mid = Message(coap.ACK, coap.CONTENT, request.mid ^ 1, request.token, [], b"forged")
        return [wrong_token, wrong_mid, reply(request, coap.CONTENT, payload=b"true")]

    with scripted(answer) as (asking, _):
        assert asking.ask(coap.GET, [(11, b"x")]).payload == b"true"
