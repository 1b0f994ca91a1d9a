"""Wires the DTLS side: its socket, its sessions and keys, the receiver above. Gateway and bench open the very same."""

import secrets
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from comatrix.gateway.clock import SYSTEM, Clocks
from comatrix.gateway.config.settings import DtlsSettings
from comatrix.gateway.config.values import endpoint, span_ms
from comatrix.gateway.directory import Directory
from comatrix.gateway.edges.dtls import engine as states
from comatrix.gateway.edges.dtls.edge import DtlsEdge
from comatrix.gateway.edges.dtls.openssl import Certificates, OpenSslEngine
from comatrix.gateway.edges.dtls.sessions import LISTENER, Caps, Sessions, SockAddr
from comatrix.gateway.edges.receiver import Receiver
from comatrix.gateway.edges.store import dtls_keys
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import SecureAddress
from comatrix.gateway.uplink.dtls_keys import DtlsKeys
from comatrix.session.server import Knock


def open_dtls(settings: DtlsSettings, clocks: Clocks = SYSTEM) -> DtlsEdge:
    """The bound socket, not read yet. Raises GatewayError."""
    return DtlsEdge(endpoint(settings.listen), settings.receive_buffer, clocks.monotonic_ms)


def start_dtls(
    settings: DtlsSettings,
    home: Path,
    edge: DtlsEdge,
    store: Store,
    directory: Directory,
    receiver: Receiver,
    *,
    knock: Callable[[Knock, int], None],
    flush: Callable[[], None],
    start: Callable[[Coroutine[Any, Any, None]], object],
    clocks: Clocks = SYSTEM,
) -> None:
    """The socket is read from now on. `home`: where relative paths of certificates begin. Raises GatewayError."""
    keys = directory.dtls_keys
    engine = OpenSslEngine(
        keys.key_of,
        mtu=settings.mtu,
        certificates=_certificates(settings, home),
        known=lambda identity: keys.node_of(identity) is not None,
    )
    above = _Above(store, directory, keys, receiver, knock, start)
    caps = Caps(settings.sessions, settings.handshakes, settings.handshakes_of_source, span_ms(settings.idle))
    edge.start(Sessions(engine, above, caps, secrets.token_bytes, clocks.monotonic_ms()), flush)
    keys.on_lost = edge.drop


def _certificates(settings: DtlsSettings, home: Path) -> Certificates | None:
    if not settings.authority:
        return None
    return Certificates(home / settings.certificate, home / settings.certificate_key, home / settings.authority)


class _Above:
    """What sessions.Sessions tells: nodes by their identities, and the receiver."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        keys: DtlsKeys,
        receiver: Receiver,
        knock: Callable[[Knock, int], None],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._store = store
        self._directory = directory
        self._keys = keys
        self._receiver = receiver
        self._knock = knock
        self._start = start
        self.receive = receiver.receive_datagram

    def node_of(self, identity: bytes) -> int | None:
        """As sessions.Above."""
        superseded = self._keys.superseded(identity)
        if superseded is not None:
            self._start(self._settle(superseded.node, superseded.generation))
        return self._keys.node_of(identity)

    async def _settle(self, node: int, generation: int) -> None:
        await self._store.run(lambda connection: dtls_keys.settle(connection, node, generation))
        self._directory.changed("node", node)

    def allows(self, sockaddr: SockAddr, now: int) -> bool:
        """As sessions.Above."""
        return self._receiver.admission.allows_address((LISTENER, sockaddr), now)

    def turned_away(self, reason: str, sockaddr: SockAddr, identity: bytes | None, now: int) -> None:
        """As sessions.Above."""
        addr = LISTENER, sockaddr
        self._receiver.admission.failed(addr, now)
        node = None if identity is None else self._keys.node_of(identity)
        if reason == states.WRONG_KEY and node is not None:
            self._knock(Knock("wrong key", addr, None, node), now)
        elif reason == states.UNKNOWN_IDENTITY and identity is not None:
            why, blocked = self._keys.turned_away(identity)
            self._knock(Knock(why, addr, identity, blocked), now)
        else:
            self._knock(Knock("no handshake", addr, None, None), now)

    def opened(self, addr: SecureAddress, now: int) -> None:
        """As sessions.Above."""
        self._receiver.admission.proved(addr, now)

    def ended(self, addr: SecureAddress) -> None:
        """As sessions.Above."""
        self._receiver.observers.ended(addr)
