"""A CoAP ping: an empty confirmable message, answered by Reset (RFC 7252 section 4.3)."""

import asyncio
import time
from collections.abc import Callable

from comatrix.codec import coap
from comatrix.errors import MessageFormatError

TRIES = 3


class _Pinger(asyncio.DatagramProtocol):
    def __init__(self, mid: int) -> None:
        self.mid = mid
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        try:
            message = coap.decode_untrusted(data)
        except MessageFormatError:
            return
        if message.type == coap.RST and message.mid == self.mid and not self.answered.done():
            self.answered.set_result(None)

    def error_received(self, exc: Exception) -> None:
        """An ICMP error: nobody is there now; the next try may find somebody."""


async def ping(host: str, port: int, mid: Callable[[int], int], timeout_s: float) -> float | None:
    """Seconds until the Reset came; None: none came, or the name or address leads nowhere. `mid(n)`: 0 <= int < n."""
    loop = asyncio.get_running_loop()
    started_s = time.monotonic()
    try:
        async with asyncio.timeout(timeout_s):
            transport, pinger = await loop.create_datagram_endpoint(
                lambda: _Pinger(mid(65_536)), remote_addr=(host, port)
            )
    except (OSError, TimeoutError):
        return None
    datagram = coap.encode(coap.Message(coap.CON, coap.EMPTY, pinger.mid))
    try:
        for _ in range(TRIES):
            transport.sendto(datagram)
            await asyncio.wait({pinger.answered}, timeout=timeout_s / TRIES)
            if pinger.answered.done():
                return time.monotonic() - started_s
        return None
    finally:
        transport.close()
