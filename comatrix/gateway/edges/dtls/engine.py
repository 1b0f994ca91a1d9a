"""What the edge asks of a DTLS implementation. tests/gateway/dtls/test_dtls_conformance.py holds every engine to it."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

HANDSHAKE, OPEN, OVER = "handshake", "open", "over"  # the states of an association, in this order

# Why an association is over, or what it suspects before.
CLOSED = "closed"  # the peer said close_notify, or we did
WRONG_KEY = "wrong key"  # a known identity whose Finished does not verify
UNKNOWN_IDENTITY = "unknown identity"
FAILED = "failed"  # anything else: no common suite, a broken message, an alert, time

KeyOf = Callable[[bytes], bytes | None]  # a PSK identity -> its key, or None: nobody has it


class Negotiated(NamedTuple):
    """What both sides agreed on. `suite` as OpenSSL names it."""

    suite: str
    extended_master_secret: bool
    resumed: bool


class Association(Protocol):
    """The server's side of one association. Its clock is the engine's own."""

    state: str
    identity: bytes | None  # as the peer claims it; proven once the state is OPEN
    reason: str  # why it is OVER; WRONG_KEY in HANDSHAKE: the peer's Finished came and did not verify
    out: list[bytes]  # datagrams to be sent, those of handshakes within the MTU; whoever sends them empties it

    def receive_datagram(self, datagram: bytes) -> list[bytes]:
        """Take a datagram -> the plaintexts in it. Never raises for what a peer sent."""

    def send(self, plaintext: bytes) -> None:
        """Protect one message, a record of its own. Without effect unless OPEN, or where it is longer than a record."""

    def timeout_ms(self) -> int | None:
        """In how long `handle_timer` is due, or None."""

    def handle_timer(self) -> None:
        """Repeat the last flight if its time has come."""

    def close(self) -> None:
        """Say close_notify where that is possible; the state is OVER and all memory is given back."""

    def negotiated(self) -> Negotiated:
        """Only while OPEN."""


class Engine(Protocol):
    """Makes associations."""

    def accept(self, hello: bytes) -> Association | None:
        """A datagram with a ClientHello whose cookie was found good -> the association, its first flight in `out`."""
