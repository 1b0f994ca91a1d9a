"""CoAP servers on loopback in a thread of their own, so that commands can be run as a person runs them."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import aiocoap
from aiocoap import resource

from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.model import Node
from tests.support.gateway_world import GatewayWorld, MemoryDisk
from tests.support.written_mail import WrittenMail

LOOPBACK = "127.0.0.1"
PLAIN_LISTENER, SECURE_LISTENER = 9, 0
CALL_S = 5


class Servers:
    """A loop in a thread; `call` runs a coroutine there."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._closing: list[Callable[[], Coroutine[Any, Any, None]]] = []

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(CALL_S)

    def soon(self, work: Callable[[], object]) -> None:
        """In the loop's thread."""
        self.loop.call_soon_threadsafe(work)

    def aiocoap(self, resources: dict[str, resource.Resource]) -> int:
        """An aiocoap server; its port."""
        port = free_port(socket.SOCK_DGRAM)
        self.call(self._start(resources, port))
        return port

    def gateway(self, node: Node, secret: bytes) -> "GatewayOnSocket":
        """A gateway's receiving side that knows `node`."""
        made = GatewayOnSocket(node, secret)
        self.call(made.start())
        self._closing.append(made.stop)
        return made

    def close(self) -> None:
        """Ends all of it."""
        for stop in self._closing:
            self.call(stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(CALL_S)

    async def _start(self, resources: dict[str, resource.Resource], port: int) -> None:
        site = resource.Site()
        site.add_resource([".well-known", "core"], resource.WKCResource(site.get_resources_as_linkheader))
        for path, one in resources.items():
            site.add_resource([path], one)
        context = await aiocoap.Context.create_server_context(site, bind=(LOOPBACK, port))
        self._closing.append(context.shutdown)


class Counting(resource.ObservableResource):  # type: ignore[misc]  # aiocoap has no types
    """Says how often it was changed. `asked` are the Observe values of requests, `max_age_s` what answers carry."""

    def __init__(self, max_age_s: int | None = None) -> None:
        super().__init__()
        self.count = 0
        self.max_age_s = max_age_s
        self.asked: list[int | None] = []

    def change(self) -> None:
        """Tells the observers."""
        self.count += 1
        self.updated_state()

    @property
    def watched(self) -> int:
        """By how many."""
        return len(self._observations)

    async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:
        """2.05 with the count."""
        self.asked.append(request.opt.observe)
        answer = aiocoap.Message(payload=b"count %d" % self.count, content_format=0)
        if self.max_age_s is not None:
            answer.opt.max_age = self.max_age_s
        return answer


class Fixed(resource.Resource):  # type: ignore[misc]
    """One payload; keeps what was posted as (Content-Format, payload)."""

    def __init__(self, payload: bytes, content_format: int | None = None) -> None:
        super().__init__()
        self.payload = payload
        self.content_format = content_format
        self.taken: list[tuple[int | None, bytes]] = []
        self.types: list[object] = []

    async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:
        """2.05 with it."""
        self.types.append(request.mtype)
        return aiocoap.Message(payload=self.payload, content_format=self.content_format)

    async def render_post(self, request: aiocoap.Message) -> aiocoap.Message:
        """2.04."""
        number = request.opt.content_format
        self.taken.append((None if number is None else int(number), request.payload))
        return aiocoap.Message(code=aiocoap.CHANGED)


class GatewayOnSocket(asyncio.DatagramProtocol):
    """Our receiving side behind a socket of loopback; a plain node is heard at the listener for such."""

    def __init__(self, node: Node, secret: bytes) -> None:
        self.disk = MemoryDisk()
        self._listener = PLAIN_LISTENER if node.security == "plain" else SECURE_LISTENER
        if node.security != "plain":
            self.disk.provision(node.number, secret)
        self.mail = WrittenMail()
        self.world = GatewayWorld(self.disk, {node.number: node}, mail=self.mail)
        self.port = 0
        self.heard: list[bytes] = []
        self.came_from: Any = None
        self._transport: Any = None

    async def start(self) -> None:
        """Binds a port."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(LOOPBACK, 0))
        self.port = self._transport.get_extra_info("sockname")[1]

    async def stop(self) -> None:
        """Closes it."""
        self._transport.close()

    def flush(self, addr: Any) -> None:
        """Sends what the gateway said by itself."""
        for answer in self.world.take():
            self._transport.sendto(answer, addr)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answers at once."""
        self.heard.append(data)
        self.world.receive(data, (self._listener, addr))
        self.came_from = addr
        self.flush(addr)
