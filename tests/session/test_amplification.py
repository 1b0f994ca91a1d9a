"""What a gateway sends to an address that proved nothing stays within 3 times what came from there."""

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.codec.records import Hello, Readings, encode
from comatrix.gateway.model import Node
from comatrix.session import keys, oscore
from comatrix.session.server import AMPLIFICATION
from tests.session.recording import NODE, SECRET, NodeByHand, Recorder
from tests.support.gateway_world import GatewayWorld, MemoryDisk

VECTORS = Path(__file__).parents[1] / "vectors" / "hostile_inputs.json"
HOSTILE = [bytes.fromhex(row["hex"]) for row in json.loads(VECTORS.read_text())]
STRANGER = (0, ("203.0.113.9", 4000))


class Ledger:
    """A gateway and what went to and fro with one address."""

    def __init__(self) -> None:
        disk = MemoryDisk()
        disk.provision(NODE, SECRET)
        nodes = {NODE: Node(NODE, "garden", 1, 1), 8: Node(8, "shed", 1, 1, security="plain", address="203.0.113.9")}
        self.world = GatewayWorld(disk, nodes)
        self.received = self.sent = 0

    def receive(self, data: bytes, addr: tuple[int, tuple[str, int]] = STRANGER) -> None:
        """One datagram, and all the time in the world for whatever follows from it."""
        self.received += len(data)
        self.world.receive(data, addr)
        self.count()
        while (deadline := self.world.server.next_deadline()) is not None:
            self.world.now = max(self.world.now, deadline)
            self.world.server.handle_timer(self.world.now)
            self.world.sent += self.world.server.datagrams_to_send(self.world.now)
            self.count()
        assert self.sent <= AMPLIFICATION * self.received

    def count(self) -> None:
        self.sent += sum(map(len, self.world.take()))


def requests(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Requests of the node's own, sealed, with any body, method and path; and plain ones alike."""
    numbers = st.integers(0, 40)
    paths = st.sampled_from([b"r", b"m", b"h", b"t", b"c", b"", b"x" * 40])
    codes = st.sampled_from([coap.GET, coap.POST, 3, 31])
    types = st.sampled_from([coap.CON, coap.NON])

    def sealed(counter: int, body: bytes, path: bytes, code: int, type: int) -> bytes:
        node = NodeByHand(Recorder())
        return node.request(counter, body, path=path, code=code, type=type)[0]

    def plain(counter: int, body: bytes, path: bytes, code: int, type: int) -> bytes:
        return coap.encode(coap.Message(type, code, counter, b"\x01", [(11, path)] if path else (), body))

    def rekeying(counter: int, body: bytes, path: bytes, code: int, type: int) -> bytes:
        node = NodeByHand(Recorder(), extra=bytes(8))
        return node.request(counter, body, path=path, code=code, type=type, kid_context=keys.wrap(bytes(8)))[0]

    return st.one_of(*(st.builds(kind, numbers, inner, paths, codes, types) for kind in (sealed, plain, rekeying)))


BODIES = st.sampled_from([b"", encode(Readings({0: 1})), encode(Hello()), b"\x81\x60", b"\xff"]) | st.binary(
    max_size=20
)
HEADERS = st.sampled_from([b"\x40\x01\x00\x01", b"\x40\x02\x00\x02", b"\x50\x02\x00\x03", b"\x41\x45\x00\x04\x01"])
DATAGRAMS = st.sampled_from(HOSTILE) | st.binary(max_size=40) | requests(BODIES)
DATAGRAMS |= st.builds(lambda head, rest: head + rest, HEADERS, st.binary(max_size=30) | st.sampled_from(HOSTILE))


@settings(max_examples=200)
@given(st.lists(st.tuples(DATAGRAMS, st.integers(0, 3), st.sampled_from([0, 9])), max_size=12))
def test_whatever_an_address_sends_it_gets_at_most_three_times_as_much(sent: list[tuple[bytes, int, int]]) -> None:
    ledger = Ledger()
    for data, copies, listener in sent:
        for _ in range(1 + copies):
            ledger.receive(data, (listener, STRANGER[1]))


@pytest.mark.parametrize("path", [b"r", b"h", b"t", b"m"])
def test_the_shortest_request_of_each_kind_gets_no_more_than_its_share(path: bytes) -> None:
    bodies = {b"r": encode(Readings({0: 1})), b"h": encode(Hello()), b"m": b"\x81\x60", b"t": b""}
    ledger = Ledger()
    random = Random(1)
    for counter in range(1, 30):
        node = NodeByHand(Recorder())
        code = coap.GET if path == b"t" else coap.POST
        ledger.receive(node.request(counter, bodies[path], path=path, code=code)[0])
        ledger.world.now += random.randrange(12 * 3_600_000)
    assert ledger.sent


def test_the_longest_error_text_is_left_out_where_it_would_not_fit() -> None:
    ledger = Ledger()
    tiny = coap.encode(coap.Message(coap.CON, coap.POST, 1, b"", [(OSCORE, oscore.option_value(1, b"\x63"))], b"x"))
    ledger.receive(tiny)
    assert 0 < ledger.sent <= 3 * len(tiny)
