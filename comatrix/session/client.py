"""The node's side: one request open at a time, under OSCORE, repeated until an authenticated answer comes. Six verbs.

Whatever is not authenticated (errors, Resets, empty ACKs, silence) is a hint: it slows the node down and never ends a
request. Each repeat is a new message under a fresh counter, with the record's seq in front of the record.

An Echo in a 4.01 is sent back at once. One in a success is kept for the next question of what waits here, get("c"): it
proves our address to the gateway (RFC 9175 section 2.3).
"""

from comatrix.codec import cbor, coap
from comatrix.codec.option_numbers import BLOCK1, ECHO, MAX_AGE, OSCORE, URI_PATH, uint
from comatrix.errors import BAD_REQUEST, BusyError, WireError
from comatrix.session import keys as naming
from comatrix.session import oscore
from comatrix.session.endpoint import Response

HOUR_MS = 3600000
RENEW_AFTER = 1 << 20  # messages under one key, then Appendix B.2
_UNAUTHORIZED_LIMIT = 3

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from comatrix.session.counter import Counter
    from comatrix.session.endpoint import Endpoint

    Body = Callable[[int], bytes]


class Delivered:
    """An authenticated success: `payload` is the answer's (an Answer record). `seq` None for a GET."""

    def __init__(self, path: str, seq: "int | None", code: int, payload: bytes) -> None:
        self.path = path
        self.seq = seq
        self.code = code
        self.payload = payload


class Refused(Delivered):
    """An authenticated refusal: the same request would be refused again."""


class Reserve:
    """The counter is used up: store `limit`, sync it, then call `reserved(limit, now)`."""

    def __init__(self, limit: int) -> None:
        self.limit = limit


class Rekeyed:
    """Appendix B.2 completed: store `extra` in place of the old bytes before anything else."""

    def __init__(self, extra: bytes) -> None:
        self.extra = extra


def _nothing(now: int) -> bytes:
    return b""


def _next_renewal(counter: int) -> int:
    return (counter // RENEW_AFTER + 1) * RENEW_AFTER


class _Open:
    def __init__(self, code: int, path: str, body: "Body") -> None:
        self.code = code
        self.path = path
        self.body = body
        self.seq: "int | None" = None
        self.attempts = 0
        self.echo: "bytes | None" = None
        self.block: "bytes | None" = None


class Client:
    """`keys` and `extra` give the context (None: its counter is lost), `counter` its sender counter.

    `retry_ms`: the shortest and longest pause between attempts.
    """

    def __init__(
        self,
        endpoint: "Endpoint",
        addr: "Any",
        keys: naming.Keys,
        counter: "Counter",
        extra: "bytes | None" = b"",
        retry_ms: "tuple[int, int]" = (2000, 300000),
    ) -> None:
        self.endpoint = endpoint
        self.addr = addr
        self.keys = keys
        self.context = keys.context(extra or b"")
        self.counter = counter
        self.renew_at = _next_renewal(counter.next)
        self.retry_ms = retry_ms
        self.open: "_Open | None" = None
        self.echo: "bytes | None" = None  # of a success, until get("c") takes it along
        self.due: "int | None" = None  # when the next attempt leaves
        self.exchange: "Any" = None
        self.binding: "oscore.Binding | None" = None
        self.events: "list[Any]" = []
        # A node that lost its counter sends nothing under the old key: it begins with Appendix B.2.
        self.unauthorized = 0 if extra is not None else _UNAUTHORIZED_LIMIT
        self.lost = extra is None
        self.rekey_at = 0  # the earliest time Appendix B.2 may start
        self.first: "bytes | None" = None  # R1 while request #1 of Appendix B.2 is open
        self.candidate: "bytes | None" = None  # R2 || R3 while request #2 is
        self.candidate_context: "oscore.Context | None" = None

    def post(self, path: str, body: "Body", now: int, seq: "int | None" = None, block: "bytes | None" = None) -> None:
        """Send a record to a resource; `body(now)` gives its CBOR for each attempt, `seq` if it was sent before.

        `block`: a Block1 option (RFC 7959), and the body is that block. Raises BusyError while another request is open.
        """
        request = _Open(coap.POST, path, body)
        request.seq = seq
        request.block = block
        self._begin(request, now)

    def get(self, path: str, now: int) -> None:
        """Ask for a resource. Raises BusyError while another request is open."""
        request = _Open(coap.GET, path, _nothing)
        if path == "c":
            request.echo = self.echo
        self._begin(request, now)
        self.echo = None

    def reserved(self, limit: int, now: int) -> None:
        """The counter values below `limit` are on disk."""
        self.counter.granted(limit)
        if self.exchange is None and self.due is None:
            self._attempt(now)

    def receive_datagram(self, data: bytes, addr: "Any", now: int) -> None:
        """Take a datagram as it came."""
        self.endpoint.receive_datagram(data, addr, now)
        self._drain(now)

    def datagrams_to_send(self, now: int) -> "list[tuple[bytes, Any]]":
        """What is to be transmitted now."""
        return self.endpoint.datagrams_to_send(now)

    def next_deadline(self) -> "int | None":
        """When `handle_timer` is due, or None."""
        deadline = self.endpoint.next_deadline()
        if deadline is None or (self.due is not None and self.due < deadline):
            return self.due
        return deadline

    def handle_timer(self, now: int) -> None:
        """Retransmit, give up an exchange, begin the next attempt."""
        self.endpoint.handle_timer(now)
        self._drain(now)
        if self.due is not None and self.due <= now:
            self._attempt(now)

    def next_event(self) -> "Any":
        """The next Delivered, Refused, Reserve or Rekeyed, or None."""
        return self.events.pop(0) if self.events else None

    def _begin(self, request: _Open, now: int) -> None:
        if self.open is not None:
            raise BusyError("a request is open")
        self.open = request
        self._attempt(now)

    def _attempt(self, now: int) -> None:
        self.due = None
        request = self.open
        if request is None:
            return
        if not self.counter.ready():
            self.events.append(Reserve(self.counter.wanted()))
            return
        if self.first is None and self.candidate is None and self._rekey_due(now):
            self.rekey_at = now + HOUR_MS
            self.first = self._random_bytes()
        if self.first is not None:
            context = self.keys.context(self.first)
            self._send(context, coap.GET, [(URI_PATH, b"t")], b"", naming.wrap(self.first), now)
            return
        path = [(URI_PATH, request.path.encode())]
        if request.block is not None:
            path.append((BLOCK1, request.block))
        if request.echo is not None:
            path.append((ECHO, request.echo))
        body = request.body(now)
        if request.seq is not None and request.block is None:  # what comes in pieces has its seq in none
            body = cbor.encode(request.seq) + body
        elif request.code == coap.POST:
            request.seq = self.counter.next
        if self.candidate is not None and self.candidate_context is not None:
            self._send(self.candidate_context, request.code, path, body, naming.wrap(self.candidate), now)
        else:
            self._send(self.context, request.code, path, body, None, now)

    def _send(
        self,
        context: oscore.Context,
        code: int,
        options: "list[tuple[int, bytes]]",
        body: bytes,
        kid_context: "bytes | None",
        now: int,
    ) -> None:
        counter = self.counter.take()
        outer, outside, sealed, self.binding = oscore.protect_request(
            context, counter, code, options, body, kid_context
        )
        self.exchange = self.endpoint.request(self.addr, outer, outside, sealed, now)

    def _rekey_due(self, now: int) -> bool:
        asked = self.unauthorized >= _UNAUTHORIZED_LIMIT or self.counter.next >= self.renew_at
        return self.lost or (asked and now >= self.rekey_at)

    def _random_bytes(self) -> bytes:
        return bytes([self.endpoint.random(256) for _ in range(naming.NONCE)])

    def _drain(self, now: int) -> None:
        while True:
            event = self.endpoint.next_event()
            if event is None:
                return
            if event.exchange is self.exchange:
                self.exchange = None
                if isinstance(event, Response):
                    self._answered(event.message, now)
                else:
                    self._again(now)

    def _answered(self, message: coap.Message, now: int) -> None:
        value = None
        for number, candidate in message.options:
            if number == OSCORE:
                value = candidate
        if value is None:
            # 4.00: the gateway has other keys, as when it heard request #2 of Appendix B.2 and we forgot that.
            if message.code in (coap.UNAUTHORIZED, BAD_REQUEST):
                self.unauthorized += 1
            self._again(now)
            return
        try:
            self._authenticated(value, message.payload, now)
        except WireError:
            self._again(now)

    def _authenticated(self, value: bytes, sealed: bytes, now: int) -> None:
        counter, _, kid_context = oscore.read_option_untrusted(value)
        binding = self.binding
        if binding is None:
            return
        if self.first is not None:
            self._rekey_answered(kid_context or b"", counter, sealed, binding, now)
            return
        context = self.candidate_context or self.context
        code, options, payload = oscore.unprotect_response_untrusted(context, binding, counter, sealed)
        self.unauthorized = 0
        if self.candidate is not None:
            self._adopt(context)
        self._concluded(code, options, payload, now)

    def _rekey_answered(
        self, kid_context: bytes, counter: "int | None", sealed: bytes, binding: oscore.Binding, now: int
    ) -> None:
        """Response #1 (Appendix B.2 step 3): it verifies under R2 || R1, and the request goes out under R2 || R3."""
        first = self.first or b""
        second = naming.unwrap_untrusted(kid_context, naming.NONCE)
        oscore.unprotect_response_untrusted(self.keys.context(second + first), binding, counter, sealed)
        self.first = None
        self.candidate = second + self._random_bytes()
        self.candidate_context = self.keys.context(self.candidate)
        self._attempt(now)

    def _adopt(self, context: oscore.Context) -> None:
        """Step 5: the third context replaces the old one."""
        self.context = context
        self.lost = False
        self.renew_at = _next_renewal(self.counter.next)
        self.events.append(Rekeyed(self.candidate or b""))
        self.candidate = self.candidate_context = None

    def _concluded(self, code: int, options: "list[tuple[int, bytes]]", payload: bytes, now: int) -> None:
        request = self.open
        if request is None:
            return
        wait_ms = 0
        for number, value in options:
            if number == ECHO and code >> 5 == 2:
                self.echo = value
            elif number == ECHO and code == coap.UNAUTHORIZED and request.echo is None:
                request.echo = value
                self._attempt(now)
                return
            if number == MAX_AGE:
                wait_ms = uint(value) * 1000
        request.echo = None
        if code >> 5 == 2 or (code >> 5 == 4 and code not in (coap.UNAUTHORIZED, coap.TOO_MANY_REQUESTS)):
            kind = Delivered if code >> 5 == 2 else Refused
            self.open = None
            self.events.append(kind(request.path, request.seq, code, payload))
        else:
            self._again(now, wait_ms)

    def _again(self, now: int, least_ms: int = 0) -> None:
        """Repeat after a pause that doubles, within `retry_ms`; jitter keeps nodes apart."""
        request = self.open
        if request is None:
            return
        low, high = self.retry_ms
        pause = min(low << min(request.attempts, 16), high)
        request.attempts += 1
        self.due = now + max(pause // 2 + self.endpoint.random(pause // 2 + 1), min(least_ms, high))
        if self.candidate is not None and request.attempts % 4 == 0:
            self.candidate = self.candidate_context = None  # the gateway forgot R2; the old context stays
