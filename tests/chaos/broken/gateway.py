"""A gateway of the real parts, of which a test may exchange one: sockets, receiver, store, poster, Matrix client.

It has no control socket and follows no rooms. The unbroken one must pass what the broken ones fail.
"""

import asyncio
import secrets
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from comatrix.gateway.aead import aead
from comatrix.gateway.clock import monotonic_ms, wall_ms
from comatrix.gateway.config.load import load
from comatrix.gateway.config.paths import find_paths
from comatrix.gateway.config.secrets import Secrets, read_secrets
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.config.values import endpoint
from comatrix.gateway.directory import Directory
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.poster import Poster
from comatrix.gateway.edges.store.delivery import Delivery
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.edges.udp import UdpEdge
from comatrix.gateway.receiving import start_receiving
from comatrix.gateway.uplink.admission import Rates
from comatrix.gateway.uplink.associations import Associations

TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What can be exchanged."""

    store: Callable[[Path], Store] = lambda path: Store.open(path, wall_ms())
    client: type[MatrixClient] = MatrixClient
    delivery: type[Delivery] = Delivery


async def serve(home: Path, parts: Parts) -> None:
    """Run in a provisioned folder until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    paths = find_paths(str(home), {}, home)
    settings = load(paths.config, {})
    kept = read_secrets(paths.secrets)
    async with AsyncExitStack() as stack:
        client = parts.client(settings.homeserver.url, timeout_s=TIMEOUT_S).take(kept)
        stack.push_async_callback(client.aclose)
        store = parts.store(paths.database)
        stack.push_async_callback(store.aclose)
        udp = UdpEdge([endpoint(text) for text in settings.udp.bind], settings.udp.receive_buffer, monotonic_ms)
        stack.callback(udp.close)
        poster = _poster(store, client, parts, kept)
        _receive(settings, store, udp, poster)
        posting = asyncio.create_task(poster.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([posting, stopping], return_when=asyncio.FIRST_COMPLETED)
        posting.cancel()
        await asyncio.wait([posting])
        if not posting.cancelled():
            posting.result()


def _poster(store: Store, client: MatrixClient, parts: Parts, kept: Secrets) -> Poster:
    return Poster(
        parts.delivery(store, sender=kept.user_id, device=kept.device_id),
        client,
        now_ms=wall_ms,
        wait=_wait_until,
        tell=print,
        random=secrets.randbelow,
        timezone=UTC,
    )


def _receive(settings: Settings, store: Store, udp: UdpEdge, poster: Poster) -> None:
    associations = Associations(aead, secrets.randbelow, frozenset())
    start_receiving(
        settings.limits,
        store,
        associations,
        Directory(store, associations),
        udp,
        rates=Rates(node=6_000_000, node_burst=6_000_000),
        stored=lambda record, row: poster.poke(),
        knock=lambda knock, now: None,
    )


async def _wait_until(until_ms: int) -> None:
    await asyncio.sleep(max(0, until_ms - wall_ms()) / 1000)
