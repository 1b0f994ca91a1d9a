"""An AEAD that remembers every (key, nonce) it sealed with and refuses to see one twice; the peers built on it."""

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE, URI_PATH
from comatrix.gateway.aead import aead as real_aead
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id

SECRET = bytes(range(16))
NODE = 7


class NonceReusedError(AssertionError):
    """A (key, nonce) pair sealed twice."""


class Recorder:
    """`aead` is the factory to hand in. `sealed`: (key, nonce) -> plaintext, over all contexts made with it."""

    def __init__(self) -> None:
        self.sealed: dict[tuple[bytes, bytes], bytes] = {}
        self.opened = 0

    def aead(self, key: bytes) -> "RecordingAead":
        """AES-CCM-16-64-128 under `key`, recorded here."""
        return RecordingAead(self, key)


class RecordingAead:
    """One key's AEAD."""

    def __init__(self, recorder: Recorder, key: bytes) -> None:
        self._recorder = recorder
        self._key = key
        self._real = real_aead(key)

    def seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """As the real one. Raises NonceReusedError."""
        pair = (self._key, nonce)
        if pair in self._recorder.sealed:
            raise NonceReusedError(f"nonce {nonce.hex()} under key {self._key.hex()}")
        self._recorder.sealed[pair] = plaintext
        return self._real.seal(nonce, aad, plaintext)

    def open(self, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        """As the real one."""
        self._recorder.opened += 1
        return self._real.open(nonce, aad, ciphertext)


class NodeByHand:
    """A node's OSCORE, message by message: what a script wants to send, sealed as a node would."""

    def __init__(self, recorder: Recorder, number: int = NODE, secret: bytes = SECRET, extra: bytes = b"") -> None:
        self.context = Keys(secret, node_id(number), b"", recorder.aead).context(extra)

    def request(
        self,
        counter: int,
        payload: bytes = b"",
        *,
        code: int = coap.POST,
        path: bytes = b"r",
        mid: int | None = None,
        type: int = coap.CON,
        kid_context: bytes | None = None,
        outside: tuple[tuple[int, bytes], ...] = (),
    ) -> tuple[bytes, oscore.Binding]:
        """(datagram, binding)."""
        outer, options, sealed, binding = oscore.protect_request(
            self.context, counter, code, [(URI_PATH, path)], payload, kid_context
        )
        number = counter & 0xFFFF if mid is None else mid
        message = coap.Message(type, outer, number, b"\x01", sorted([*options, *outside]), sealed)
        return coap.encode(message), binding

    def open(self, datagram: bytes, binding: oscore.Binding) -> tuple[int, bytes, int | None]:
        """A protected answer -> (inner code, payload, the responder's own counter or None)."""
        message = coap.decode_untrusted(datagram)
        counter, _, _ = oscore.read_option_untrusted(dict(message.options)[OSCORE])
        code, _, payload = oscore.unprotect_response_untrusted(self.context, binding, counter, message.payload)
        return code, payload, counter


def is_protected(datagram: bytes) -> bool:
    """Whether a datagram carries the OSCORE option."""
    return any(number == OSCORE for number, _ in coap.decode_untrusted(datagram).options)
