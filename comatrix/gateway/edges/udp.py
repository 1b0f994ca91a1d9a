"""UDP sockets: drained by us, because asyncio's own transport reads one datagram a turn of the loop."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from comatrix.gateway.bound_socket import DRAIN, MAX_DATAGRAM, bound
from comatrix.gateway.errors import GatewayError
from comatrix.gateway.uplink.associations import PlainAddress


@dataclass(frozen=True, slots=True)
class Verbs:
    """What the sockets feed: functions of the protocol above."""

    receive: Callable[[bytes, PlainAddress, int], None]
    datagrams_to_send: Callable[[int], list[tuple[bytes, PlainAddress]]]
    next_deadline: Callable[[], int | None]
    handle_timer: Callable[[int], None]


class UdpEdge:
    """Bound sockets on the running loop. `binds`: (host, port) each; port 0 takes a free one."""

    def __init__(self, binds: Sequence[tuple[str, int]], receive_buffer: int, monotonic_ms: Callable[[], int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._monotonic_ms = monotonic_ms
        self._verbs: Verbs | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms: int | None = None
        self._flushing = False
        self._sockets: list[socket.socket] = []
        self.received = self.sent = self.unsent = 0
        try:
            for host, port in binds:
                self._sockets.append(bound(host, port, receive_buffer, "[udp] bind"))
        except GatewayError:
            self.close()
            raise

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where the sockets listen, port numbers as given by the kernel."""
        return [sock.getsockname()[:2] for sock in self._sockets]

    def start(self, verbs: Verbs) -> None:
        """Begin to read."""
        self._verbs = verbs
        for number, sock in enumerate(self._sockets):
            self._loop.add_reader(sock.fileno(), self._readable, number, sock, verbs)

    def close(self) -> None:
        """Stop reading and close the sockets."""
        if self._timer is not None:
            self._timer.cancel()
        for sock in self._sockets:
            self._loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()

    def flush(self) -> None:
        """Send what is ready in the loop's next turn: all answers of a commit go out together."""
        if self._verbs is not None and not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._transmit, self._verbs)

    def _transmit(self, verbs: Verbs) -> None:
        self._flushing = False
        if not self._sockets:
            return
        sockets = self._sockets
        ready = verbs.datagrams_to_send(self._monotonic_ms())
        unsent = 0
        for data, (number, sockaddr) in ready:
            try:
                sockets[number].sendto(data, sockaddr)
            except OSError:
                unsent += 1  # the other side asks again; a full buffer must not stop the rest
        self.sent += len(ready) - unsent
        self.unsent += unsent
        self._arm(verbs)

    def _readable(self, number: int, sock: socket.socket, verbs: Verbs) -> None:
        now = self._monotonic_ms()
        receive = verbs.receive
        recvfrom = sock.recvfrom
        received = 0
        for _ in range(DRAIN):
            try:
                data, sockaddr = recvfrom(MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                continue  # an ICMP error of an earlier answer, reported here
            received += 1
            receive(data, (number, sockaddr), now)
        self.received += received
        self._transmit(verbs)

    def _arm(self, verbs: Verbs) -> None:
        deadline = verbs.next_deadline()
        if deadline == self._timer_ms:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ms = deadline
        self._timer = None
        if deadline is not None:
            delay_s = max(0, deadline - self._monotonic_ms()) / 1000
            self._timer = self._loop.call_later(delay_s, self._due, verbs)

    def _due(self, verbs: Verbs) -> None:
        self._timer = self._timer_ms = None
        verbs.handle_timer(self._monotonic_ms())
        self._transmit(verbs)
