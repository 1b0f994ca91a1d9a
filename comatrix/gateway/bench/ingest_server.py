"""The gateway's ingest path as a process of its own, without Matrix: `python -m ...ingest_server FOLDER SECURITY`.

Sockets, server, receiver and store are the gateway's, opened as `gateway.app` does; nobody posts what was stored. The
database in FOLDER must hold the nodes. The port stands on the first line of standard output.
"""

import asyncio
import cProfile
import secrets
import signal
import sys
from pathlib import Path

from comatrix.gateway.aead import aead
from comatrix.gateway.clock import monotonic_ms, wall_ms
from comatrix.gateway.collector import settle
from comatrix.gateway.config.settings import DtlsSettings, Settings
from comatrix.gateway.directory import Directory
from comatrix.gateway.edges.dtls.edge import DtlsEdge
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.edges.udp import UdpEdge
from comatrix.gateway.receiving import start_receiving
from comatrix.gateway.receiving_dtls import open_dtls, start_dtls
from comatrix.gateway.uplink.admission import Rates
from comatrix.gateway.uplink.associations import Associations

DATABASE = "comatrix.db"
DTLS = DtlsSettings(listen="127.0.0.1:0")
UNLIMITED = Rates(node=60_000_000)  # the buckets are looked at, but no node of the load is slowed down


def main(folder: Path, security: str, profile: Path | None) -> None:
    """Serve until SIGTERM. `profile`: where the loop's cProfile statistics go."""
    profiler = cProfile.Profile() if profile else None
    asyncio.run(_serve(folder, security, profiler))
    if profiler is not None and profile is not None:
        profiler.dump_stats(profile)


async def _serve(folder: Path, security: str, profiler: cProfile.Profile | None) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    store = Store.open(folder / DATABASE, wall_ms())
    udp = UdpEdge([("127.0.0.1", 0)], Settings().udp.receive_buffer, monotonic_ms)
    dtls = open_dtls(DTLS) if security == "dtls" else None
    try:
        _start(store, udp, security == "plain", dtls)
        settle()
        sys.stdout.write(f"{udp.addresses[0][1] if dtls is None else dtls.address[1]}\n")
        sys.stdout.flush()
        if profiler is not None:
            profiler.enable()
        await stop.wait()
        if profiler is not None:
            profiler.disable()
    finally:
        if dtls is not None:
            dtls.close()
        udp.close()
        await store.aclose()


def _start(store: Store, udp: UdpEdge, plain: bool, dtls: DtlsEdge | None) -> None:
    associations = Associations(aead, secrets.randbelow, frozenset((0,)) if plain else frozenset())
    directory = Directory(store, associations)
    receiver = start_receiving(
        Settings().limits,
        store,
        associations,
        directory,
        udp,
        rates=UNLIMITED,
        stored=lambda record, row: None,
        knock=lambda knock, now: None,
        secure=dtls,
    )
    if dtls is not None:
        start_dtls(
            DTLS,
            Path(),
            dtls,
            store,
            directory,
            receiver,
            knock=lambda knock, now: None,
            flush=udp.flush,
            start=asyncio.get_running_loop().create_task,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]) if len(sys.argv) > 3 else None)
