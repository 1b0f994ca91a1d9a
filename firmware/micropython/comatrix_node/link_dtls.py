"""DTLS between CoAP and UDP: presents datagrams in the clear, and shakes hands by itself whenever that is needed.

A gateway that forgot the association, or does not know our new address, is silent. So the second datagram without any
word of it leaves twice: as it is, and behind a new handshake. Whichever is answered first stays.
"""

from comatrix_node.clock import Clock
from comatrix_node.crypto import aead, random
from comatrix_node.dtls import Client, Opened, Over, Received

_KEPT = 2  # datagrams that wait for a handshake: CoAP sends what is lost again

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from comatrix_node.link_udp import UdpLink


def link(udp: "UdpLink", identity: bytes, psk: bytes, timeout_ms: int) -> "DtlsLink":
    """Over a link of datagrams, with the node's credentials."""
    return DtlsLink(udp, lambda: Client(identity, psk, random, aead, timeout_ms), Clock())


class DtlsLink:
    """`make()` gives a new client, before its handshake; `clock.now()` milliseconds."""

    def __init__(self, udp: "Any", make: "Callable[[], Client]", clock: "Any") -> None:
        self.udp = udp
        self.addr = udp.addr
        self.make = make
        self.clock = clock
        self.session: "Client | None" = None  # what carries data
        self.coming: "Client | None" = None  # a handshake
        self.waiting: "list[bytes]" = []
        self.unanswered = 0  # datagrams since the gateway last proved to be there
        self.handshakes = 0

    def send(self, data: bytes) -> None:
        """Seal and transmit; without an association it waits for the handshake."""
        session = self.session
        if session is not None and session.send(data):
            self.unanswered += 1
        else:
            self.session = None
        if self.session is None or self.unanswered > 1:
            if data in self.waiting:
                self.waiting.remove(data)
            self.waiting = self.waiting[1 - _KEPT :] + [data]
            if self.coming is None:
                self.handshakes += 1
                self.coming = self.make()
                self.coming.connect(self.clock.now())
        self._transmit()

    def receive(self, wait_ms: int) -> "bytes | None":
        """The next datagram within `wait_ms`, or None. Handshakes go on meanwhile."""
        end = self.clock.now() + wait_ms
        while True:
            now = self.clock.now()
            if self.coming is not None:
                self.coming.handle_timer(now)
            received = self._events()
            self._transmit()
            if received is not None:
                return received
            pause = end - now
            due = self.coming.next_deadline() if self.coming is not None else None
            if due is not None and due - now < pause:
                pause = max(0, due - now)
            elif pause < 0 or (pause == 0 and wait_ms):
                return None
            data = self.udp.receive(pause)
            if data:
                for one in (self.session, self.coming):
                    if one is not None:
                        one.receive_datagram(data, self.clock.now())
            elif not wait_ms:
                wait_ms = 1  # it was looked for once

    def close(self) -> None:
        """Let the gateway forget us, and let go of the socket."""
        if self.session is not None:
            self.session.close()
            self._transmit()
        self.session = self.coming = None
        self.udp.close()

    def _events(self) -> "bytes | None":
        """What the gateway said, if it said something; what became of an association and of a handshake."""
        while self.session is not None:
            event = self.session.next_event()
            if event is None:
                break
            if isinstance(event, Received):
                self.unanswered = 0
                self.coming = None  # it knows us still
                self.waiting = []
                return event.data
            if isinstance(event, Over):
                self._transmit()
                self.session = None
        event = self.coming.next_event() if self.coming is not None else None
        if isinstance(event, Opened):
            self.session, self.coming = self.coming, None
            self.unanswered = 0
            waiting, self.waiting = self.waiting, []
            for data in waiting:
                self.send(data)
        elif isinstance(event, Over):
            self.coming = None
            print("no DTLS with the gateway", "" if event.alert is None else event.alert)
        return None

    def _transmit(self) -> None:
        now = self.clock.now()
        for one in (self.session, self.coming):
            if one is not None:
                for data in one.datagrams_to_send(now):
                    self.udp.send(data)
