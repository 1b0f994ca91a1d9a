"""aiocoap as the gateway: our node's client posts to it over a real socket, also where it challenges or delays."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from comatrix.codec import cbor, coap
from comatrix.codec.records import Answer, Readings, encode, read_answer_untrusted
from comatrix.gateway.aead import aead
from comatrix.session.client import Client, Delivered, Refused, Reserve
from comatrix.session.counter import Counter
from comatrix.session.endpoint import Endpoint
from comatrix.session.exchange import Parameters
from comatrix.session.keys import Keys, node_id
from tests.interop.aiocoap_peer import LOOPBACK, NODE, SECRET, Answering, Datagrams, context, server

READING = encode(Readings({0: 2137, 1: 452}))
TIME = Answer(time_s=1_760_000_000).encode()


class Node:
    """Our client on a socket. `drop(n)`: whether its nth datagram is lost."""

    def __init__(self, port: int, drop: Callable[[int], bool]) -> None:
        self.gateway = (LOOPBACK, port)
        keys = Keys(SECRET, node_id(NODE), b"", aead)
        endpoint = Endpoint(Random(1).randrange, Parameters(ack_timeout_ms=100))
        self.client = Client(endpoint, self.gateway, keys, Counter(1, 32), retry_ms=(50, 400))
        self.socket = Datagrams(self.receive)
        self.drop = drop
        self.sent = 0
        self.events: list[Any] = []

    def receive(self, data: bytes, addr: tuple[str, int]) -> None:
        """A datagram came."""
        self.client.receive_datagram(data, addr, now())
        self.flush()

    def flush(self) -> None:
        """Reserve what is wanted, then transmit."""
        while (event := self.client.next_event()) is not None:
            if isinstance(event, Reserve):
                self.client.reserved(event.limit, now())
            else:
                self.events.append(event)
        for data, addr in self.client.datagrams_to_send(now()):
            self.sent += 1
            if not self.drop(self.sent):
                self.socket.send(data, addr)

    async def post(self, path: str, body: bytes = READING) -> Delivered:
        """A record, until the answer is there."""
        self.client.post(path, lambda now: body, now())
        return await self.answered()

    async def get(self, path: str) -> Delivered:
        """A resource."""
        self.client.get(path, now())
        return await self.answered()

    async def answered(self) -> Delivered:
        """The next event, within 10 s."""
        self.flush()
        end = now() + 10_000
        while not self.events and now() < end:
            deadline = self.client.next_deadline()
            if deadline is not None and deadline <= now():
                self.client.handle_timer(now())
                self.flush()
            await asyncio.sleep(0.005)
        event = self.events.pop(0)
        assert isinstance(event, Delivered)
        return event


def now() -> int:
    return time.monotonic_ns() // 1_000_000


@asynccontextmanager
async def node_at(port: int, drop: Callable[[int], bool] = lambda n: False) -> AsyncIterator[Node]:
    """A node that talks to a port of the loopback interface."""
    node = Node(port, drop)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: node.socket, local_addr=(LOOPBACK, 0))
    try:
        yield node
    finally:
        transport.close()


async def test_readings_are_delivered_and_the_answers_payload_is_read(tmp_path: Path) -> None:
    readings = Answering(TIME)
    async with server({"r": readings}, context(tmp_path / "gw", node=False)) as port, node_at(port) as node:
        for expected in range(20):
            event = await node.post("r")
            assert (type(event), event.code, event.seq) == (Delivered, coap.CHANGED, expected + 1)
            assert read_answer_untrusted(event.payload).time_s == 1_760_000_000
        assert readings.taken == [READING] * 20


async def test_a_get_and_a_refusal_are_told_apart(tmp_path: Path) -> None:
    known = context(tmp_path / "gw", node=False)
    async with server({"t": Answering(TIME)}, known) as port, node_at(port) as node:
        assert (await node.get("t")).payload == TIME
        refused = await node.post("nowhere")
        assert type(refused) is Refused
        assert refused.code == 0x84


async def test_an_answer_that_takes_long_comes_apart_and_is_acknowledged(tmp_path: Path) -> None:
    slow = Answering(b"", delay_s=0.4)
    async with server({"r": slow}, context(tmp_path / "gw", node=False)) as port, node_at(port) as node:
        assert (await node.post("r")).code == coap.CHANGED
        assert slow.taken == [READING]
        assert (node.sent, node.client.endpoint.retransmitted) == (2, 0)  # the request, then the ACK of its answer


async def test_a_server_that_lost_its_window_challenges_with_echo_and_is_satisfied(tmp_path: Path) -> None:
    lost = context(tmp_path / "gw", node=False, sequence={"next-to-send": 100, "received": "unknown"})
    readings = Answering()
    async with server({"r": readings}, lost) as port, node_at(port) as node:
        assert (await node.post("r")).seq == 1
        # The challenged request was no more than a knock; what counts carries the seq of the record.
        assert readings.taken == [cbor.encode(1) + READING]
        assert (await node.post("r")).seq == 3


async def test_lost_requests_are_sent_again_and_taken_once(tmp_path: Path) -> None:
    readings = Answering()
    known = context(tmp_path / "gw", node=False)
    async with server({"r": readings}, known) as port, node_at(port, lambda n: n % 3 != 0) as node:
        for _ in range(3):
            assert (await node.post("r")).code == coap.CHANGED
        assert len(readings.taken) == 3
        assert node.client.endpoint.retransmitted >= 6


async def test_a_server_that_does_not_know_the_node_ends_nothing(tmp_path: Path) -> None:
    stranger = context(tmp_path / "gw", node=False, secret=bytes(16))
    async with server({"r": Answering()}, stranger) as port, node_at(port) as node:
        node.client.post("r", lambda now: READING, now())
        node.flush()
        for _ in range(60):
            await asyncio.sleep(0.005)
            node.client.handle_timer(now())
            node.flush()
        assert node.events == []
        assert node.client.open is not None
        assert node.sent > 1
