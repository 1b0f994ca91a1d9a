"""Wires the receiving side: sockets, server, ingest, store. Gateway, bench and simulator open the very same."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Protocol

from comatrix.gateway.clock import SYSTEM, Clocks
from comatrix.gateway.config.settings import LimitsSettings
from comatrix.gateway.directory import Directory
from comatrix.gateway.edges.receiver import Receiver, Seen
from comatrix.gateway.edges.store import records, status
from comatrix.gateway.edges.store.reception import Reception
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.edges.udp import Verbs
from comatrix.gateway.model import NewRecord, SecureAddress
from comatrix.gateway.uplink.address_proof import AddressProof
from comatrix.gateway.uplink.admission import Admission, Rates
from comatrix.gateway.uplink.associations import Associations, PlainAddress
from comatrix.gateway.uplink.carrying import Mail, NoMail
from comatrix.gateway.uplink.formats.reading import Profile
from comatrix.gateway.uplink.ingest import Ingest
from comatrix.gateway.uplink.recent import Recent
from comatrix.session.duplicates import EXCHANGE_LIFETIME_MS
from comatrix.session.exchange import Parameters
from comatrix.session.server import Knock, Server
from comatrix.session.serving import ServingEndpoint


class Datagrams(Protocol):
    """What feeds the receiver: edges.udp.UdpEdge, or the simulator's air."""

    def start(self, verbs: Verbs) -> None:
        """Begin to read."""

    def flush(self) -> None:
        """Send what is ready, soon."""


class Secure(Protocol):
    """Where answers go that belong inside a DTLS association: edges.dtls.edge.DtlsEdge."""

    def send(self, data: bytes, addr: SecureAddress) -> None:
        """Protect one message."""

    def flush(self) -> None:
        """Send what was protected."""


def start_receiving(
    limits: LimitsSettings,
    store: Store,
    associations: Associations,
    directory: Directory,
    udp: Datagrams,
    *,
    rates: Rates,
    stored: Callable[[NewRecord, int], None],
    knock: Callable[[Knock, int], None],
    mail: Mail | None = None,
    profiles: Mapping[str, Profile] | None = None,
    seen: Seen | None = None,
    secure: Secure | None = None,
    clocks: Clocks = SYSTEM,
    random: Callable[[int], int] = secrets.randbelow,
) -> Receiver:
    """The sockets of `udp` are read from now on. `stored` and `knock` are told in the event loop's thread.

    `mail` None: nothing ever waits for a node. `seen` as in Receiver. `profiles` as in Ingest. `secure` None: no DTLS.
    """
    parameters = Parameters(peer_duplicates=limits.duplicates_per_peer, all_duplicates=4 * limits.peers)
    server = Server(ServingEndpoint(random, parameters), associations)
    since_ms = clocks.wall_ms() - EXCHANGE_LIFETIME_MS
    tasks: set[asyncio.Task[None]] = set()

    def start(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    receiver = Receiver(
        server,
        associations,
        Ingest(directory.room, directory.next_seq, directory.granted, profiles),
        Reception(store),
        directory.node,
        Recent(store.read(lambda connection: records.recent_requests(connection, since_ms))),
        Admission(rates, knock),
        mail or NoMail(),
        AddressProof(random),
        highest_seq=directory.highest_seq,
        monotonic_ms=clocks.monotonic_ms,
        wall_ms=clocks.wall_ms,
        flush=udp.flush,
        start=start,
        stored=stored,
        knock=knock,
        seen=seen,
        interval_s=lambda node: store.read(lambda connection: status.of(connection, node)).wake_interval_s,
    )
    to_send = server.datagrams_to_send if secure is None else partial(_parted, server, secure)
    udp.start(Verbs(receiver.receive_datagram, to_send, server.next_deadline, server.handle_timer))
    return receiver


def _parted(server: Server, secure: Secure, now: int) -> list[tuple[bytes, PlainAddress]]:
    """What goes out by the plain sockets; the rest is protected and sent."""
    ready = server.datagrams_to_send(now)
    plain = []
    for data, addr in ready:
        if isinstance(addr, SecureAddress):
            secure.send(data, addr)
        else:
            plain.append((data, addr))
    if len(plain) != len(ready):
        secure.flush()
    return plain


def rates_of(limits: LimitsSettings) -> Rates:
    """What the configuration allows nodes and strangers."""
    return Rates(
        node=limits.node_rate,
        node_burst=limits.node_burst,
        address=limits.address_rate,
        address_burst=limits.address_burst,
        addresses=limits.peers,
        crowd=limits.strangers_rate,
        answers=limits.refusals_rate,
    )
