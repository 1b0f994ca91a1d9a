"""UDP sockets: drained by us, because asyncio's own transport reads one datagram a turn of the loop."""

import asyncio
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from comatrix.gateway.errors import GatewayError
from comatrix.gateway.uplink.associations import Address

DRAIN = 128  # datagrams a turn, so that commits and timers get theirs
MAX_DATAGRAM = 2048
_IP_ALL, _IPV6_ALL = 49, 29  # IP_MULTICAST_ALL, IPV6_MULTICAST_ALL of linux/in.h and in6.h; Python names neither


@dataclass(frozen=True, slots=True)
class Verbs:
    """What the sockets feed: functions of the protocol above."""

    receive: Callable[[bytes, Address, int], None]
    datagrams_to_send: Callable[[int], list[tuple[bytes, Address]]]
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
                self._sockets.append(_bound(host, port, receive_buffer))
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


def _hear_no_groups(sock: socket.socket, family: int) -> None:
    """What is sent to a group all hosts are in is not for a gateway; Linux hands it to every socket unless told not to.

    Other systems leave it out, or have no such option.
    """
    if sys.platform == "linux":
        sock.setsockopt(socket.IPPROTO_IP, _IP_ALL, 0)  # an IPv6 socket may hear IPv4, too
        if family == socket.AF_INET6:
            with suppress(OSError):  # a kernel before 4.20
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_ALL, 0)


def _bound(host: str, port: int, receive_buffer: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if family == socket.AF_INET6:
            # [::] takes IPv4 as well; another IPv6 address is only itself.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
        _hear_no_groups(sock, family)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise GatewayError(
            f"cannot listen on UDP {where}: {error.strerror}", "change [udp] bind, then: comatrix config check"
        ) from error
    return sock
