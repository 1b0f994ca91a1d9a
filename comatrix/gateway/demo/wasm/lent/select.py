"""MicroPython's `select` for its WebAssembly build: waits for the sockets of socket.py beside this."""

import _node_udp  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from comatrix.gateway.demo.wasm.lent.socket import socket

POLLIN = 1


class poll:  # noqa: N801 - the name it has there
    """Input only."""

    def __init__(self) -> None:
        self._sockets: list[socket] = []

    def register(self, opened: "socket", events: int = POLLIN) -> None:
        """Watch it."""
        self._sockets.append(opened)

    def unregister(self, opened: "socket") -> None:
        """Watch it no more."""
        self._sockets.remove(opened)

    def poll(self, timeout_ms: int = -1) -> "list[tuple[socket, int]]":
        """[(socket, POLLIN)] of those with a datagram, after at most `timeout_ms`; any socket's datagram ends it."""
        ready = self._ready()
        if not ready and timeout_ms:
            _node_udp.wait(timeout_ms)
            ready = self._ready()
        return ready

    def _ready(self) -> "list[tuple[socket, int]]":
        return [(opened, POLLIN) for opened in self._sockets if opened.ready()]
