"""The UDP link of a node: one socket to the gateway, never blocking."""

import gc
import select
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from comatrix_node.config import Config


def link(config: "Config") -> "UdpLink":
    """The link, once the network is joined."""
    if config.wifi:
        from comatrix_node import wifi

        wifi.connect(*config.wifi)
    return UdpLink(config.host, config.port)


class UdpLink:
    """Datagrams to and from `host`:`port`. The name is resolved again whenever a send fails."""

    addr = "gateway"

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.socket: "socket.socket | None" = None
        self.poller = select.poll()

    def send(self, data: bytes) -> None:
        """Transmit, or lose, one datagram: what matters is sent again by the layers above."""
        try:
            opened = self.socket or self.open()
            opened.send(data)
        except OSError:
            self.close()

    def receive(self, wait_ms: int) -> "bytes | None":
        """The next datagram within `wait_ms`, or None."""
        if not self.poller.poll(wait_ms) or self.socket is None:
            return None
        try:
            return self.socket.recv(512)  # answers are shorter; more in one piece a used heap may not have
        except MemoryError:
            gc.collect()  # it stays where it is, for the next time
            return None
        except OSError:
            return None

    def close(self) -> None:
        """Let go of the socket; the next send opens one."""
        if self.socket is not None:
            self.poller.unregister(self.socket)
            self.socket.close()
            self.socket = None

    def open(self) -> "socket.socket":
        """A connected socket. Raises OSError."""
        found = socket.getaddrinfo(self.host, self.port, 0, socket.SOCK_DGRAM)[0]
        opened = socket.socket(found[0], socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            opened.connect(found[-1])  # only the gateway's datagrams are seen
        except OSError:
            opened.close()
            raise
        self.poller.register(opened, select.POLLIN)
        self.socket = opened
        return opened
