"""The gateway's end of the simulated air: in place of edges.udp.UdpEdge, with the same turns of the loop."""

import asyncio
from collections.abc import Callable, Mapping

from comatrix.gateway.edges.udp import Verbs
from comatrix.gateway.uplink.associations import PlainAddress

Send = Callable[[bytes], None]


class AirEdge:
    """`nodes`: by address, how a datagram goes on its way to a node."""

    def __init__(self, nodes: Mapping[PlainAddress, Send], monotonic_ms: Callable[[], int]) -> None:
        self._nodes = nodes
        self._monotonic_ms = monotonic_ms
        self._loop = asyncio.get_running_loop()
        self._verbs: Verbs | None = None
        self._flushing = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms: int | None = None
        self.received = self.sent = 0

    def start(self, verbs: Verbs) -> None:
        """Begin to take what arrives."""
        self._verbs = verbs

    def close(self) -> None:
        """From now on everything that arrives is lost."""
        self._verbs = None
        if self._timer is not None:
            self._timer.cancel()

    def arrived(self, data: bytes, addr: PlainAddress) -> None:
        """One datagram from a node."""
        if self._verbs is None:
            return
        self.received += 1
        self._verbs.receive(data, addr, self._monotonic_ms())
        self._transmit()

    def flush(self) -> None:
        """Send what is ready in the loop's next turn."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self._transmit()

    def _transmit(self) -> None:
        if self._verbs is None:
            return
        for data, addr in self._verbs.datagrams_to_send(self._monotonic_ms()):
            self.sent += 1
            self._nodes[addr](data)
        self._arm(self._verbs)

    def _arm(self, verbs: Verbs) -> None:
        deadline = verbs.next_deadline()
        if deadline == self._timer_ms:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ms, self._timer = deadline, None
        if deadline is not None:
            self._timer = self._loop.call_at(max(deadline, self._monotonic_ms()) / 1000, self._due)

    def _due(self) -> None:
        self._timer = self._timer_ms = None
        if self._verbs is not None:
            self._verbs.handle_timer(self._monotonic_ms())
            self._transmit()
