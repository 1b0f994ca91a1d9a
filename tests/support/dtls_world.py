"""A gateway in virtual time that a node reaches over DTLS: OpenSSL below, a CoAP server that keeps records above."""

import random
from typing import Any

from comatrix_node.crypto import aead
from comatrix_node.dtls import Client
from comatrix_node.link_dtls import DtlsLink

from comatrix.codec import coap
from comatrix.codec.option_numbers import OBSERVE, URI_PATH
from comatrix.codec.record_types import Answer
from comatrix.codec.records import split_untrusted
from tests.support.dtls_bench import IDENTITY, PSK, Faults
from tests.support.dtls_openssl import OpenSslServer, fragmented


class DtlsWorld:
    """`now` moves while the node waits. `records`: (path, seq, body) as the gateway stored them, each seq once.

    `restart` forgets all associations and no record; `address` is the node's, as the gateway sees it.
    """

    def __init__(self, faults: Faults | None = None, seed: int = 0) -> None:
        self.now = 0
        self.faults = faults or Faults()
        self.chance = random.Random(seed)
        self.address = 1
        self.peers: dict[int, OpenSslServer] = {}
        self.records: list[tuple[str, int, Any]] = []
        self.handshakes = 0
        self.sent: list[bytes] = []  # the node's datagrams
        self.answer = Answer()
        self.highest: int | None = None
        self.watch: tuple[bytes, int] | None = None  # token and number of an observation
        self._queue: list[tuple[int, int, bytes]] = []  # to the node
        self._order = 0
        self._mid = 0
        self._random = b""  # of the handshake that goes on
        self._flight: list[bytes] = []
        self._due: int | None = None
        self._pause_ms = 0

    def restart(self) -> None:
        """The gateway comes back without its associations."""
        self.peers = {}
        self.watch = None

    def link(self) -> DtlsLink:
        """The node's link."""
        return DtlsLink(Udp(self), lambda: Client(IDENTITY, PSK, self.chance.randrange, aead, 1000), VirtualClock(self))

    def receive(self, datagram: bytes) -> None:
        """From the node, or lost."""
        self.sent.append(datagram)
        for _ in range(2 if self.chance.random() < self.faults.copies else 1):
            if self.chance.random() >= self.faults.loss:
                self._taken(datagram)

    def wait(self, wait_ms: int) -> bytes | None:
        """Let time pass until a datagram reaches the node, which it gives, or for so long."""
        end = self.now + wait_ms
        while True:
            self._queue.sort()
            times = [one[0] for one in self._queue[:1]] + ([self._due] if self._due is not None else [])
            if not times or min(times) > end:
                self.now = end
                return None
            self.now = max(self.now, min(times))
            if self._queue and self._queue[0][0] <= self.now:
                return self._queue.pop(0)[2]
            self._again()

    def take(self) -> list[bytes]:
        """All that is on its way to the node."""
        found, self._queue = sorted(self._queue), []
        return [data for _, _, data in found]

    def _again(self) -> None:
        """The gateway's flight once more: OpenSSL's own clock is the real one."""
        peer = self.peers.get(self.address)
        if peer is None or peer.established or self._pause_ms > 60_000:
            self._due = None
            return
        self._pause_ms *= 2
        self._due = self.now + self._pause_ms
        self._out(self._flight)

    def notify(self, body: bytes) -> None:
        """Tell the observing node."""
        assert self.watch is not None
        token, number = self.watch
        self.watch = token, number + 1
        self._mid += 1
        options = [(OBSERVE, (number + 1).to_bytes(1, "big"))]
        message = coap.Message(coap.CON, coap.CONTENT, self._mid, token, options, body)
        self._out(self.peers[self.address].send(coap.encode(message)))

    def _taken(self, datagram: bytes) -> None:
        peer = self.peers.get(self.address)
        if datagram[0] == 22 and datagram[13] == 1 and not (peer and not peer.established and self._random in datagram):
            # A cookie is asked for beside what stands, which is replaced once the address is proven.
            fresh = OpenSslServer({IDENTITY: PSK})
            answers = fresh.receive(datagram)
            if not fresh.listening:
                self.peers[self.address] = fresh
                self._random = datagram[27:59]
                self._flight = answers
                self._pause_ms = 1000
                self._due = self.now + 1000
            self._out(answers)
            return
        if peer is None:
            return
        was = peer.established
        answers = peer.receive(datagram)
        self.handshakes += peer.established and not was
        self._out(answers)
        while peer.received:
            self._heard(peer, peer.received.pop(0))

    def _heard(self, peer: OpenSslServer, data: bytes) -> None:
        message = coap.decode_untrusted(data)
        if not 0 < message.code < 32:
            return
        path = b"/".join(value for number, value in message.options if number == URI_PATH).decode()
        options = []
        code = coap.CHANGED
        answer = self.answer
        if message.code == coap.POST:
            seq, body = split_untrusted(message.payload)
            assert seq is not None
            if path == "h" and self.highest is not None and seq <= self.highest:
                answer = Answer(highest=self.highest)
            elif all(known != seq for _, known, _ in self.records):
                self.records.append((path, seq, body))
        else:
            code = coap.CONTENT
            if any(number == OBSERVE for number, _ in message.options):
                self.watch = message.token, 1
                options = [(OBSERVE, b"\1")]
        reply = coap.Message(coap.ACK, code, message.mid, message.token, options, answer.encode())
        self._out(peer.send(coap.encode(reply)))

    def _out(self, records: list[bytes]) -> None:
        for record in records:
            for piece in fragmented(record, self.faults.fragment) if self.faults.fragment else [record]:
                for _ in range(2 if self.chance.random() < self.faults.copies else 1):
                    if self.chance.random() >= self.faults.loss:
                        self._order += 1
                        delay = self.chance.randint(1, 1 + self.faults.delay_ms)
                        self._queue.append((self.now + delay, self._order, piece))


class VirtualClock:
    """The node's."""

    def __init__(self, world: DtlsWorld) -> None:
        self.world = world

    def now(self) -> int:
        return self.world.now


class Udp:
    """What lies under the node's DTLS; virtual time passes while it is waited for."""

    addr = "gateway"

    def __init__(self, world: DtlsWorld) -> None:
        self.world = world
        self.closed = 0

    def send(self, data: bytes) -> None:
        self.world.receive(data)

    def receive(self, wait_ms: int) -> bytes | None:
        return self.world.wait(wait_ms)

    def close(self) -> None:
        self.closed += 1
