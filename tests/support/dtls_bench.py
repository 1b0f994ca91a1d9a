"""A DTLS client and a server's engine on a bad link, in virtual time."""

import random
from typing import Any

from comatrix_node.dtls import OPEN, OVER, Client, Opened, Over, Received

from comatrix.gateway.aead import aead
from tests.support.dtls_openssl import fragmented

IDENTITY = b"garden"
PSK = bytes(range(16))
_AGAIN_MS = 1000  # when the server sends its flight again, doubling


class Faults:
    """What the link does, each a share of the datagrams; delays are up to `delay_ms`."""

    def __init__(self, loss: float = 0, copies: float = 0, delay_ms: int = 0, fragment: int = 0) -> None:
        self.loss = loss
        self.copies = copies
        self.delay_ms = delay_ms
        self.fragment = fragment  # the server's messages come in pieces of so many bytes, if not 0


class DtlsBench:
    """`server` has receive(datagram) -> records; `now` is virtual. Both sides' datagrams pass through `faults`."""

    def __init__(self, server: Any, faults: Faults | None = None, seed: int = 0, psk: bytes = PSK) -> None:
        self.server = server
        self.faults = faults or Faults()
        self.chance = random.Random(seed)
        self.now = 0
        self.queue: list[tuple[int, int, bool, bytes]] = []  # when, in which order, to the server, datagram
        self.order = 0
        self.up: list[bytes] = []  # what the client sent, delivered or not
        self.down: list[bytes] = []
        self.never: set[int] = set()  # which of the client's datagrams are lost
        self.events: list[Any] = []
        self.flight: list[bytes] = []  # the server's last, to be sent again
        self.again_ms = _AGAIN_MS
        self.due: int | None = None
        self.client = Client(IDENTITY, psk, self.chance.randrange, aead)

    def connect(self, limit_ms: int = 70_000) -> bool:
        """Whether the handshake succeeds within that time."""
        self.client.connect(self.now)
        return self.run(limit_ms, lambda: self.client.state >= OPEN) and self.client.state == OPEN

    def connect_at_last(self, attempts: int = 20) -> bool:
        """The same, as a node does: when one handshake is over, with the next."""
        for _ in range(attempts):
            self.client = Client(IDENTITY, PSK, self.chance.randrange, aead)
            if self.connect():
                return True
        return False

    def run(self, limit_ms: int, done: Any = lambda: False) -> bool:
        """Play until `done()` or for so long; whether it was done."""
        end = self.now + limit_ms
        self._drain()
        while not done():
            self._transmit()
            times = [one[0] for one in self.queue] + [end]
            times += [due for due in (self.client.next_deadline(), self.due) if due is not None]
            self.now = max(self.now, min(times))
            if self.now >= end:
                return bool(done())
            self._deliver()
            self.client.handle_timer(self.now)
            self._server_timer()
            self._drain()
        return True

    def say(self, data: bytes) -> None:
        """The client sends application data."""
        assert self.client.send(data)
        self._transmit()

    def answer(self, records: list[bytes]) -> None:
        """The server's records set out, one datagram each."""
        for record in records:
            for piece in fragmented(record, self.faults.fragment) if self.faults.fragment else [record]:
                self.down.append(piece)
                self._throw(piece, False)

    @property
    def received(self) -> list[bytes]:
        """What the client was told."""
        return [event.data for event in self.events if isinstance(event, Received)]

    def told(self, kind: type[Opened] | type[Over]) -> int:
        """How often."""
        return len([event for event in self.events if isinstance(event, kind)])

    def _transmit(self) -> None:
        for datagram in self.client.datagrams_to_send(self.now):
            self.up.append(datagram)
            if len(self.up) - 1 not in self.never:
                self._throw(datagram, True)

    def _throw(self, datagram: bytes, up: bool) -> None:
        for _ in range(2 if self.chance.random() < self.faults.copies else 1):
            if self.chance.random() >= self.faults.loss:
                self.order += 1
                delay = self.chance.randint(1, 1 + self.faults.delay_ms)
                self.queue.append((self.now + delay, self.order, up, datagram))

    def _deliver(self) -> None:
        self.queue.sort()
        while self.queue and self.queue[0][0] <= self.now:
            _, _, up, datagram = self.queue.pop(0)
            if not up:
                self.client.receive_datagram(datagram, self.now)
                continue
            records = self.server.receive(datagram)
            if records:
                self.answer(records)
                self.flight = records
                self.again_ms = _AGAIN_MS
                self.due = self.now + _AGAIN_MS

    def _server_timer(self) -> None:
        if self.due is None or self.now < self.due:
            return
        if self.server.established or self.again_ms > 60_000:
            self.due = None
            return
        self.again_ms *= 2
        self.due = self.now + self.again_ms
        if self.flight and self.flight[0][13] != 3:  # of a cookie it knows nothing
            self.answer(self.flight)

    def _drain(self) -> None:
        while (event := self.client.next_event()) is not None:
            self.events.append(event)


__all__ = ["IDENTITY", "OPEN", "OVER", "PSK", "DtlsBench", "Faults"]
