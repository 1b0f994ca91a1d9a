"""What a gateway sends to an address that proved nothing stays within 3 times what came from there."""

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.codec.records import Command, Hello, Readings, Result, encode
from comatrix.gateway.model import Node
from comatrix.session import keys, oscore
from comatrix.session.answering import AMPLIFICATION
from tests.session.recording import NODE, SECRET, NodeByHand, Recorder
from tests.support.gateway_world import GatewayWorld, MemoryDisk
from tests.support.written_mail import WrittenMail

VECTORS = Path(__file__).parents[1] / "vectors" / "hostile_inputs.json"
HOSTILE = [bytes.fromhex(row["hex"]) for row in json.loads(VECTORS.read_text())]
STRANGER = (0, ("203.0.113.9", 4000))


class Ledger:
    """A gateway and what went to and fro with one address."""

    def __init__(self, item: Command | None = None) -> None:
        disk = MemoryDisk()
        disk.provision(NODE, SECRET)
        nodes = {NODE: Node(NODE, "garden", 1, 1), 8: Node(8, "shed", 1, 1, security="plain", address="203.0.113.9")}
        mail = WrittenMail({} if item is None else {NODE: item, 8: item})
        self.world = GatewayWorld(disk, nodes, mail=mail)
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
    paths = st.sampled_from([b"r", b"m", b"h", b"t", b"c", b"d", b"", b"x" * 40])
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


BODIES = st.sampled_from(
    [b"", encode(Readings({0: 1})), encode(Hello()), b"\x81\x60", b"\x81\x05", b"\xff"]
) | st.binary(max_size=20)
HEADERS = st.sampled_from([b"\x40\x01\x00\x01", b"\x40\x02\x00\x02", b"\x50\x02\x00\x03", b"\x41\x45\x00\x04\x01"])
DATAGRAMS = st.sampled_from(HOSTILE) | st.binary(max_size=40) | requests(BODIES)
DATAGRAMS |= st.builds(lambda head, rest: head + rest, HEADERS, st.binary(max_size=30) | st.sampled_from(HOSTILE))


ITEMS = st.none() | st.sampled_from([Command(1, 0, [60]), Command(1, "x" * 200)])


@settings(max_examples=200)
@given(st.lists(st.tuples(DATAGRAMS, st.integers(0, 3), st.sampled_from([0, 9])), max_size=12), ITEMS)
def test_whatever_an_address_sends_it_gets_at_most_three_times_as_much(
    sent: list[tuple[bytes, int, int]], item: Command | None
) -> None:
    ledger = Ledger(item)
    for data, copies, listener in sent:
        for _ in range(1 + copies):
            ledger.receive(data, (listener, STRANGER[1]))


SHORTEST = {
    "r": (coap.POST, encode(Readings({0: 1}))),
    "h": (coap.POST, encode(Hello())),
    "t": (coap.GET, b""),
    "m": (coap.POST, b"\x81\x60"),
    "c": (coap.GET, b""),
    "result": (coap.POST, encode(Result(1))),
    "d": (coap.POST, b"\x83\x80\x80\xa0"),
}


@pytest.mark.parametrize("item", [None, Command(1, 0, [60]), Command(1, "x" * 200)], ids=["none", "short", "long"])
@pytest.mark.parametrize("kind", SHORTEST)
def test_the_shortest_request_of_each_kind_gets_no_more_than_its_share(kind: str, item: Command | None) -> None:
    code, body = SHORTEST[kind]
    path = b"c" if kind == "result" else kind.encode()
    ledger = Ledger(item)
    random = Random(1)
    for counter in range(1, 30):
        node = NodeByHand(Recorder())
        ledger.receive(node.request(counter, body, path=path, code=code)[0])
        ledger.receive(coap.encode(coap.Message(coap.CON, code, counter, b"", [(11, path)], body)), (9, STRANGER[1]))
        ledger.world.now += random.randrange(12 * 3_600_000)
    assert ledger.sent


def test_the_longest_error_text_is_left_out_where_it_would_not_fit() -> None:
    ledger = Ledger()
    tiny = coap.encode(coap.Message(coap.CON, coap.POST, 1, b"", [(OSCORE, oscore.option_value(1, b"\x63"))], b"x"))
    ledger.receive(tiny)
    assert 0 < ledger.sent <= 3 * len(tiny)
