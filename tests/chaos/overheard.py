"""What the world saw of a recorded gateway up to a moment: requests, answers that left, events that were sent."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from comatrix.codec import cbor, coap
from comatrix.codec.option_numbers import OSCORE, URI_PATH
from comatrix.errors import WireError
from comatrix.gateway.aead import aead
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id
from tests.chaos.ledger import Key
from tests.chaos.load import ENROLMENT
from tests.chaos.provisioning import Known

PUT = re.compile(rb"PUT [^ ]+/send/[^/ ]+/([^/ ?]+)[^\r]* HTTP/1.1\r\n")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came. `key`: the record it carried, None for other requests."""

    node: int
    counter: int
    key: Key | None
    moment: int
    binding: oscore.Binding


@dataclass(slots=True)
class Overheard:
    """Fed in the order of the log."""

    nodes: Sequence[Known]
    acknowledged: dict[Key, tuple[int, int]] = field(default_factory=dict)  # -> node, counter of a request answered
    used: dict[str, int] = field(default_factory=dict)  # node -> the gateway's highest sender counter that left
    sent: dict[str, bytes] = field(default_factory=dict)  # transaction -> content that left whole
    waits: list[tuple[int, int]] = field(default_factory=list)  # request came, its first 2.04 left
    _contexts: dict[bytes, tuple[int, oscore.Context]] = field(default_factory=dict)
    _asked: dict[tuple[int, int, bytes], Asked] = field(default_factory=dict)  # port, message id and token ->
    _answers: set[bytes] = field(default_factory=set)
    _streams: dict[int, bytearray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, secret in self.nodes:
            kid = node_id(number)
            self._contexts[kid] = number, Keys(secret, b"", kid, aead).context()

    def received(self, port: int, data: bytes, moment: int) -> None:
        """A datagram from a node's port; those that do not open are nobody's."""
        try:
            message = coap.decode_untrusted(data)
            value = _option(message)
            if value is None:
                return
            counter, kid, _ = oscore.read_option_untrusted(value)
            if counter is None or kid not in self._contexts:
                return
            node, context = self._contexts[kid]
            _, options, payload, binding = oscore.unprotect_request_untrusted(context, counter, message.payload)
        except WireError:
            return
        key = (node, ENROLMENT, _seq(payload, counter)) if (URI_PATH, b"r") in options else None
        name = port, message.mid, message.token
        known = self._asked.get(name)
        if known is None or known.counter != counter:  # a copy asks nothing new
            self._asked[name] = Asked(node, counter, key, moment, binding)

    def answered(self, port: int, data: bytes, moment: int) -> None:
        """A datagram left for a node's port."""
        try:
            message = coap.decode_untrusted(data)
            value = _option(message)
            asked = self._asked.get((port, message.mid, message.token))
            if value is None or asked is None or data in self._answers:
                return
            counter, _, _ = oscore.read_option_untrusted(value)
            code = self._opened(asked, counter, message.payload)
        except (WireError, ValueError):
            return
        self._answers.add(data)
        if counter is not None:
            self.used[str(asked.node)] = max(counter, self.used.get(str(asked.node), 0))
        if code == coap.CHANGED and asked.key is not None:
            self.acknowledged[asked.key] = asked.node, asked.counter
            if counter is None:
                self.waits.append((asked.moment, moment))

    def connected(self, fd: int) -> None:
        """A new connection: what an old one had begun is over."""
        self._streams.pop(fd, None)

    def streamed(self, fd: int, data: bytes) -> None:
        """Bytes left on a connection to the homeserver."""
        stream = self._streams.setdefault(fd, bytearray())
        stream += data
        head, end, body = bytes(stream).partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not end or len(body) < (int(length[1]) if length else 0):
            return
        stream.clear()
        if found := PUT.match(head):
            self.sent[found[1].decode()] = body

    def _opened(self, asked: Asked, counter: int | None, sealed: bytes) -> int:
        """The code of an answer. Raises ValueError where it belongs to another request."""
        context = self._contexts[node_id(asked.node)][1]
        nonce = asked.binding.nonce if counter is None else (context.sender_base ^ counter).to_bytes(13, "big")
        plain = context.sender.open(nonce, asked.binding.aad, sealed)
        return plain[0]


def _option(message: coap.Message) -> bytes | None:
    return next((value for number, value in message.options if number == OSCORE), None)


def _seq(payload: bytes, counter: int) -> int:
    first = cbor.decode_sequence_untrusted(payload)[0]
    return first if isinstance(first, int) else counter
