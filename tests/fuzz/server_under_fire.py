"""The whole receiving side in one process: datagrams as the bytes say, and what must hold after each.

The bytes are a script of steps: a byte that says what, a byte that says how long, then so many bytes.
"""

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.gateway.aead import aead
from comatrix.gateway.model import Node
from comatrix.gateway.uplink.associations import Address
from comatrix.session import oscore
from comatrix.session.answering import AMPLIFICATION
from comatrix.session.keys import Keys, node_id
from tests.support.gateway_world import GatewayWorld, MemoryDisk

SECRET = bytes(range(16))
STRANGER: Address = (0, ("192.0.2.66", 5683))
PLAIN: Address = (9, ("192.0.2.9", 5683))
MOST_STEPS = 40
RAW, FROM_PLAIN, SEALED, SEALED_AGAIN, TIME, RESTART, DISK = range(7)


class Fire:
    """A gateway that knows OSCORE node 1 and plain node 2, and somebody who has the keys of node 1."""

    def __init__(self) -> None:
        self.disk = MemoryDisk()
        self.disk.provision(1, SECRET)
        plain = Node(2, "weather", 1, 1, security="plain", address="192.0.2.9")
        self.world = GatewayWorld(self.disk, {1: Node(1, "garden", 1, 1), 2: plain})
        self.context = Keys(SECRET, node_id(1), b"", aead).context()
        self.counter = 0
        self.last = b""
        self.bytes: dict[Address, list[int]] = {STRANGER: [0, 0], PLAIN: [0, 0]}  # from and to an address

    def step(self, what: int, data: bytes) -> None:
        """One thing happens."""
        if what == RAW:
            self.arrive(data, STRANGER)
        elif what == FROM_PLAIN:
            self.arrive(data, PLAIN)
        elif what == SEALED:
            self.counter += 1 + (data[0] if data else 0)
            self.last = self.sealed(data[1:])
            self.arrive(self.last, STRANGER)
        elif what == SEALED_AGAIN:
            self.arrive(self.last, STRANGER)
        elif what == TIME:
            self.world.now += int.from_bytes(data[:3], "big")
            self.world.server.handle_timer(self.world.now)
            self.answered()
        elif what == RESTART:
            self.world.restart()
        else:
            self.disk.broken = not self.disk.broken

    def arrive(self, data: bytes, addr: Address) -> None:
        """A datagram comes."""
        self.bytes[addr][0] += len(data)
        self.world.receive(data, addr)
        assert len(self.world.sent) <= 1
        self.answered()

    def answered(self) -> None:
        """What goes out is well-formed and, in all, small beside what came from where it goes."""
        self.world.sent += self.world.server.datagrams_to_send(self.world.now)
        for answer, addr in self.world.sent:
            coap.decode_untrusted(answer)
            self.bytes[addr][1] += len(answer)
            came, went = self.bytes[addr]
            assert went <= AMPLIFICATION * came, (came, went, answer)
        self.world.take()

    def sealed(self, plaintext: bytes) -> bytes:
        """CON POST of node 1 with `plaintext` under its seal."""
        nonce = (self.context.sender_base ^ self.counter).to_bytes(13, "big")
        binding = oscore.Binding(self.context.sender_id, self.counter, nonce)
        ciphertext = self.context.sender.seal(nonce, binding.aad, plaintext)
        option = (OSCORE, oscore.option_value(self.counter, self.context.sender_id))
        mid = self.counter & 0xFFFF
        return coap.encode(coap.Message(coap.CON, coap.POST, mid, b"T", [option], ciphertext))


def serve(data: bytes) -> None:
    """Run the script in `data` on a gateway made for it."""
    fire = Fire()
    at = 0
    for _ in range(MOST_STEPS):
        if at + 2 > len(data):
            break
        what, size = data[at] % 7, data[at + 1]
        fire.step(what, data[at + 2 : at + 2 + size])
        at += 2 + size
    fire.world.now += 1_000_000
    fire.world.server.handle_timer(fire.world.now)
    assert not fire.world.server.endpoint.duplicates.peers, "nothing is remembered for ever"


def script(what: int, data: bytes) -> bytes:
    """One step of a script."""
    return bytes((what, len(data))) + data
