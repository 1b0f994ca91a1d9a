"""What one node of the load says, made beforehand, and what must come back: every answer is checked."""

from collections.abc import Sequence

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE, URI_PATH
from comatrix.codec.records import Readings, encode
from comatrix.errors import WireError
from comatrix.gateway.errors import GatewayError
from comatrix.session import oscore

DECRYPT_EVERY = 16
FIRST_COUNTER = 1
ACK_CHANGED = bytes((0x61, coap.CHANGED))  # an ACK with a 1-byte token, 2.04


class WrongAnswerError(GatewayError):
    """A server under test answered something that is no 2.04 to the request: its figures would mean nothing."""


class Conversation:
    """The datagrams of one node, in order. With a `context` they are protected by OSCORE."""

    def __init__(self, node: int, messages: int, context: oscore.Context | None) -> None:
        self._context = context
        self._bindings: list[oscore.Binding] = []
        self.requests: list[bytes] = []
        self.heads: list[bytes] = []  # with what its answer must begin
        for index in range(messages):
            self._add(node * 977 + index & 0xFFFF, bytes((index & 0xFF,)), reading(node, index), index)

    def _add(self, mid: int, token: bytes, payload: bytes, index: int) -> None:
        options = [(URI_PATH, b"r")]
        message = coap.Message(coap.CON, coap.POST, mid, token, options, payload)
        if self._context is not None:
            code, outside, sealed, binding = oscore.protect_request(
                self._context, FIRST_COUNTER + index, coap.POST, options, payload
            )
            message = coap.Message(coap.CON, code, mid, token, outside, sealed)
            self._bindings.append(binding)
        self.requests.append(coap.encode(message))
        self.heads.append(ACK_CHANGED + mid.to_bytes(2, "big") + token)

    def check(self, index: int, answer: bytes) -> None:
        """Type, code, message id, token, the OSCORE option, and each 16th ciphertext. Raises WrongAnswerError."""
        if not answer.startswith(self.heads[index]):
            raise WrongAnswerError(f"not the 2.04 to request {index}: {answer.hex()}")
        if self._context is None:
            return
        if len(answer) < 6 or answer[5] >> 4 != OSCORE:
            raise WrongAnswerError(f"an answer to request {index} that is not protected: {answer.hex()}")
        if index % DECRYPT_EVERY == 0:
            self._decrypt(index, answer)

    def _decrypt(self, index: int, answer: bytes) -> None:
        assert self._context is not None
        try:
            message = coap.decode_untrusted(answer)
            counter, _, _ = oscore.read_option_untrusted(dict(message.options)[OSCORE])
            code, _, _ = oscore.unprotect_response_untrusted(
                self._context, self._bindings[index], counter, message.payload
            )
        except WireError as error:
            raise WrongAnswerError(f"the answer to request {index} does not decrypt: {answer.hex()}") from error
        if code != coap.CHANGED:
            raise WrongAnswerError(f"inside the answer to request {index} stands {coap.code_text(code)}")


def reading(node: int, index: int) -> bytes:
    """The payload of a reading of two sensors, 8 bytes."""
    return encode(Readings({0: 2000 + index % 500, 1: 300 + node}))


def conversations(nodes: int, messages: int, contexts: Sequence[oscore.Context] | None) -> list[Conversation]:
    """One a node, numbered from 1."""
    return [
        Conversation(node, messages, None if contexts is None else contexts[node - 1]) for node in range(1, nodes + 1)
    ]
