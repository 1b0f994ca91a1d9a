"""The DTLS socket: drained as those of plain UDP are, with the sessions' timers on the running loop."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from comatrix.gateway.bound_socket import DRAIN, MAX_DATAGRAM, bound
from comatrix.gateway.edges.dtls.sessions import Sessions
from comatrix.gateway.model import SecureAddress


class DtlsEdge:
    """One bound socket on the running loop; port 0 takes a free one. Raises GatewayError where it cannot be bound."""

    def __init__(self, bind: tuple[str, int], receive_buffer: int, monotonic_ms: Callable[[], int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._monotonic_ms = monotonic_ms
        self._socket: socket.socket | None = bound(*bind, receive_buffer, "[dtls] listen")
        self._sessions: Sessions | None = None
        self._after: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms: int | None = None
        self.received = self.sent = self.unsent = 0

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, the port as given by the kernel."""
        assert self._socket is not None
        host, port = self._socket.getsockname()[:2]
        return host, port

    @property
    def sessions(self) -> Sessions:
        """Of a started edge."""
        assert self._sessions is not None
        return self._sessions

    def start(self, sessions: Sessions, after: Callable[[], None]) -> None:
        """Begin to read. `after`: called when messages were taken, so that their answers are sent."""
        assert self._socket is not None
        self._sessions = sessions
        self._after = after
        self._loop.add_reader(self._socket.fileno(), self._readable, self._socket, sessions)

    def send(self, data: bytes, addr: SecureAddress) -> None:
        """Protect and queue one message; `flush` sends what is queued."""
        self.sessions.send(data, addr)

    def drop(self, node: int, identities: set[bytes]) -> None:
        """End a node's associations under these identities now."""
        self.sessions.drop(node, identities)
        self.flush()

    def close(self) -> None:
        """Say goodbye to all peers and close the socket."""
        if self._socket is None:
            return
        if self._sessions is not None:
            self._sessions.close()
            self.flush()
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self._socket = None

    def live(self) -> dict[str, Any]:
        """For `comatrix status`, JSON-ready."""
        host, port = self.address
        sessions = self.sessions
        return {
            "listening": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "associations": len(sessions),
            "unfinished": sessions.unfinished,
            "handshakes": sessions.handshakes,
            "put_off": sessions.put_off,
            "evicted": sessions.evicted,
            "datagrams_in": self.received,
            "datagrams_out": self.sent,
            "strays": sessions.strays,
        }

    def flush(self) -> None:
        """Send what is ready."""
        if self._socket is None or self._sessions is None:
            return
        ready = self._sessions.datagrams_to_send()
        unsent = 0
        for datagram, sockaddr in ready:
            try:
                self._socket.sendto(datagram, sockaddr)
            except OSError:
                unsent += 1  # the other side asks again; a full buffer must not stop the rest
        self.sent += len(ready) - unsent
        self.unsent += unsent
        self._arm(self._sessions)

    def _readable(self, sock: socket.socket, sessions: Sessions) -> None:
        now = self._monotonic_ms()
        received = 0
        for _ in range(DRAIN):
            try:
                data, sockaddr = sock.recvfrom(MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                continue  # an ICMP error of an earlier answer, reported here
            received += 1
            sessions.receive_datagram(data, sockaddr, now)
        self.received += received
        if self._after is not None:
            self._after()
        self.flush()

    def _arm(self, sessions: Sessions) -> None:
        now = self._monotonic_ms()
        due_ms = sessions.next_deadline(now)
        if self._timer is not None and self._timer_ms is not None and (due_ms is None or self._timer_ms <= due_ms):
            return  # it looks again by itself
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_ms = due_ms
        if due_ms is not None:
            self._timer = self._loop.call_later(max(0, due_ms - now) / 1000, self._due, sessions)

    def _due(self, sessions: Sessions) -> None:
        self._timer = self._timer_ms = None
        sessions.handle_timer(self._monotonic_ms())
        self.flush()
