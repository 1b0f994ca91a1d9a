"""A UDP proxy that stands for a bad radio: it loses, doubles, delays and so reorders datagrams, from a seed."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

Address = tuple[str, int]
REMEMBERED = 64  # datagrams of a node compared with, to tell a retransmission


@dataclass(frozen=True, slots=True)
class Faults:
    """How bad the link is, each way: shares of datagrams from 0 to 1, delays in seconds."""

    loss: float = 0.2
    double: float = 0.05
    late: float = 0.1  # share that takes `late_s` longer, and so is overtaken
    delay_s: tuple[float, float] = (0.01, 0.08)
    late_s: float = 0.3

    def fate(self, generator: random.Random) -> list[float]:
        """The delays of the copies that arrive: none, one or two."""
        copies = 2 if generator.random() < self.double else 1
        delays = []
        for _ in range(copies):
            lost = generator.random() < self.loss
            late_s = self.late_s if generator.random() < self.late else 0.0
            delay_s = generator.uniform(*self.delay_s) + late_s
            if not lost:
                delays.append(delay_s)
        return delays


@dataclass(slots=True)
class Counts:
    """What went over the link, both ways: datagrams and bytes as sent, what never arrived, what was repeated."""

    sent: int = 0
    lost: int = 0
    doubled: int = 0
    retransmitted: int = 0
    bytes: int = 0


def _no_tap(data: bytes, node: Address, up: bool) -> None:
    return


class _Near(asyncio.DatagramProtocol):
    """Where the nodes send to."""

    def __init__(self, link: "LossyLink") -> None:
        self._link = link

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._link.from_node(data, addr)


class _Far(asyncio.DatagramProtocol):
    """One socket towards the gateway for each node, so that the gateway tells them apart."""

    def __init__(self, link: "LossyLink", node: Address) -> None:
        self._link = link
        self._node = node

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._link.from_gateway(data, self._node)

    def error_received(self, exc: Exception) -> None:
        """The gateway is not there: like a radio, we do not mind."""


class LossyLink:
    """Open between `start` and `close`. `address` is where nodes find the gateway.

    `tap(data, node, up)` sees every datagram as it was sent, lost ones too; `node` is its address."""

    def __init__(self, gateway: Address, faults: Faults, seed: int) -> None:
        self._gateway = gateway
        self._faults = faults
        self._random = random.Random(seed)
        self._near: asyncio.DatagramTransport | None = None
        self._far: dict[Address, asyncio.DatagramTransport] = {}
        self._opening: set[Address] = set()
        self._recent: dict[Address, deque[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self.counts = Counts()
        self.tap: Callable[[bytes, Address, bool], None] = _no_tap
        self.address: Address = ("", 0)

    async def start(self) -> Address:
        """Open the near side on a free loopback port -> its address."""
        loop = asyncio.get_running_loop()
        self._near, _ = await loop.create_datagram_endpoint(lambda: _Near(self), local_addr=("127.0.0.1", 0))
        host, port = self._near.get_extra_info("sockname")[:2]
        self.address = (host, port)
        return self.address

    async def close(self) -> None:
        """Close every socket, also those about to open; what is still flying is lost."""
        self._closed = True
        opening = list(self._tasks)
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        if self._near is not None:
            self._near.close()
        for transport in self._far.values():
            transport.close()
        self._far.clear()

    def from_node(self, data: bytes, node: Address) -> None:
        """A node sent something."""
        self.tap(data, node, True)
        recent = self._recent.setdefault(node, deque(maxlen=REMEMBERED))
        if data in recent:
            self.counts.retransmitted += 1
        recent.append(data)
        for delay_s in self._fly(data):
            asyncio.get_running_loop().call_later(delay_s, self._to_gateway, data, node)

    def from_gateway(self, data: bytes, node: Address) -> None:
        """The gateway answered a node."""
        self.tap(data, node, False)
        for delay_s in self._fly(data):
            asyncio.get_running_loop().call_later(delay_s, self._to_node, data, node)

    def _fly(self, data: bytes) -> list[float]:
        delays = self._faults.fate(self._random)
        self.counts.sent += 1
        self.counts.bytes += len(data)
        self.counts.lost += not delays
        self.counts.doubled += len(delays) > 1
        return delays

    def _to_node(self, data: bytes, node: Address) -> None:
        if self._near is not None and not self._near.is_closing():
            self._near.sendto(data, node)

    def _to_gateway(self, data: bytes, node: Address) -> None:
        far = self._far.get(node)
        if far is not None:
            if not far.is_closing():
                far.sendto(data)
        elif node not in self._opening and not self._closed:
            self._opening.add(node)
            task = asyncio.get_running_loop().create_task(self._open(data, node))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self, data: bytes, node: Address) -> None:
        loop = asyncio.get_running_loop()
        far, _ = await loop.create_datagram_endpoint(lambda: _Far(self, node), remote_addr=self._gateway)
        self._far[node] = far
        self._opening.discard(node)
        far.sendto(data)
