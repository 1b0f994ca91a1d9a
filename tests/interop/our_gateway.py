"""Our gateway's receiving side on real sockets: one for nodes under OSCORE, one for the node that speaks plain CoAP."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from comatrix.codec.records import Command
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item, NewItem, Order
from comatrix.gateway.model import Node, SecureAddress
from tests.interop.aiocoap_peer import LOOPBACK, NODE, SECRET, Datagrams
from tests.support.gateway_world import GatewayWorld, MemoryDisk
from tests.support.written_mail import WrittenMail

WEATHER = 8  # the plain node's number
SECURE, PLAIN = 0, 9  # numbers of the sockets


class OurGateway:
    """`disk` is what it stored; `port` and `plain_port` are where it listens."""

    def __init__(self) -> None:
        self.disk = MemoryDisk()
        self.disk.provision(NODE, SECRET)
        self.mail = WrittenMail()
        weather = Node(WEATHER, "weather", 1, 1, security="plain", address=LOOPBACK)
        self.world = GatewayWorld(self.disk, {NODE: Node(NODE, "garden", 1, 1), WEATHER: weather}, mail=self.mail)
        self.sockets = {number: Datagrams(partial(self.receive, number)) for number in (SECURE, PLAIN)}
        self.port = self.plain_port = 0
        self._began = time.monotonic_ns()

    def receive(self, number: int, data: bytes, addr: tuple[str, int]) -> None:
        """A datagram came: answer at once."""
        self._tick()
        self.world.receive(data, (number, addr))
        self.flush()

    def flush(self) -> None:
        """Timers run, what is ready leaves."""
        self._tick()
        self.world.server.handle_timer(self.world.now)
        self.world.sent += self.world.server.datagrams_to_send(self.world.now)
        sent, self.world.sent = self.world.sent, []
        for data, addr in sent:
            assert not isinstance(addr, SecureAddress)
            number, sockaddr = addr
            self.sockets[number].send(data, sockaddr)

    def tell(self, node: int, words: int | str, arguments: Sequence[object] = ()) -> Command:
        """A person tells a node something; who observes hears of it."""
        known = self.mail.items.get(node)
        item = self.mail.items[node] = Command(1 if known is None else known.id + 1, words, list(arguments))
        if known is not None:
            self._changed(node, known.id, states.NOT_CONFIRMED)
        self._changed(node, None, states.QUEUED)
        self.flush()
        return item

    def _changed(self, node: int, id: int | None, state: str) -> None:
        order = Order("set", "interval", (600,), "interval = 600 s")
        self.world.receiver.observers.changed(Item(1, NewItem(node, order, "@ann:x", 0, 9), state, id))

    def _tick(self) -> None:
        """Time passes for its timers; the clock on its wall stands, so that what it stores can be told."""
        self.world.now = (time.monotonic_ns() - self._began) // 1_000_000
        self.world.wall_shift_ms = -self.world.now


@asynccontextmanager
async def our_gateway() -> AsyncIterator[OurGateway]:
    """One that listens."""
    gateway = OurGateway()
    loop = asyncio.get_running_loop()
    transports = []
    for number, protocol in gateway.sockets.items():
        transport, _ = await loop.create_datagram_endpoint(
            lambda protocol=protocol: protocol,  # type: ignore[misc]
            local_addr=(LOOPBACK, 0),
        )
        transports.append(transport)
        if number == SECURE:
            gateway.port = transport.get_extra_info("sockname")[1]
        else:
            gateway.plain_port = transport.get_extra_info("sockname")[1]
    timers = asyncio.create_task(_run_timers(gateway))
    try:
        yield gateway
    finally:
        timers.cancel()
        for transport in transports:
            transport.close()


async def _run_timers(gateway: OurGateway) -> None:
    while True:
        await asyncio.sleep(0.05)
        gateway.flush()
