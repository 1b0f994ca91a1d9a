"""Listens on the air that no OSCORE nonce seals two messages (RFC 8613 section 7.2), for many nodes over many lives."""

from collections import defaultdict
from hashlib import sha256

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.errors import WireError
from comatrix.session.keys import UDP, Keys
from comatrix.session.oscore import Binding, Context, read_option_untrusted, unprotect_response_untrusted

Pair = tuple[int, str, bytes, int]  # node, whose key, context, counter of the nonce
Asked = tuple[bytes, int]  # context and counter of a request
ASKERS = 4


class NonceWatch:
    """Sees every datagram as its sender made it. A context is named by its ID Context: one secret a node."""

    def __init__(self) -> None:
        self.sealed: dict[object, set[bytes]] = defaultdict(set)
        self._contexts: dict[int, dict[bytes, Context]] = defaultdict(dict)
        # A token comes again after 256 requests, or by chance after a reset: the newest askers, newest first.
        self._asked: dict[tuple[int, bytes], list[Asked]] = {}

    def from_node(self, node: int, keys: Keys, context: bytes, data: bytes) -> None:
        """What a node sent under `context`."""
        if context not in self._contexts[node] and context.startswith(UDP):
            self._contexts[node][context] = keys.context(context[len(UDP) :])
        message, value = _protected(data)
        if message is None or value is None:
            return
        counter, _, _ = read_option_untrusted(value)
        assert counter is not None
        askers = self._asked.setdefault((node, message.token), [])
        if (context, counter) not in askers:
            askers.insert(0, (context, counter))
            del askers[ASKERS:]
        self._add((node, "node", context, counter), message.payload)

    def from_gateway(self, node: int, data: bytes) -> None:
        """What the gateway sent to that node's address."""
        message, value = _protected(data)
        if message is not None and value is not None and (node, message.token) in self._asked:
            askers = self._asked[node, message.token]
            self._answered(node, self._asker(node, askers, value, message.payload), value, message.payload)

    def to_stranger(self, node: int, context: bytes, request: bytes, data: bytes) -> None:
        """What the gateway sent to somebody else, who had sent that node's request again."""
        (_, asked), (message, value) = _protected(request), _protected(data)
        if message is None or value is None or asked is None:
            return
        counter, _, _ = read_option_untrusted(asked)
        assert counter is not None
        self._answered(node, (context, counter), value, message.payload)

    def _asker(self, node: int, askers: list[Asked], value: bytes, sealed: bytes) -> Asked:
        """Whose answer this is: the request it opens for, where several had its token."""
        counter, _, _ = read_option_untrusted(value)
        for context, asked in askers if len(askers) > 1 else ():
            if self._opens(node, context, asked, counter, sealed):
                return context, asked
        return askers[0]

    def _answered(self, node: int, asker: Asked, value: bytes, sealed: bytes) -> None:
        context, asked = asker
        counter, _, kid_context = read_option_untrusted(value)
        if kid_context is not None:  # Appendix B.2: sealed under a context made for this answer alone
            context = kid_context + context
        if counter is None:
            # Under the request's nonce, but under the other key: counted apart from the request.
            self._add((node, "answer", context, asked), sealed)
        else:
            self._add((node, "gateway", self._sealed_under(node, context, asked, counter, sealed), counter), sealed)

    def _sealed_under(self, node: int, likely: bytes, asked: int, counter: int, sealed: bytes) -> bytes:
        """The context of an answer: a repeated request may get one under a newer context than its own."""
        known = self._contexts[node]
        for name in sorted(known, key=lambda one: one != likely) if len(known) > 1 else ():
            if self._opens(node, name, asked, counter, sealed):
                return name
        return likely

    def _opens(self, node: int, name: bytes, asked: int, counter: int | None, sealed: bytes) -> bool:
        context = self._contexts[node].get(name)
        if context is None:
            return False
        nonce = (context.sender_base ^ asked).to_bytes(13, "big")
        try:
            unprotect_response_untrusted(context, Binding(context.sender_id, asked, nonce), counter, sealed)
        except WireError:
            return False
        return True

    def _add(self, pair: Pair, sealed: bytes) -> None:
        self.sealed[pair].add(sha256(sealed).digest()[:8])


def _protected(data: bytes) -> tuple[coap.Message | None, bytes | None]:
    """A message and the value of its OSCORE option."""
    try:
        message = coap.decode_untrusted(data)
    except WireError:
        return None, None
    return message, next((value for number, value in message.options if number == OSCORE), None)
