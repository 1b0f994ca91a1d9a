"""The server's role of an endpoint (RFC 7252 sections 4.2, 4.5, 5.2): requests in, answers out, duplicates known."""

from collections import deque

from comatrix.codec import coap
from comatrix.codec.codes import TOO_LARGE
from comatrix.codec.option_numbers import BLOCK1
from comatrix.session.duplicates import Duplicates
from comatrix.session.endpoint import MAX_DATAGRAM, Endpoint
from comatrix.session.exchange import Parameters

_IN_BLOCKS = [(BLOCK1, b"\x06")]  # of 1,024 bytes
_UNANSWERED = 2048
_TOLD = 256  # non-confirmable notifications whose Reset is still understood

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix.session.duplicates import Seen
    from comatrix.session.endpoint import Options, Random
    from comatrix.session.exchange import Exchange


class Incoming:
    """A request that waits for its answer. `acknowledged`: an empty ACK went out, so the answer will be separate.

    `multicast`: it was sent to a group, and gets no error (RFC 7252 section 8.2).
    """

    __slots__ = ("acknowledged", "addr", "deadline", "message", "multicast", "seen")

    def __init__(self, addr: "Any", message: coap.Message, seen: "Seen", deadline: int) -> None:
        self.addr = addr
        self.message = message
        self.seen = seen
        self.deadline = deadline
        self.acknowledged = False
        self.multicast = False


class Malformed:
    """A datagram from `addr` that is no CoAP message; it got its Reset, if one was due."""

    __slots__ = ("addr",)

    def __init__(self, addr: "Any") -> None:
        self.addr = addr


class ServingEndpoint(Endpoint):
    """An endpoint whose events are also Incoming requests and Malformed; `respond` answers a request, or `ignore`."""

    def __init__(self, random: "Random", parameters: "Parameters | None" = None) -> None:
        super().__init__(random, parameters)
        self.duplicates = Duplicates(self.parameters.peer_duplicates, self.parameters.all_duplicates)
        self.unanswered: "deque[Incoming]" = deque((), _UNANSWERED)  # noqa: RUF037 - MicroPython wants both
        self._told: "deque[Exchange]" = deque((), _TOLD)  # noqa: RUF037 - the same
        self._multicast = False  # whether the datagram that is looked at was sent to a group

    def receive_datagram(self, data: bytes, addr: "Any", now: int) -> None:
        """Take a datagram as it came; a request that is too long is told to come in blocks (RFC 7959 section 2.9.3)."""
        if len(data) > MAX_DATAGRAM:
            self._refuse_long(data, addr)
        else:
            super().receive_datagram(data, addr, now)

    def receive_multicast(self, data: bytes, addr: "Any", now: int) -> None:
        """Take a datagram that was sent to a group: no Reset and no ACK ever, and no confirmable request."""
        self._multicast = True
        try:
            self.receive_datagram(data, addr, now)
        finally:
            self._multicast = False

    def reset(self, mid: int, addr: "Any") -> None:
        """Reject a message, unless all of a group would."""
        if not self._multicast:
            super().reset(mid, addr)

    def acknowledge(self, incoming: Incoming) -> None:
        """That is all the answer a request gets."""
        if incoming.message.type == coap.CON and not incoming.acknowledged:
            self._acknowledge(incoming)
        incoming.deadline = -1

    def respond(
        self,
        incoming: Incoming,
        code: int,
        options: "Options | tuple[()]",
        payload: bytes,
        now: int,
        reliable: bool = False,
    ) -> None:
        """Answer a request, on its ACK where there is still time. `reliable`: a separate answer is confirmable."""
        message = incoming.message
        if message.type == coap.CON and not incoming.acknowledged:
            answer = coap.Message(coap.ACK, code, message.mid, message.token, options, payload)
            datagram = coap.encode(answer)
            self.out.append((datagram, incoming.addr))
        else:
            type = coap.CON if reliable else coap.NON
            sent = self.send_message(incoming.addr, type, code, message.token, options, payload, now, True)
            datagram = sent.datagram
        incoming.seen.answer = datagram
        incoming.deadline = -1

    def notify(
        self,
        incoming: Incoming,
        code: int,
        options: "Options | tuple[()]",
        payload: bytes,
        now: int,
        confirmable: bool = True,
    ) -> "Exchange":
        """Answer a request once more (RFC 7641 section 4.2). The Exchange's `failed` tells of a Reset, and of a loss
        where it is confirmable."""
        type = coap.CON if confirmable else coap.NON
        sent = self.send_message(incoming.addr, type, code, incoming.message.token, options, payload, now, True)
        if not confirmable:
            self._told.append(sent)
        return sent

    def ignore(self, incoming: Incoming) -> None:
        """Leave a request without any answer, also without the empty ACK that takes time to come."""
        incoming.deadline = -1

    def forget(self, incoming: Incoming) -> None:
        """The request came from nobody who is heard and changed nothing: its copies are not recognised."""
        self.duplicates.forget(incoming.seen)

    def next_deadline(self) -> "int | None":
        """When `handle_timer` is due, or None."""
        earliest = super().next_deadline()
        while self.unanswered and self.unanswered[0].deadline < 0:
            self.unanswered.popleft()
        if self.unanswered and (earliest is None or self.unanswered[0].deadline < earliest):
            return self.unanswered[0].deadline
        return earliest

    def handle_timer(self, now: int) -> None:
        """Retransmit, give up, acknowledge what takes long, forget what is old."""
        super().handle_timer(now)
        while self.unanswered and self.unanswered[0].deadline <= now:
            incoming = self.unanswered.popleft()
            if incoming.deadline >= 0:
                self._acknowledge(incoming)
        self.duplicates.expire(now)

    def receive_request(self, message: coap.Message, data: bytes, addr: "Any", now: int) -> None:
        """Take a new request; give a duplicate the remembered answer."""
        if self._multicast and message.type == coap.CON:
            return  # RFC 7252 section 8.1
        duplicates = self.duplicates
        duplicates.expire(now)  # no timer need be due: a quiet server has none
        seen = duplicates.find(addr, data)
        if seen is not None:
            answer = seen.repeat()
            if answer is not None:
                self.out.append((answer, addr))
            return
        seen = duplicates.add(addr, data, now)
        incoming = Incoming(addr, message, seen, now + self.parameters.ack_delay_ms)
        incoming.multicast = self._multicast
        if message.type == coap.CON:
            if len(self.unanswered) == _UNANSWERED:
                self.unanswered.popleft()
            self.unanswered.append(incoming)
        self.events.append(incoming)

    def refuse_broken(self, data: bytes, addr: "Any") -> None:
        """Reset what is no CoAP message, where one is due, and tell of it."""
        super().refuse_broken(data, addr)
        self.events.append(Malformed(addr))

    def _refuse_long(self, data: bytes, addr: "Any") -> None:
        head = coap.peek_untrusted(data)
        size = data[0] & 15
        if head is None or size > 8 or self._multicast:
            return
        type, code, mid = head
        if type == coap.CON and coap.is_request(code):
            answer = coap.Message(coap.ACK, TOO_LARGE, mid, data[4 : 4 + size], _IN_BLOCKS)
            self.out.append((coap.encode(answer), addr))

    def _receive_empty(self, message: coap.Message, addr: "Any", now: int) -> None:
        super()._receive_empty(message, addr, now)
        if message.type == coap.RST:
            for sent in self._told:
                if sent.mid == message.mid and sent.addr == addr:
                    sent.failed = True

    def _acknowledge(self, incoming: Incoming) -> None:
        incoming.acknowledged = True
        empty = coap.encode(coap.Message(coap.ACK, coap.EMPTY, incoming.message.mid))
        incoming.seen.answer = empty
        self.out.append((empty, incoming.addr))
