"""Listens to one node with its secrets at hand: which key sealed what it sends, and that no nonce served it twice."""

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.errors import OscoreError
from comatrix.gateway.aead import aead
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id


class NonceReusedError(AssertionError):
    """Two messages under one (key, nonce)."""


class AirWatch:
    """Knows every secret the node ever had; learns of Appendix B.2 what goes over the air in clear."""

    def __init__(self, number: int) -> None:
        self._kid = node_id(number)
        self._contexts: dict[tuple[bytes, bytes], oscore.Context] = {}  # (secret, bytes of Appendix B.2)
        self._secrets: list[bytes] = []
        self._sealed: dict[tuple[bytes, bytes, int], bytes] = {}
        self._heard: set[bytes] = set()

    def learn(self, secret: bytes, extra: bytes = b"") -> None:
        """A secret the node has, or the bytes a context of it was made with."""
        if secret not in self._secrets:
            self._secrets.append(secret)
        if (secret, extra) not in self._contexts:
            self._contexts[secret, extra] = Keys(secret, b"", self._kid, aead).context(extra)

    def __call__(self, data: bytes) -> None:
        """One datagram of the node. Raises NonceReusedError."""
        if data in self._heard:
            return  # a retransmission: the very same bytes
        self._heard.add(data)
        message = coap.decode_untrusted(data)
        value = dict(message.options).get(OSCORE)
        if value is None:
            assert message.code == coap.EMPTY, "a request in the clear"
            return
        counter, _, kid_context = oscore.read_option_untrusted(value)
        assert counter is not None
        if kid_context is not None:
            for secret in self._secrets:
                self.learn(secret, kid_context[1:])
        key = self._key(counter, message.payload)
        if self._sealed.setdefault((*key, counter), message.payload) != message.payload:
            raise NonceReusedError(f"counter {counter} twice under one key")

    def _key(self, counter: int, ciphertext: bytes) -> tuple[bytes, bytes]:
        for key, context in reversed(self._contexts.items()):
            try:
                oscore.unprotect_request_untrusted(context, counter, ciphertext)
            except OscoreError:
                continue
            return key
        raise AssertionError("sealed under no key it can have")
