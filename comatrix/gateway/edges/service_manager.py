"""What systemd is told of the gateway: ready, alive, stopping (sd_notify(3)), over the socket it names."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Mapping


class ServiceManager:
    """Says nothing where nobody asked for it."""

    def __init__(self, environ: Mapping[str, str], pid: int) -> None:
        self._where = environ.get("NOTIFY_SOCKET", "")
        interval = environ.get("WATCHDOG_USEC", "")
        whose = environ.get("WATCHDOG_PID", "")
        ours = not whose or whose == str(pid)
        self.watchdog_s = int(interval) / 2_000_000 if ours and interval.isascii() and interval.isdigit() else 0.0

    def tell(self, *lines: str) -> None:
        """Such as "READY=1". A manager that does not listen is no trouble of ours."""
        if not self._where.startswith(("/", "@")):
            return
        address = "\0" + self._where[1:] if self._where.startswith("@") else self._where
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out,
        ):
            out.setblocking(False)
            out.sendto("\n".join(lines).encode(), address)

    async def keep_alive(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Until cancelled: twice in each interval, from the loop itself, so that a loop that hangs is restarted."""
        while self.watchdog_s:
            self.tell("WATCHDOG=1")
            await sleep(self.watchdog_s)


def this_process() -> ServiceManager:
    """As systemd started it."""
    return ServiceManager(os.environ, os.getpid())
