"""The gateway's ingest path as a process of its own, without Matrix: `python -m ...ingest_server FOLDER SECURITY`.

Sockets, server, receiver and store are the gateway's, wired as `gateway.app` does; nobody posts what was stored. The
database in FOLDER must hold the nodes. The port stands on the first line of standard output.
"""

import asyncio
import cProfile
import secrets
import signal
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from comatrix.gateway.aead import aead
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.directory import Directory
from comatrix.gateway.edges.receiver import Receiver
from comatrix.gateway.edges.store.reception import Reception
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.edges.udp import UdpEdge, Verbs
from comatrix.gateway.uplink.associations import Associations
from comatrix.gateway.uplink.ingest import Ingest
from comatrix.gateway.uplink.recent import Recent
from comatrix.session.exchange import Parameters
from comatrix.session.server import Server
from comatrix.session.serving import ServingEndpoint

DATABASE = "comatrix.db"


def main(folder: Path, security: str, profile: Path | None) -> None:
    """Serve until SIGTERM. `profile`: where the loop's cProfile statistics go."""
    profiler = cProfile.Profile() if profile else None
    asyncio.run(_serve(folder, security == "plain", profiler))
    if profiler is not None and profile is not None:
        profiler.dump_stats(profile)


async def _serve(folder: Path, plain: bool, profiler: cProfile.Profile | None) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    store = Store.open(folder / DATABASE, _wall_ms())
    udp = UdpEdge([("127.0.0.1", 0)], Settings().udp.receive_buffer, _monotonic_ms)
    try:
        _start(store, udp, plain)
        sys.stdout.write(f"{udp.addresses[0][1]}\n")
        sys.stdout.flush()
        if profiler is not None:
            profiler.enable()
        await stop.wait()
        if profiler is not None:
            profiler.disable()
    finally:
        udp.close()
        await store.aclose()


def _start(store: Store, udp: UdpEdge, plain: bool) -> None:
    limits = Settings().limits
    associations = Associations(aead, secrets.randbelow, frozenset((0,)) if plain else frozenset())
    directory = Directory(store, associations)
    parameters = Parameters(peer_duplicates=limits.duplicates_per_peer, all_duplicates=4 * limits.peers)
    server = Server(ServingEndpoint(secrets.randbelow, parameters), associations)
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    def start(work: Coroutine[Any, Any, None]) -> None:
        task = loop.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    receiver = Receiver(
        server,
        associations,
        Ingest(directory.room, directory.next_seq),
        Reception(store),
        directory.node,
        Recent(()),
        highest_seq=directory.highest_seq,
        monotonic_ms=_monotonic_ms,
        wall_ms=_wall_ms,
        flush=udp.flush,
        start=start,
        stored=lambda record, row: None,
        knock=lambda knock: None,
    )
    udp.start(Verbs(receiver.receive_datagram, server.datagrams_to_send, server.next_deadline, server.handle_timer))


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]) if len(sys.argv) > 3 else None)
