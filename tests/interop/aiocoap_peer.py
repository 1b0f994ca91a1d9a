"""aiocoap, an independent peer, with the OSCORE context of our node 7; and a socket for our own sans-IO sides."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiocoap
from aiocoap import oscore, resource
from aiocoap.oscore_sitewrapper import OscoreSiteWrapper

from comatrix.gateway.demo.free_port import free_port
from comatrix.session.keys import UDP, node_id

NODE = 7
SECRET = bytes(range(16))
LOOPBACK = "127.0.0.1"


class PeerContext(oscore.FilesystemSecurityContext):  # type: ignore[misc]  # aiocoap has no types
    """aiocoap's own context; it also takes requests that leave the ID Context out, as RFC 8613 section 5.1 allows."""

    def get_oscore_context_for(self, unprotected: dict[Any, Any]) -> "PeerContext | None":
        """This context when the kid is the one of its recipient."""
        return self if unprotected.get(oscore.COSE_KID) == self.recipient_id else None


def context(folder: Path, *, node: bool, secret: bytes = SECRET, sequence: dict[str, Any] | None = None) -> PeerContext:
    """The node's or the gateway's half. `sequence`: what aiocoap stored in an earlier life."""
    folder.mkdir(parents=True)
    ours, theirs = (node_id(NODE), b"") if node else (b"", node_id(NODE))
    settings = {"secret_hex": secret.hex(), "sender-id_hex": ours.hex(), "recipient-id_hex": theirs.hex()}
    (folder / "settings.json").write_text(json.dumps({**settings, "id-context_hex": UDP.hex()}))
    if sequence is not None:
        (folder / "sequence.json").write_text(json.dumps(sequence))
    return PeerContext(str(folder))


class Credentials:
    """What aiocoap's site wrapper looks contexts up in."""

    def __init__(self, known: PeerContext) -> None:
        self.known = known

    def find_oscore(self, unprotected: dict[Any, Any]) -> PeerContext:
        """The context of a request. Raises KeyError."""
        found = self.known.get_oscore_context_for(unprotected)
        if found is None:
            raise KeyError
        return found


class Answering(resource.Resource):  # type: ignore[misc]
    """Keeps what it was sent and answers with `payload`, after `delay_s`."""

    def __init__(self, payload: bytes = b"", delay_s: float = 0.0) -> None:
        super().__init__()
        self.payload = payload
        self.delay_s = delay_s
        self.taken: list[bytes] = []

    async def render_post(self, request: aiocoap.Message) -> aiocoap.Message:
        """2.04."""
        self.taken.append(request.payload)
        await asyncio.sleep(self.delay_s)
        return aiocoap.Message(code=aiocoap.CHANGED, payload=self.payload)

    async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:
        """2.05."""
        return aiocoap.Message(code=aiocoap.CONTENT, payload=self.payload)


@asynccontextmanager
async def server(resources: dict[str, Answering], known: PeerContext) -> AsyncIterator[int]:
    """An aiocoap server that wants OSCORE; its port."""
    site = resource.Site()
    for path, answering in resources.items():
        site.add_resource([path], answering)
    port = free_port(socket.SOCK_DGRAM)
    running = await aiocoap.Context.create_server_context(
        OscoreSiteWrapper(site, Credentials(known)), bind=(LOOPBACK, port)
    )
    try:
        yield port
    finally:
        await running.shutdown()


class Datagrams(asyncio.DatagramProtocol):
    """A socket that hands each datagram to `receive` and can send."""

    def __init__(self, receive: Callable[[bytes, tuple[str, int]], None]) -> None:
        self.receive = receive
        self.sent: list[bytes] = []
        self.transport: Any = None  # asyncio's own class for it is no DatagramTransport before Python 3.12

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Hand it on."""
        self.receive(data, addr)

    def send(self, data: bytes, addr: tuple[str, int]) -> None:
        """One datagram."""
        self.sent.append(data)
        self.transport.sendto(data, addr)
