"""A connected UDP socket, and a link on it, behind the sans-IO endpoint. Blocking: one person waits for one answer."""

import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from comatrix.codec import coap
from comatrix.errors import MessageFormatError
from comatrix.gateway.edges.coap_client.errors import NoAnswer, Refused, WasReset
from comatrix.gateway.edges.coap_client.link import Bare, Link
from comatrix.session.endpoint import Endpoint, Response
from comatrix.session.exchange import Parameters

LONGEST_DATAGRAM = 65_535
TOKEN_BYTES = 4
FOREVER_MS = 1 << 40  # who asks says how long: the endpoint never gives up by itself


class Peer:
    """One peer: requests to it, and what it sends. `random(n)`: 0 <= int < n. Raises OSError for a bad address."""

    def __init__(self, host: str, port: int, random: Callable[[int], int], link: Link | None = None) -> None:
        family, _, _, _, addr = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self.addr: Any = addr
        self.endpoint = Endpoint(random, Parameters(response_wait_ms=FOREVER_MS))
        self.notified: Callable[[coap.Message], bool] = lambda message: False
        self._random = random
        self._link = Bare() if link is None else link
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.connect(self.addr)
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, Refused):
            for datagram in self._link.close():
                self.transmit(datagram)
        self._socket.close()

    def connect(self, until: int) -> None:
        """What the link needs before the first message. Raises NoAnswer, Refused, OSError."""
        self._link.connect(self, until)

    @staticmethod
    def now() -> int:
        """Milliseconds of a clock that never goes back."""
        return time.monotonic_ns() // 1_000_000

    def token(self) -> bytes:
        """A new one."""
        return bytes(self._random(256) for _ in range(TOKEN_BYTES))

    def ask(
        self,
        code: int,
        options: list[tuple[int, bytes]],
        payload: bytes,
        token: bytes,
        until: int,
        *,
        confirmable: bool = True,
    ) -> coap.Message:
        """The answer to one request, as it came. Raises NoAnswer when `until` passed, Refused, WasReset, OSError."""
        type = coap.CON if confirmable else coap.NON
        ordered = sorted(options, key=lambda option: option[0])
        sent = self.endpoint.send_message(self.addr, type, code, token, ordered, payload, self.now())
        try:
            while True:
                event = self.endpoint.next_event()
                if event is None:
                    if not self.wait(until):
                        raise NoAnswer
                elif event.exchange is sent:
                    if isinstance(event, Response):
                        return event.message
                    raise WasReset if event.reset else NoAnswer
        finally:
            self.endpoint.cancel(sent, self.now())
            self.flush()

    def wait(self, until: int) -> bool:
        """Sends what is due and takes one datagram or timer; False: `until` passed. Raises Refused, OSError."""
        self.flush()
        now = self.now()
        if now >= until:
            return False
        deadline = self.endpoint.next_deadline()
        due = until if deadline is None else min(until, deadline)
        datagram = self.receive(due - now)
        if datagram is not None:
            self._take(datagram)
        self.endpoint.handle_timer(self.now())
        self.flush()
        return True

    def flush(self) -> None:
        """Sends what the endpoint wants sent. Raises Refused, OSError."""
        for message, _ in self.endpoint.datagrams_to_send(self.now()):
            for datagram in self._link.seal(message):
                self.transmit(datagram)

    def transmit(self, datagram: bytes) -> None:
        """As link.Datagrams."""
        try:
            self._socket.send(datagram)
        except BlockingIOError:
            pass  # as if it were lost on the way: it is repeated
        except ConnectionRefusedError:
            raise Refused from None

    def receive(self, wait_ms: int) -> bytes | None:
        """As link.Datagrams."""
        if not select.select([self._socket], [], [], max(0, wait_ms) / 1000)[0]:
            return None
        try:
            return self._socket.recv(LONGEST_DATAGRAM)
        except BlockingIOError:
            return None
        except ConnectionRefusedError:
            raise Refused from None

    def _take(self, datagram: bytes) -> None:
        messages, datagrams = self._link.open_untrusted(datagram)
        for one in datagrams:
            self.transmit(one)
        for message in messages:
            if not self._is_notification(message):
                self.endpoint.receive_datagram(message, self.addr, self.now())

    def _is_notification(self, data: bytes) -> bool:
        """Whether `notified` takes it: then it is acknowledged here, since no request of the endpoint's is open."""
        try:
            message = coap.decode_untrusted(data)
        except MessageFormatError:
            return False
        if message.type > coap.NON or not coap.is_response(message.code) or not self.notified(message):
            return False
        if message.type == coap.CON:
            empty = coap.encode(coap.Message(coap.ACK, coap.EMPTY, message.mid))
            self.endpoint.out.append((empty, self.addr))
        return True
