"""Listens on the air that no OSCORE nonce seals two messages (RFC 8613 section 7.2), for many nodes over many lives.

An answer says little of itself, and the link corrupts tokens: so whose answer it is, is what it opens for.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from hashlib import sha256

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.errors import WireError
from comatrix.session.keys import UDP, Keys
from comatrix.session.oscore import Binding, Context, read_option_untrusted, unprotect_response_untrusted

Pair = tuple[int, str, bytes, int]  # node, whose key, context, counter of the nonce
Asked = tuple[bytes, int]  # context and counter of a request
RECENT = 64  # requests of a node that an answer may still belong to


class NonceWatch:
    """Sees every datagram as its sender made it. A context is named by its ID Context: one secret a node."""

    def __init__(self) -> None:
        self.sealed: dict[object, set[bytes]] = defaultdict(set)
        self.overheard: Callable[[bytes], None] = _nobody  # told the plain text of each answer
        self.unknown = 0  # answers that open for no request known
        self._contexts: dict[int, dict[bytes, Context]] = defaultdict(dict)
        self._asked: dict[int, deque[tuple[bytes, Asked]]] = defaultdict(lambda: deque(maxlen=RECENT))

    def from_node(self, node: int, keys: Keys, context: bytes, data: bytes) -> None:
        """What a node sent under `context`."""
        if context not in self._contexts[node] and context.startswith(UDP):
            self._contexts[node][context] = keys.context(context[len(UDP) :])
        message, value = _protected(data)
        if message is None or value is None:
            return
        counter, _, _ = read_option_untrusted(value)
        assert counter is not None
        asked = message.token, (context, counter)
        if asked not in self._asked[node]:
            self._asked[node].appendleft(asked)
        self._add((node, "node", context, counter), message.payload)

    def from_gateway(self, node: int, data: bytes) -> None:
        """What the gateway sent to that node's address."""
        message, value = _protected(data)
        if message is None or value is None:
            return
        token = message.token
        known = sorted(self._asked[node], key=lambda one: one[0] != token)  # that token's newest first
        self._answered(node, [asker for _, asker in known], value, message.payload)

    def to_stranger(self, node: int, context: bytes, request: bytes, data: bytes) -> None:
        """What the gateway sent to somebody else, who had sent that node's request again."""
        (_, asked), (message, value) = _protected(request), _protected(data)
        if message is None or value is None or asked is None:
            return
        counter, _, _ = read_option_untrusted(asked)
        assert counter is not None
        self._answered(node, [(context, counter)], value, message.payload)

    def _answered(self, node: int, askers: list[Asked], value: bytes, sealed: bytes) -> None:
        counter, _, kid_context = read_option_untrusted(value)
        if kid_context is not None:  # Appendix B.2: sealed under a context made for this answer alone
            self._add((node, "answer", kid_context, -1), sealed)
            return
        for context, asked in askers:
            name = self._sealed_under(node, context, asked, counter, sealed)
            if name is not None:
                # Under the request's nonce, but under the other key: counted apart from the request.
                own = (node, "answer", name, asked) if counter is None else (node, "gateway", name, counter)
                self._add(own, sealed)
                return
        self.unknown += 1

    def _sealed_under(self, node: int, likely: bytes, asked: int, counter: int | None, sealed: bytes) -> bytes | None:
        """The context of an answer to a request; a repeated request may get one under a newer context than its own."""
        names: Iterable[bytes] = [likely]
        if counter is not None:
            names = sorted(self._contexts[node], key=lambda name: name != likely)
        return next((name for name in names if self._opens(node, name, asked, counter, sealed)), None)

    def _opens(self, node: int, name: bytes, asked: int, counter: int | None, sealed: bytes) -> bool:
        context = self._contexts[node].get(name)
        if context is None:
            return False
        nonce = (context.sender_base ^ asked).to_bytes(13, "big")
        try:
            binding = Binding(context.sender_id, asked, nonce)
            _, _, payload = unprotect_response_untrusted(context, binding, counter, sealed)
        except WireError:
            return False
        self.overheard(payload)
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


def _nobody(_payload: bytes) -> None:
    return
