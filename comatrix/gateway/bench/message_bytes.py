"""Bytes of a message: a reading of two sensors and its answer, as CoAP datagrams, plain and under OSCORE."""

from dataclasses import dataclass

from comatrix.codec import coap
from comatrix.codec.option_numbers import URI_PATH
from comatrix.codec.records import Readings, encode
from comatrix.gateway.aead import aead
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id

COUNTER = 1000


@dataclass(frozen=True, slots=True)
class MessageBytes:
    """Sizes of a request and of its answer, without UDP and IP."""

    what: str
    request: int
    answer: int


def sizes() -> list[MessageBytes]:
    """Plain, then OSCORE (node numbers below 256, a 2-byte counter)."""
    return [
        MessageBytes("reading of two sensors, plain CoAP", len(_datagram(None)), len(_answer(None))),
        MessageBytes("reading of two sensors, OSCORE", len(_datagram(_node())), len(_answer(_gateway()))),
    ]


def _node() -> oscore.Context:
    return Keys(bytes(16), node_id(1), b"", aead).context()


def _gateway() -> oscore.Context:
    return Keys(bytes(16), b"", node_id(1), aead).context()


def _datagram(context: oscore.Context | None) -> bytes:
    options = [(URI_PATH, b"r")]
    payload = encode(Readings({0: 2137, 1: 452}))
    code, outside, body = coap.POST, options, payload
    if context is not None:
        code, outside, body, _ = oscore.protect_request(context, COUNTER, coap.POST, options, payload)
    return coap.encode(coap.Message(coap.CON, code, 1, b"\x01", outside, body))


def _answer(context: oscore.Context | None) -> bytes:
    code, outside, body = coap.CHANGED, list[tuple[int, bytes]](), b""
    if context is not None:
        binding = oscore.Binding(node_id(1), COUNTER, bytes(13))
        code, outside, body = oscore.protect_response(context, binding, None, coap.CHANGED, (), b"")
    return coap.encode(coap.Message(coap.ACK, code, 1, b"\x01", outside, body))
