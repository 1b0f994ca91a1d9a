"""libcoap's own client and server, as Debian's libcoap3-bin has them."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from comatrix.gateway.demo.free_port import free_port
from tests.interop.aiocoap_peer import LOOPBACK

CLIENTS = ("coap-client-notls", "coap-client-openssl", "coap-client-gnutls")
SERVER = "coap-server-notls"
MISSING = "libcoap's programs are not installed (Debian: apt-get install libcoap3-bin)"
_PATIENCE_S = 20


def program(name: str) -> str:
    """Where it is. Skips without it."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(MISSING)
    return found


class LibcoapClient:
    """`said` is what it printed: bodies, and of errors their code and text."""

    def __init__(self, name: str, folder: Path, port: int) -> None:
        self.program = program(name)
        self.folder = folder
        self.base = f"coap://{LOOPBACK}:{port}/"

    async def ask(self, path: str, *words: str, payload: bytes | None = None) -> bytes:
        """Run it once -> what it printed."""
        process = await self.start(path, *words, payload=payload)
        said, _ = await asyncio.wait_for(process.communicate(), _PATIENCE_S)
        return said

    async def start(self, path: str, *words: str, payload: bytes | None = None) -> asyncio.subprocess.Process:
        """One that runs."""
        if payload is not None:
            (self.folder / "payload").write_bytes(payload)
            words = (*words, "-f", str(self.folder / "payload"))
        return await asyncio.create_subprocess_exec(
            *(self.program, "-B", "5", *words, self.base + path),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )


@asynccontextmanager
async def libcoap_server() -> AsyncIterator[int]:
    """libcoap's example server; its port."""
    port = free_port(socket.SOCK_DGRAM)
    process = await asyncio.create_subprocess_exec(
        *(program(SERVER), "-A", LOOPBACK, "-p", str(port), "-d", "10"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        process.terminate()
        await process.wait()
