"""Raw datagrams to a running gateway, each from a port of its own, and what came back."""

import asyncio
import socket
import time
from collections.abc import Iterable, Sequence
from itertools import cycle

LOCALHOST = ("127.0.0.1",)


def loopback_addresses(count: int, network: int = 1) -> list[str]:
    """As many source addresses of this machine, each with its own share of the gateway's patience."""
    return [f"127.{network}.{number >> 8}.{number & 255}" for number in range(1, count + 1)]


def opened(port: int, source: str) -> socket.socket:
    """A socket of its own from the address `source` to the gateway's `port`."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setblocking(False)
    one.bind((source, 0))
    one.connect(("127.0.0.1", port))
    return one


async def exchange(
    port: int, datagrams: Sequence[bytes], wait_s: float, sources: Iterable[str] = LOCALHOST
) -> list[list[bytes]]:
    """Send each from a fresh socket, the addresses in turn; what each of them got within `wait_s`."""
    sockets: list[socket.socket] = []
    turn = cycle(sources)
    try:
        for datagram in datagrams:
            one = opened(port, next(turn))
            sockets.append(one)
            one.send(datagram)
        await asyncio.sleep(wait_s)
        return [_drained(one) for one in sockets]
    finally:
        for one in sockets:
            one.close()


async def answer(port: int, datagram: bytes, timeout_s: float = 5.0) -> bytes:
    """The first datagram that comes back. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setblocking(False)
        one.connect(("127.0.0.1", port))
        one.send(datagram)
        return await asyncio.wait_for(loop.sock_recv(one, 2048), timeout_s)


async def flood(port: int, datagrams: Sequence[bytes], sources: Sequence[str]) -> tuple[int, float]:
    """Send all of them from sockets of these addresses in turn, with pauses so that none is dropped; bytes that came
    back, seconds."""
    sockets: list[socket.socket] = []
    begin = time.monotonic()
    try:
        for source in sources:
            sockets.append(opened(port, source))
        for number, datagram in enumerate(datagrams):
            sockets[number % len(sockets)].send(datagram)
            if number % 200 == 199:
                await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        back = sum(len(datagram) for one in sockets for datagram in _drained(one))
        return back, time.monotonic() - begin
    finally:
        for one in sockets:
            one.close()


def _drained(one: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(one.recv(2048))
        except (BlockingIOError, ConnectionError):
            return found
