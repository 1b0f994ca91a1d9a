"""A CoAP endpoint on datagrams (RFC 7252 sections 4 and 5): the message layer and the client's role, six verbs.

`receive_datagram`, `request`, `datagrams_to_send`, `next_deadline`, `handle_timer`, `next_event`. Times are
milliseconds of a clock that never goes back; an address is any hashable value; `random(n)` gives 0 <= int < n.
"""

from comatrix.codec import coap
from comatrix.errors import BusyError, MessageFormatError
from comatrix.session import exchange as states
from comatrix.session.exchange import Exchange, Parameters

MAX_DATAGRAM = 1280

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Random = Callable[[int], int]
    Options = list[tuple[int, bytes]]


class Response:
    """A response to one of our requests."""

    def __init__(self, exchange: Exchange, message: coap.Message) -> None:
        self.exchange = exchange
        self.message = message


class Failure:
    """A request of ours got no response: `reset` says whether the peer sent a Reset, else time ran out."""

    def __init__(self, exchange: Exchange, reset: bool) -> None:
        self.exchange = exchange
        self.reset = reset


class Endpoint:
    """One local endpoint towards any number of peers. It serves nothing: `serving.ServingEndpoint` does."""

    def __init__(self, random: "Random", parameters: "Parameters | None" = None) -> None:
        self.random = random
        self.parameters = parameters or Parameters()
        self.exchanges: "list[Exchange]" = []
        self.events: "list[Any]" = []
        self.out: "list[tuple[bytes, Any]]" = []
        self.mid = random(65536)
        self.token = random(256)
        self.retransmitted = 0

    # The six verbs

    def receive_datagram(self, data: bytes, addr: "Any", now: int) -> None:
        """Take a datagram as it came; whatever is wrong with it has no effect but, at most, a Reset."""
        if len(data) > MAX_DATAGRAM:
            return
        try:
            message = coap.decode_untrusted(data)
        except MessageFormatError:
            self.refuse_broken(data, addr)
            return
        if 0 < message.code < 32:  # a request
            if message.type <= coap.NON:
                self.receive_request(message, data, addr, now)
        elif message.code == coap.EMPTY:
            self._receive_empty(message, addr, now)
        else:
            self._receive_response(message, addr, now)

    def request(
        self,
        addr: "Any",
        code: int,
        options: "Options",
        payload: bytes,
        now: int,
        confirmable: bool = True,
    ) -> Exchange:
        """Send a request; the Exchange returned comes back in its Response or Failure. Raises BusyError."""
        if len(self.exchanges) >= self.parameters.queued:
            raise BusyError("too many requests open")
        token = self._next_token(addr)
        type = coap.CON if confirmable else coap.NON
        return self.send_message(addr, type, code, token, options, payload, now)

    def datagrams_to_send(self, now: int) -> "list[tuple[bytes, Any]]":
        """What is to be transmitted now: (datagram, address), each once."""
        out = self.out
        if out:
            self.out = []
        return out

    def next_deadline(self) -> "int | None":
        """When `handle_timer` is due, or None."""
        earliest = None
        for sent in self.exchanges:
            if sent.state != states.QUEUED and (earliest is None or sent.deadline < earliest):
                earliest = sent.deadline
        return earliest

    def handle_timer(self, now: int) -> None:
        """Retransmit, or give up."""
        for sent in list(self.exchanges):
            if sent.state != states.QUEUED and sent.deadline <= now:
                exhausted = sent.state == states.LISTENING or sent.sent > self.parameters.max_retransmit
                self._step(sent, states.EXHAUSTED if exhausted else states.TIMER, now)

    def next_event(self) -> "Any":
        """The next Response or Failure, or None."""
        return self.events.pop(0) if self.events else None

    def cancel(self, sent: Exchange, now: int) -> None:
        """Forget a request: nothing more is sent or told about it."""
        if sent in self.exchanges:
            self.exchanges.remove(sent)
            self._fill_slots(sent.addr, now)

    # Receiving

    def receive_request(self, message: coap.Message, data: bytes, addr: "Any", now: int) -> None:
        """A request came to an endpoint that serves nothing (section 4.2: reject what lacks context)."""
        if message.type == coap.CON:
            self.reset(message.mid, addr)

    def _receive_empty(self, message: coap.Message, addr: "Any", now: int) -> None:
        if message.type == coap.CON:
            self.reset(message.mid, addr)  # a ping (section 4.3)
        for sent in list(self.exchanges):
            if sent.mid == message.mid and sent.addr == addr:
                if message.type == coap.ACK:
                    self._step(sent, states.ACKNOWLEDGED, now)
                elif message.type == coap.RST:
                    self._step(sent, states.RESET, now)

    def _receive_response(self, message: coap.Message, addr: "Any", now: int) -> None:
        for sent in self.exchanges:
            if sent.token == message.token and sent.addr == addr and not sent.answers:
                if message.type == coap.ACK and message.mid != sent.mid:
                    continue
                if message.type == coap.CON:
                    self.out.append((coap.encode(coap.Message(coap.ACK, coap.EMPTY, message.mid)), addr))
                if self._step(sent, states.RESPONSE, now) is not None:
                    self.events.append(Response(sent, message))
                return
        if message.type == coap.CON:
            self.reset(message.mid, addr)

    def refuse_broken(self, data: bytes, addr: "Any") -> None:
        """Not a CoAP message: a Reset, if it was confirmable (section 4.2)."""
        head = coap.peek_untrusted(data)
        # Signalling codes belong to TCP (RFC 8323): silence, like anything that is not confirmable.
        if head is not None and head[0] == coap.CON and head[1] >> 5 != 7:
            self.reset(head[2], addr)

    def reset(self, mid: int, addr: "Any") -> None:
        """Reject a message (section 4.2)."""
        self.out.append((coap.encode(coap.Message(coap.RST, coap.EMPTY, mid)), addr))

    # Sending

    def send_message(
        self,
        addr: "Any",
        type: int,
        code: int,
        token: bytes,
        options: "Options | tuple[()]",
        payload: bytes,
        now: int,
        answers: bool = False,
    ) -> Exchange:
        """Send a message of our own; `answers`: it is a response, so none is awaited."""
        self.mid = (self.mid + 1) & 0xFFFF
        datagram = coap.encode(coap.Message(type, code, self.mid, token, options, payload))
        sent = Exchange(addr, type, self.mid, token, datagram)
        sent.answers = answers
        if type == coap.NON:
            self.out.append((datagram, addr))
            if answers:
                return sent
            sent.state = states.LISTENING
            sent.deadline = now + self.parameters.response_wait_ms
        self.exchanges.append(sent)
        self._fill_slots(addr, now)
        return sent

    def _fill_slots(self, addr: "Any", now: int) -> None:
        """NSTART (section 4.7): start queued messages to a peer while it has fewer than that many open."""
        busy = 0
        for sent in self.exchanges:
            if sent.addr == addr and sent.state in (states.WAITING, states.LISTENING):
                busy += 1
        for sent in list(self.exchanges):
            if sent.addr == addr and sent.state == states.QUEUED and busy < self.parameters.nstart:
                busy += 1
                self._step(sent, states.SLOT, now)

    def _step(self, sent: Exchange, what: int, now: int) -> "int | None":
        action = sent.step(what)
        if action == states.SEND:
            timeout_ms = self.parameters.ack_timeout_ms
            sent.timeout_ms = timeout_ms + self.random(timeout_ms // 2 + 1)
            self._transmit(sent, now)
        elif action == states.SEND_AGAIN:
            sent.timeout_ms *= 2
            self.retransmitted += 1
            self._transmit(sent, now)
        elif action == states.LISTEN:
            sent.deadline = now + self.parameters.response_wait_ms
            if sent.answers:
                sent.state = states.DONE
        if sent.state == states.DONE:
            self._finish(sent, action, now)
        return action

    def _transmit(self, sent: Exchange, now: int) -> None:
        sent.sent += 1
        sent.deadline = now + sent.timeout_ms
        self.out.append((sent.datagram, sent.addr))

    def _finish(self, sent: Exchange, action: "int | None", now: int) -> None:
        self.exchanges.remove(sent)
        if action in (states.TELL_TIMEOUT, states.TELL_RESET):
            sent.failed = True
            if not sent.answers:
                self.events.append(Failure(sent, action == states.TELL_RESET))
        self._fill_slots(sent.addr, now)

    def _next_token(self, addr: "Any") -> bytes:
        """One byte, not in use towards this peer: short, because OSCORE and not the token proves the answer."""
        while True:
            self.token = (self.token + 1) & 0xFF
            token = bytes((self.token,))
            if not any(sent.token == token and sent.addr == addr for sent in self.exchanges):
                return token
