"""MicroPython's `socket` for its WebAssembly build, on the UDP of Node.js: connected, for datagrams, never blocking."""

from binascii import hexlify, unhexlify
from errno import EAGAIN

import _node_udp  # type: ignore[import-not-found]

AF_INET = 2
AF_INET6 = 10
SOCK_DGRAM = 2


def getaddrinfo(
    host: str, port: int, family: int = 0, kind: int = 0
) -> "list[tuple[int, int, int, str, tuple[str, int]]]":
    """One entry with the name as it is: it is resolved when something is sent."""
    return [(AF_INET6 if ":" in host else AF_INET, SOCK_DGRAM, 0, "", (host, port))]


class socket:  # noqa: N801 - the name it has there
    """Lost without a word is what cannot be sent."""

    def __init__(self, family: int = AF_INET, kind: int = SOCK_DGRAM) -> None:
        if kind != SOCK_DGRAM:
            raise OSError("Node.js lends datagram sockets only")
        self._id = _node_udp.open()

    def setblocking(self, flag: bool) -> None:
        """Only False."""
        if flag:
            raise OSError("Node.js lends sockets that never block")

    def connect(self, address: "tuple[str, int]") -> None:
        """Send to and hear only that (host, port)."""
        _node_udp.connect(self._id, *address)

    def send(self, data: bytes) -> int:
        """Transmit one datagram."""
        _node_udp.send(self._id, hexlify(data).decode())
        return len(data)

    def recv(self, size: int) -> bytes:
        """The next datagram's first `size` bytes. Raises OSError(EAGAIN) when there is none."""
        data = _node_udp.receive(self._id)
        if data is None:
            raise OSError(EAGAIN)
        return unhexlify(data)[:size]

    def close(self) -> None:
        """Hear nothing more."""
        _node_udp.close(self._id)

    def ready(self) -> bool:
        """Whether `recv` has something; for select.py beside this."""
        return bool(_node_udp.ready(self._id))
