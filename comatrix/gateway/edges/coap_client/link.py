"""What lies between messages and datagrams: nothing, or a DTLS association. Its handshake is in real time."""

from typing import Protocol

from comatrix.gateway.edges.coap_client.errors import NoAnswer, NoHandshake


class Association(Protocol):
    """What is asked of the client's end of DTLS; `dtls/client.py` is one. `state` is "open" while messages pass."""

    state: str
    out: list[bytes]
    asked: bool
    alert: int | None

    def begin(self) -> None:
        """The first flight is in `out`."""

    def receive_datagram(self, datagram: bytes) -> list[bytes]:
        """Take a datagram -> the plaintexts in it."""

    def send(self, plaintext: bytes) -> None:
        """Protect one message."""

    def timeout_ms(self) -> int | None:
        """In how long `handle_timer` is due, or None."""

    def handle_timer(self) -> None:
        """Repeat a flight."""

    def close(self) -> None:
        """Say that it is over."""


class Datagrams(Protocol):
    """A socket with one peer."""

    def now(self) -> int:
        """Milliseconds of a clock that never goes back."""

    def transmit(self, datagram: bytes) -> None:
        """Raises Refused, OSError."""

    def receive(self, wait_ms: int) -> bytes | None:
        """A datagram, or None when the time passed. Raises Refused, OSError."""


class Link(Protocol):
    """How messages become datagrams, and datagrams messages."""

    def connect(self, socket: Datagrams, until: int) -> None:
        """Before the first message. Raises NoAnswer, OSError."""

    def seal(self, message: bytes) -> list[bytes]:
        """The datagrams to send. Raises NoHandshake: the other side ended all."""

    def open_untrusted(self, datagram: bytes) -> tuple[list[bytes], list[bytes]]:
        """The messages in a datagram, and what is to be sent because of it. Raises NoHandshake as `seal`."""

    def close(self) -> list[bytes]:
        """What is to be sent last."""


class Bare:
    """A message is a datagram."""

    def connect(self, socket: Datagrams, until: int) -> None:
        """Nothing to do."""

    def seal(self, message: bytes) -> list[bytes]:
        """As it is."""
        return [message]

    def open_untrusted(self, datagram: bytes) -> tuple[list[bytes], list[bytes]]:
        """As it is."""
        return [datagram], []

    def close(self) -> list[bytes]:
        """Nothing."""
        return []


class Dtls:
    """Through an association that was not begun yet."""

    def __init__(self, association: Association) -> None:
        self._association = association
        self._heard = False

    def connect(self, socket: Datagrams, until: int) -> None:
        """Shakes hands. Raises NoHandshake; Refused, OSError."""
        association = self._association
        association.begin()
        while association.state == "handshake":
            for datagram in self._taken():
                socket.transmit(datagram)
            left_ms = until - socket.now()
            if left_ms <= 0:
                raise self._failed()
            due_ms = association.timeout_ms()
            came = socket.receive(left_ms if due_ms is None else min(left_ms, due_ms))
            if came is not None:
                self._heard = True
                association.receive_datagram(came)
            association.handle_timer()
        if association.state != "open":
            raise self._failed()

    def seal(self, message: bytes) -> list[bytes]:
        """A record."""
        if self._association.state != "open":
            raise NoHandshake(heard=True, asked=True, alert=None, stood=True)
        self._association.send(message)
        return self._taken()

    def open_untrusted(self, datagram: bytes) -> tuple[list[bytes], list[bytes]]:
        """What is in its records."""
        messages = self._association.receive_datagram(datagram)
        if not messages and self._association.state != "open":
            raise NoHandshake(heard=True, asked=True, alert=None, stood=True)
        return messages, self._taken()

    def close(self) -> list[bytes]:
        """close_notify."""
        self._association.close()
        return self._taken()

    def _taken(self) -> list[bytes]:
        out, self._association.out = self._association.out, []
        return out

    def _failed(self) -> NoAnswer:
        return NoHandshake(heard=self._heard, asked=self._association.asked, alert=self._association.alert)
