"""The gateway's side: datagrams in, authenticated requests out, answers back under the right nonce. Six verbs.

What an answer may be sealed with (docs/reference/wire.md, section Nonces): the request's own nonce only once, and only
when the request's counter is on disk; everything else takes a fresh counter of the gateway's own.
"""

from hashlib import sha256

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import OSCORE, PROXY_SCHEME, PROXY_URI
from comatrix.codec.options import supported_untrusted
from comatrix.errors import BadOptionError, CounterError, LocalError, OscoreError, WireError
from comatrix.session import oscore
from comatrix.session.answering import affordable, numbered, proven_node, shaped, unwanted
from comatrix.session.keys import node_id
from comatrix.session.serving import Incoming, Malformed

_ERROR_SIZE = 32  # header, options, OSCORE and tag around a diagnostic, at most
_OUTER_HANDLED = (OSCORE, 3, 6, 7)  # Uri-Host, Uri-Port and Observe may stand outside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from comatrix.session.counter import Counter
    from comatrix.session.exchange import Exchange
    from comatrix.session.replay import Window
    from comatrix.session.serving import ServingEndpoint
    from comatrix.session.shaping import Shape

    class Peers(Protocol):
        """Where the associations of nodes are found."""

        def find(self, kid: bytes, kid_context: "bytes | None") -> "list[Peer]":
            """The contexts that may have sealed a request of this kid, the likeliest first."""

        def turned_away(self, kid: "bytes | None", addr: Any) -> "tuple[str, int | None]":
            """Why a request of this kid (None: without OSCORE) is not heard, and whose it seems; "blocked": silence."""

        def plain(self, addr: Any) -> "Peer | None":
            """The node declared to speak plain CoAP from this address."""

        def rekey(
            self, kid: bytes, kid_context: bytes, counter: int, sealed: bytes, now: int
        ) -> "Rekeying | Peer | None":
            """Appendix B.2: what a request with a kid context no association knows leads to."""


class Peer:
    """An association with a node: an OSCORE context with its window and counter, or none of them for plain CoAP."""

    __slots__ = ("__weakref__", "context", "counter", "key", "node", "window", "window_missing")

    def __init__(
        self,
        node: int,
        key: int,
        context: "oscore.Context | None" = None,
        window: "Window | None" = None,
        counter: "Counter | None" = None,
    ) -> None:
        self.node = node
        self.key = key
        self.context = context
        self.window = window
        self.counter = counter
        self.window_missing = False


class Rekeying:
    """The answer to request #1 of Appendix B.2: sealed once under a context made for it alone."""

    def __init__(self, context: oscore.Context, binding: oscore.Binding, kid_context: bytes) -> None:
        self.context = context
        self.binding = binding
        self.kid_context = kid_context


class Request:
    """An authenticated request. `counter` (None for plain CoAP) and `digest` name the message that carried it.

    `shape`: how its answers are cut (None: only where they are too long).
    """

    __slots__ = ("binding", "code", "counter", "digest", "incoming", "options", "payload", "peer", "shape")

    def __init__(
        self,
        peer: Peer,
        incoming: Incoming,
        code: int,
        options: "list[tuple[int, bytes]]",
        payload: bytes,
        binding: "oscore.Binding | None" = None,
        digest: bytes = b"",
    ) -> None:
        self.peer = peer
        self.incoming = incoming
        self.code = code
        self.options = options
        self.payload = payload
        self.binding = binding
        self.counter = None if binding is None else binding.counter
        self.digest = digest
        self.shape: "Shape | None" = None


class Repeated:
    """A known counter again. If (counter, digest) is a stored request, `repeat_answer` is due, else `refuse`."""

    __slots__ = ("binding", "counter", "digest", "incoming", "peer")

    def __init__(self, peer: Peer, incoming: Incoming, counter: int, digest: bytes) -> None:
        self.peer = peer
        self.incoming = incoming
        self.counter = counter
        self.digest = digest
        context = peer.context
        nonce = b"" if context is None else (context.recipient_base ^ counter).to_bytes(13, "big")
        self.binding = oscore.Binding(b"" if context is None else context.recipient_id, counter, nonce)


class Knock:
    """Somebody was turned away; for the operator's log."""

    __slots__ = ("addr", "kid", "node", "reason")

    def __init__(self, reason: str, addr: "Any", kid: "bytes | None" = None, node: "int | None" = None) -> None:
        self.reason = reason
        self.addr = addr
        self.kid = kid
        self.node = node


class Server:
    """Security on top of a serving endpoint."""

    def __init__(self, endpoint: "ServingEndpoint", peers: "Peers") -> None:
        self.endpoint = endpoint
        self.peers = peers
        self.events: "list[Request | Repeated | Knock]" = []

    def receive_datagram(self, data: bytes, addr: "Any", now: int, multicast: bool = False) -> None:
        """Take a datagram as it came; errors are answered here, requests become events. `multicast`: to a group."""
        endpoint = self.endpoint
        if multicast:
            endpoint.receive_multicast(data, addr, now)
        else:
            endpoint.receive_datagram(data, addr, now)
        while endpoint.events:
            event = endpoint.events.pop(0)
            if isinstance(event, Incoming):
                self._authenticate(event, now)
            elif isinstance(event, Malformed):
                self.events.append(Knock("malformed", event.addr))

    def datagrams_to_send(self, now: int) -> "list[tuple[bytes, Any]]":
        """What is to be transmitted now."""
        return self.endpoint.datagrams_to_send(now)

    def next_deadline(self) -> "int | None":
        """When `handle_timer` is due, or None."""
        return self.endpoint.next_deadline()

    def handle_timer(self, now: int) -> None:
        """Acknowledge what takes long, forget what is old."""
        self.endpoint.handle_timer(now)

    def next_event(self) -> "Request | Repeated | Knock | None":
        """The next Request, Repeated or Knock, or None."""
        return self.events.pop(0) if self.events else None

    # Answers

    def pending(self) -> int:
        """How many datagrams wait to be sent."""
        return len(self.endpoint.out)

    def withdraw(self, pending: int) -> None:
        """Unsay what was made ready since `pending` told so many: there is no time for strangers now."""
        self.endpoint.out = self.endpoint.out[:pending]

    def answer_stored(
        self, request: Request, code: int, payload: bytes, now: int, options: "list[tuple[int, bytes]] | tuple[()]" = ()
    ) -> None:
        """Answer under the request's own nonce: its counter is on disk. Raises LocalError the second time."""
        self._answer(request, None, code, options, payload, now)

    def answer_fresh(
        self,
        request: "Request | Repeated",
        code: int,
        payload: bytes,
        now: int,
        options: "list[tuple[int, bytes]] | tuple[()]" = (),
    ) -> None:
        """Answer under a counter of our own. Raises CounterError where none is reserved."""
        counter = request.peer.counter
        if counter is None and request.peer.context is not None:
            raise CounterError("no counter to answer under")
        self._answer(request, None if counter is None else counter.take(), code, options, payload, now)

    def notify(
        self,
        request: Request,
        code: int,
        payload: bytes,
        now: int,
        options: "list[tuple[int, bytes]] | tuple[()]" = (),
        confirmable: bool = True,
    ) -> "Exchange":
        """Answer once more what was answered fresh (RFC 7641). Raises CounterError where no counter is reserved."""
        code, options, payload = shaped(request, code, options, payload)
        peer = request.peer
        if peer.context is not None:
            if peer.counter is None or request.binding is None:
                raise CounterError("no counter to answer under")
            counter = peer.counter.take()
            code, outside, payload = oscore.protect_response(
                peer.context, request.binding, counter, code, options, payload
            )
            options = numbered(outside, counter)
        return self.endpoint.notify(request.incoming, code, options, payload, now, confirmable)

    def give_up(self, notification: "Exchange", now: int) -> None:
        """Send a notification no more."""
        self.endpoint.cancel(notification, now)

    def refuse(self, incoming: Incoming, code: int, text: str, now: int) -> None:
        """An unprotected error: a hint to the other side. The text goes along where amplification allows it."""
        if unwanted(code, incoming, incoming.message.options):
            self.endpoint.acknowledge(incoming)
        else:
            self.endpoint.respond(incoming, code, (), affordable(incoming, text.encode(), 5), now)
        self.endpoint.forget(incoming)

    def ignore(self, incoming: Incoming) -> None:
        """Leave a request without any answer, and without a trace."""
        self.endpoint.ignore(incoming)
        self.endpoint.forget(incoming)

    def _answer(
        self,
        request: "Request | Repeated",
        counter: "int | None",
        code: int,
        options: "list[tuple[int, bytes]] | tuple[()]",
        payload: bytes,
        now: int,
    ) -> None:
        context = request.peer.context
        binding = request.binding
        code, options, payload = shaped(request, code, options, payload)
        if unwanted(code, request.incoming, request.options if isinstance(request, Request) else ()):
            self.endpoint.acknowledge(request.incoming)
            return
        if code >= codes.BAD_REQUEST:
            payload = affordable(request.incoming, payload, _ERROR_SIZE)
        if context is None:
            self.endpoint.respond(request.incoming, code, options, payload, now)
            return
        if binding is None:
            raise LocalError("answered already")  # never under that nonce again, and never in plain
        outer, outside, sealed = oscore.protect_response(context, binding, counter, code, options, payload)
        if counter is not None:
            outside = numbered(outside, counter)
        if counter is None:
            request.binding = None if isinstance(request, Request) else binding  # spent: that nonce is used once
        self.endpoint.respond(request.incoming, outer, outside, sealed, now)

    # Requests

    def _authenticate(self, incoming: Incoming, now: int) -> None:
        message = incoming.message
        value = None
        for number, candidate in message.options:
            if number == OSCORE:
                value = candidate
        try:
            if value is None:
                self._plain(incoming, now)
            else:
                self._oscore(incoming, value, now)
        except WireError as error:
            if not self.events:  # what reached a context, or found none, is told of already
                self.events.append(Knock("malformed", incoming.addr))
            if isinstance(error, BadOptionError) and message.type == coap.NON:
                self.endpoint.forget(incoming)  # rejected silently (RFC 7252 section 5.4.1)
                return
            text = str(error) if isinstance(error, OscoreError) else ""
            self.refuse(incoming, codes.BAD_REQUEST if error.code is None else error.code, text, now)

    def _plain(self, incoming: Incoming, now: int) -> None:
        message = incoming.message
        peer = self.peers.plain(incoming.addr)
        if peer is None:
            if self._turned_away(incoming, None):
                self.refuse(incoming, coap.UNAUTHORIZED, "", now)
            return
        digest = sha256(incoming.seen.data).digest()[:8]
        self.events.append(Request(peer, incoming, message.code, list(message.options), message.payload, None, digest))

    def _oscore(self, incoming: Incoming, value: bytes, now: int) -> None:
        message = incoming.message
        if len(message.options) > 1 or len(value) > 255:
            if any(number in (PROXY_URI, PROXY_SCHEME) for number, _ in message.options):
                self.refuse(incoming, codes.NO_PROXYING, "", now)
                return
            supported_untrusted(list(message.options), _OUTER_HANDLED)
        counter, kid, kid_context = oscore.read_option_untrusted(value)
        if counter is None or kid is None:
            raise OscoreError("Failed to decode COSE", codes.BAD_OPTION)
        owner = proven_node(incoming.addr)
        if owner is not None and kid != node_id(owner):
            self.events.append(Knock("other node", incoming.addr, kid, owner))
            raise OscoreError("Security context not found", coap.UNAUTHORIZED)
        peers = self.peers.find(kid, kid_context)
        if not peers:
            self._unknown(incoming, counter, kid, kid_context, now)
            return
        self._try_contexts(peers, incoming, counter, kid)

    def _try_contexts(self, peers: "list[Peer]", incoming: Incoming, counter: int, kid: bytes) -> None:
        sealed = incoming.message.payload
        digest = sha256(sealed).digest()[:8]
        repeated = None
        for peer in peers:
            if peer.context is None or peer.window is None:
                continue
            if not peer.window.fresh(counter):
                repeated = repeated or peer
                continue
            try:
                code, options, payload, binding = oscore.unprotect_request_untrusted(peer.context, counter, sealed)
            except OscoreError:
                continue
            peer.window.accept(counter)
            self.events.append(Request(peer, incoming, code, options, payload, binding, digest))
            return
        if repeated is not None:
            self.events.append(Repeated(repeated, incoming, counter, digest))
            return
        self.events.append(Knock("wrong key", incoming.addr, kid, peers[0].node))
        raise OscoreError("Decryption failed")

    def _unknown(self, incoming: Incoming, counter: int, kid: bytes, kid_context: "bytes | None", now: int) -> None:
        sealed = incoming.message.payload
        found = None
        if kid_context is not None:
            found = self.peers.rekey(kid, kid_context, counter, sealed, now)
        if isinstance(found, Rekeying):
            outer, outside, answer = oscore.protect_response(
                found.context, found.binding, None, coap.UNAUTHORIZED, (), b"", found.kid_context
            )
            self.endpoint.respond(incoming, outer, outside, answer, now)
        elif found is not None:
            self._try_contexts([found], incoming, counter, kid)
        elif self._turned_away(incoming, kid):
            raise OscoreError("Security context not found", coap.UNAUTHORIZED)

    def _turned_away(self, incoming: Incoming, kid: "bytes | None") -> bool:
        """Tell of a request that found no association -> whether it is answered."""
        reason, node = self.peers.turned_away(kid, incoming.addr)
        self.events.append(Knock(reason, incoming.addr, kid, node))
        if reason == "blocked":
            self.ignore(incoming)
        return reason != "blocked"
