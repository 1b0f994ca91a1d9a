"""The gateway's receiving side with real sockets: plain UDP, DTLS and a store on disk, without Matrix."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comatrix.gateway.aead import aead
from comatrix.gateway.clock import monotonic_ms, wall_ms
from comatrix.gateway.config.settings import DtlsSettings, LimitsSettings
from comatrix.gateway.directory import Directory
from comatrix.gateway.edges.dtls.edge import DtlsEdge
from comatrix.gateway.edges.receiver import Receiver
from comatrix.gateway.edges.store import dtls_keys, nodes, rooms
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.edges.udp import UdpEdge
from comatrix.gateway.model import NewRecord, Node
from comatrix.gateway.receiving import rates_of, start_receiving
from comatrix.gateway.receiving_dtls import open_dtls, start_dtls
from comatrix.gateway.uplink.associations import Associations
from comatrix.gateway.uplink.carrying import Mail
from comatrix.gateway.uplink.knocks import Knocks

KEY = b"0123456789abcdef"
IDENTITY = b"garden"


@dataclass(slots=True)
class DtlsGateway:
    """`stored`, `told`: records that reached the disk, lines to the operator."""

    store: Store
    udp: UdpEdge
    dtls: DtlsEdge
    directory: Directory
    receiver: Receiver
    stored: list[NewRecord] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.dtls.address[1]

    async def until(self, count: int, within_s: float = 10.0) -> None:
        """Wait for so many stored records."""
        await eventually(lambda: len(self.stored) >= count, within_s)

    def node(self, number: int = 1) -> Node:
        found = self.store.read(lambda connection: nodes.by_number(connection, number))
        assert found is not None
        return found


async def eventually(true: Callable[[], bool], within_s: float = 10.0) -> None:
    """Wait for something that is seen and not told. Raises AssertionError."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + within_s
    while not true():
        assert loop.time() < until_s, "it did not come to pass"
        await asyncio.sleep(0.01)


def provision(store: Store, name: str = "garden", identity: bytes = IDENTITY, key: bytes = KEY) -> Node:
    """A node that comes over DTLS."""
    room = store.read(rooms.all_rooms) or [store.write(lambda connection: rooms.add(connection, "!r:localhost"))]
    node = store.write(lambda connection: nodes.add(connection, name, room[0].id, now_ms=0, security="dtls"))
    store.write(lambda connection: dtls_keys.add(connection, node.number, identity, key))
    return node


@contextlib.asynccontextmanager
async def dtls_gateway(
    folder: Path,
    settings: DtlsSettings | None = None,
    mail: Mail | None = None,
    limits: LimitsSettings | None = None,
    key: bytes = KEY,
) -> AsyncIterator[DtlsGateway]:
    """Started, with the node garden; closed at the end."""
    settings = settings or DtlsSettings(listen="127.0.0.1:0")
    limits = limits or LimitsSettings()
    store = Store.open(folder / "comatrix.db", wall_ms())
    provision(store, key=key)
    udp = UdpEdge([("127.0.0.1", 0)], 262_144, monotonic_ms)
    dtls = open_dtls(settings)
    tasks: set[asyncio.Task[None]] = set()

    def start(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    stored: list[NewRecord] = []
    told: list[str] = []
    associations = Associations(aead, secrets.randbelow, frozenset())
    directory = Directory(store, associations)
    knocks = Knocks(told.append, directory.name)
    receiver = start_receiving(
        limits, store, associations, directory, udp,
        rates=rates_of(limits), stored=lambda record, row: stored.append(record), knock=knocks.note,
        mail=mail, secure=dtls,
    )  # fmt: skip
    start_dtls(settings, folder, dtls, store, directory, receiver, knock=knocks.note, flush=udp.flush, start=start)
    try:
        yield DtlsGateway(store, udp, dtls, directory, receiver, stored, told)
    finally:
        dtls.close()
        udp.close()
        await store.aclose()
