"""A figure of the bench counts only checked answers: a server that lies is caught, one that is slow is asked again."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.gateway.aead import aead
from comatrix.gateway.bench.conversation import WrongAnswerError, conversations
from comatrix.gateway.bench.load import RETRY_S, Load, Outcome
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id

SECRET = bytes(range(16))
MESSAGES = 40

Answer = Callable[[bytes], bytes | None]


@contextmanager
def server(answer: Answer) -> Iterator[tuple[str, int]]:
    """A server on loopback that answers each datagram with `answer(datagram)`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.05)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    data, addr = sock.recvfrom(2048)
                except TimeoutError:
                    continue
                reply = answer(data)
                if reply is not None:
                    sock.sendto(reply, addr)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield sock.getsockname()
        finally:
            over.set()
            thread.join()


def run(
    answer: Answer, contexts: list[oscore.Context] | None = None, nodes: int = 3, retry_s: float = RETRY_S
) -> Outcome:
    with server(answer) as address:
        load = Load(address, conversations(nodes, MESSAGES, contexts), retry_s)
        try:
            return load.run(MESSAGES)
        finally:
            load.close()


def changed(data: bytes) -> bytes:
    """The plain 2.04 to a request with a 1-byte token."""
    return bytes((0x61, coap.CHANGED)) + data[2:5]


def test_right_answers_are_counted() -> None:
    outcome = run(changed)
    assert outcome.messages == 3 * MESSAGES == len(outcome.latencies_ms)
    assert outcome.resent == 0


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(lambda data: changed(data[:2] + b"\xff\xfe" + data[4:]), id="message id"),
        pytest.param(lambda data: changed(data[:4] + bytes((data[4] ^ 0x80,))), id="token"),
        pytest.param(lambda data: bytes((0x61, 0xA3)) + data[2:5], id="code"),
        pytest.param(lambda data: bytes((0x71, coap.CHANGED)) + data[2:5], id="type"),
        pytest.param(lambda data: b"\x70\x00" + data[2:4], id="reset"),
        pytest.param(lambda data: b"", id="empty"),
    ],
)
def test_a_wrong_answer_is_caught(lie: Answer) -> None:
    with pytest.raises(WrongAnswerError):
        run(lie)


def test_a_separate_answer_is_taken_for_one_and_acknowledged() -> None:
    told: list[bytes] = []

    def separate(data: bytes) -> bytes | None:
        if len(data) == 4:
            told.append(data)
            return None
        return bytes((0x41, coap.CHANGED, 0, 7)) + data[4:5]

    assert run(separate, nodes=1).messages == MESSAGES
    assert told == [b"\x60\x00\x00\x07"] * len(told) and told


def test_a_lost_request_is_sent_again_and_counted() -> None:
    lost: set[bytes] = set()

    def loses_the_first(data: bytes) -> bytes | None:
        if not lost:
            lost.add(data)
            return None
        return changed(data)

    assert run(loses_the_first, nodes=1, retry_s=0.05).resent == 1


def test_protected_answers_are_decrypted() -> None:
    outcome = run(Gateway(aead).answer, contexts())
    assert outcome.messages == 3 * MESSAGES


def test_a_plain_answer_to_a_protected_request_is_caught() -> None:
    with pytest.raises(WrongAnswerError, match="not protected"):
        run(changed, contexts())


def test_a_ciphertext_of_another_key_is_caught() -> None:
    with pytest.raises(WrongAnswerError, match="does not decrypt"):
        run(Gateway(lambda key: aead(bytes(16))).answer, contexts())


def contexts() -> list[oscore.Context]:
    return [Keys(SECRET, node_id(number), b"", aead).context() for number in (1, 2, 3)]


class Gateway:
    """Answers 2.04 under the request's nonce, without looking into it."""

    def __init__(self, factory: "oscore.AeadFactory") -> None:
        self._factory = factory

    def answer(self, data: bytes) -> bytes:
        message = coap.decode_untrusted(data)
        counter, kid, _ = oscore.read_option_untrusted(dict(message.options)[OSCORE])
        assert counter is not None
        assert kid is not None
        context = Keys(SECRET, b"", kid, self._factory).context()
        binding = oscore.Binding(kid, counter, (context.recipient_base ^ counter).to_bytes(13, "big"))
        code, outside, sealed = oscore.protect_response(context, binding, None, coap.CHANGED, (), b"")
        return coap.encode(coap.Message(coap.ACK, code, message.mid, message.token, outside, sealed))
