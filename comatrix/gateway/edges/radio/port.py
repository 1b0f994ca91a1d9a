"""Ports: a terminal device, locked for this process alone, or `tcp://host:port` (a serial server).

pyserial is imported with the first terminal that is opened.
"""

import asyncio
import errno
import os
from collections.abc import Callable
from typing import Protocol

from comatrix.gateway.edges.radio.port_words import PortError, error_of

TCP = "tcp://"
CONNECT_S = 5.0
READ = 4096
UNPLUGGED = {errno.EIO, errno.ENXIO, errno.ENODEV}
MOST_UNWRITTEN = 65536  # a port that takes nothing is as good as lost

OnData = Callable[[bytes], None]
OnLost = Callable[[str], None]


class Port(Protocol):
    """An open port on the running loop."""

    def start(self, on_data: OnData, on_lost: OnLost) -> None:
        """Begin to read. `on_lost` is called at most once, and nothing after it."""

    def write(self, data: bytes) -> None:
        """Write; what the port does not take now is written when it does."""

    def close(self) -> None:
        """Let the port go; nothing is called any more."""


async def open_port(url: str, baud: int) -> Port:
    """Raises PortError, which says what is wrong and what to type."""
    try:
        if url.startswith(TCP):
            return await _connected(url)
        return TerminalPort(url, baud)
    except (OSError, ValueError, TimeoutError) as error:
        raise error_of(error, url) from error


async def _connected(url: str) -> "TcpPort":
    host, colon, number = url[len(TCP) :].rpartition(":")
    if not colon or not host or not number.isdecimal():
        raise ValueError("a serial server is tcp://host:port")
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_S):
        _, port = await loop.create_connection(TcpPort, host.strip("[]"), int(number))
    return port


class TerminalPort:
    """A terminal device, read when it is readable. Raises OSError or ValueError if it cannot be opened."""

    def __init__(self, path: str, baud: int) -> None:
        import serial  # a gateway without a modem does without it

        self._serial = serial.Serial(path, baud, timeout=0, exclusive=True)
        self._fd: int = self._serial.fileno()
        os.set_blocking(self._fd, False)
        self._loop = asyncio.get_running_loop()
        self._unwritten = bytearray()
        self._on_lost: OnLost | None = None

    def start(self, on_data: OnData, on_lost: OnLost) -> None:
        """Begin to read."""
        self._on_lost = on_lost
        self._loop.add_reader(self._fd, self._readable, on_data)

    def _readable(self, on_data: OnData) -> None:
        try:
            data = os.read(self._fd, READ)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost("it was unplugged" if error.errno in UNPLUGGED else error.strerror or str(error))
            return
        if data:
            on_data(data)
        else:
            self._lost("it was unplugged")

    def write(self, data: bytes) -> None:
        """Write what the port takes, the rest later."""
        self._unwritten += data
        if len(self._unwritten) > MOST_UNWRITTEN:
            self._lost("it takes no bytes")
        else:
            self._flush()

    def _flush(self) -> None:
        try:
            del self._unwritten[: os.write(self._fd, self._unwritten)]
        except BlockingIOError:
            pass
        except OSError as error:
            self._lost(error.strerror or str(error))
            return
        if self._unwritten:
            self._loop.add_writer(self._fd, self._flush)
        else:
            self._loop.remove_writer(self._fd)

    def _lost(self, reason: str) -> None:
        on_lost = self._on_lost
        self.close()
        if on_lost is not None:
            on_lost(reason)

    def close(self) -> None:
        """Let the port go."""
        self._on_lost = None
        if self._serial.is_open:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._serial.close()


class TcpPort(asyncio.Protocol):
    """A connection to a serial server."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._early = bytearray()
        self._on_data: OnData | None = None
        self._on_lost: OnLost | None = None
        self._over = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._on_data is not None:
            self._on_data(data)
        elif len(self._early) < READ:
            self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = str(exc) if exc is not None else "the other side closed it"
        if self._on_lost is not None:
            on_lost, self._on_lost = self._on_lost, None
            on_lost(self._over)

    def start(self, on_data: OnData, on_lost: OnLost) -> None:
        """Begin to hand over what comes."""
        self._on_data, self._on_lost = on_data, on_lost
        if self._early:
            on_data(bytes(self._early))
            self._early.clear()
        if self._over:
            self.connection_lost(None)

    def write(self, data: bytes) -> None:
        """Write, unless too much waits."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MOST_UNWRITTEN:
            self._transport.abort()
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Let the connection go."""
        self._on_data = self._on_lost = None
        if self._transport is not None:
            self._transport.abort()


__all__ = ["Port", "PortError", "open_port"]
