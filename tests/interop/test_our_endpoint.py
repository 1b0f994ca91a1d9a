"""Our client's endpoint against servers of others, without OSCORE: aiocoap's and libcoap's example."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import aiocoap
import pytest
from aiocoap import resource

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import BLOCK1, CONTENT_FORMAT, URI_PATH, URI_QUERY
from comatrix.gateway.demo.free_port import free_port
from comatrix.session.endpoint import Endpoint, Failure, Response
from comatrix.session.exchange import Parameters
from comatrix.session.fetching import Fetching
from comatrix.session.shaping import block_value
from tests.interop.aiocoap_peer import LOOPBACK, Answering, Datagrams
from tests.interop.libcoap_programs import libcoap_server

LARGE = bytes(range(32, 127)) * 30
Options = list[tuple[int, bytes]]

pytestmark = pytest.mark.slow


def now() -> int:
    return time.monotonic_ns() // 1_000_000


class Asking:
    """Our endpoint on a socket; with `loss` one datagram in so many is not sent."""

    def __init__(self, port: int, loss: int = 0) -> None:
        self.server = (LOOPBACK, port)
        self.endpoint = Endpoint(Random(3).randrange, Parameters(ack_timeout_ms=100))
        self.socket = Datagrams(lambda data, addr: self.endpoint.receive_datagram(data, self.server, now()))
        self.loss = loss
        self.sent = 0

    async def ask(self, code: int, path: str, options: Options | None = None, payload: bytes = b"") -> coap.Message:
        """A request, and its response."""
        given = sorted([*((URI_PATH, part.encode()) for part in path.split("/")), *(options or [])], key=lambda o: o[0])
        self.endpoint.request(self.server, code, given, payload, now())
        end = now() + 15_000
        while now() < end:
            self.flush()
            event = self.endpoint.next_event()
            if isinstance(event, Response):
                return event.message
            assert not isinstance(event, Failure)
            await asyncio.sleep(0.005)
        raise AssertionError("no response")

    def flush(self) -> None:
        """Timers run; what is ready leaves."""
        self.endpoint.handle_timer(now())
        for data, addr in self.endpoint.datagrams_to_send(now()):
            self.sent += 1
            if not self.loss or self.sent % self.loss:
                self.socket.send(data, addr)

    async def fetch(self, path: str, exponent: int) -> bytes:
        """All of a large resource."""
        fetching = Fetching(exponent)
        while not fetching.whole:
            answer = await self.ask(coap.GET, path, fetching.options())
            fetching.take_untrusted(answer.code, list(answer.options), answer.payload)
        return fetching.body

    async def store(self, path: str, body: bytes, exponent: int) -> coap.Message:
        """PUT in blocks."""
        size = 16 << exponent
        for at in range(0, len(body), size):
            more = at + size < len(body)
            option = [(CONTENT_FORMAT, b""), (BLOCK1, block_value(at // size, more, exponent))]
            answer = await self.ask(codes.PUT, path, option, body[at : at + size])
            assert answer.code == codes.CONTINUE or not more
        return answer


@asynccontextmanager
async def asking(port: int, loss: int = 0) -> AsyncIterator[Asking]:
    """An endpoint that asks at a port of the loopback interface."""
    found = Asking(port, loss)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: found.socket, local_addr=(LOOPBACK, 0))
    try:
        yield found
    finally:
        transport.close()


class Stored(resource.Resource):  # type: ignore[misc]  # aiocoap has no types
    """What was put there."""

    def __init__(self) -> None:
        super().__init__()
        self.body = b""

    async def render_put(self, request: aiocoap.Message) -> aiocoap.Message:
        """2.04."""
        self.body = request.payload
        return aiocoap.Message(code=aiocoap.CHANGED)

    async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:
        """2.05."""
        return aiocoap.Message(payload=self.body)


@asynccontextmanager
async def aiocoap_server() -> AsyncIterator[int]:
    """One with a resource that takes long and one that keeps what it gets; its port."""
    site = resource.Site()
    site.add_resource(["slow"], Answering(b"at last", 0.5))
    site.add_resource(["stored"], Stored())
    site.add_resource([".well-known", "core"], resource.WKCResource(site.get_resources_as_linkheader))
    port = free_port(socket.SOCK_DGRAM)
    running = await aiocoap.Context.create_server_context(site, bind=(LOOPBACK, port))
    try:
        yield port
    finally:
        await running.shutdown()


@pytest.mark.parametrize("exponent", [6, 2])
@pytest.mark.parametrize("loss", [0, 4])
async def test_aiocoap_takes_a_large_body_and_gives_it_back(exponent: int, loss: int) -> None:
    async with aiocoap_server() as port, asking(port, loss) as client:
        assert (await client.store("stored", LARGE[:900], exponent)).code == coap.CHANGED
        assert await client.fetch("stored", exponent) == LARGE[:900]


async def test_aiocoap_answers_apart_what_takes_long() -> None:
    async with aiocoap_server() as port, asking(port) as client:
        assert (await client.ask(coap.POST, "slow")).payload == b"at last"


@pytest.mark.parametrize("exponent", [6, 2])
async def test_libcoap_takes_a_large_body_and_gives_it_back(exponent: int) -> None:
    async with libcoap_server() as port, asking(port) as client:
        assert (await client.store("example_data", LARGE, exponent)).code in (codes.CREATED, coap.CHANGED)
        assert await client.fetch("example_data", exponent) == LARGE


async def test_libcoap_answers_at_once_apart_and_with_errors() -> None:
    async with libcoap_server() as port, asking(port, loss=3) as client:
        core = await client.ask(coap.GET, ".well-known/core")
        assert (core.code, b"</time>" in core.payload) == (coap.CONTENT, True)
        apart = await client.ask(coap.GET, "async", [(URI_QUERY, b"1")])
        assert apart.code == coap.CONTENT
        assert (await client.ask(coap.GET, "nowhere")).code == codes.NOT_FOUND
