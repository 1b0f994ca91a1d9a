"""All peers of one DTLS socket: who gets a cookie, who an association, and when that ends. No socket, `now` in ms.

A live association is never touched by anything that is not authenticated. A peer that rebooted and comes back from the
same port proves with a cookie that it is there, and shakes hands in a second, provisional association; that one takes
the place of the live one when it is finished.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from comatrix.gateway.edges.dtls import engine as states
from comatrix.gateway.edges.dtls.cookies import Cookies
from comatrix.gateway.edges.dtls.engine import Association, Engine
from comatrix.gateway.edges.dtls.hello import HelloError, is_hello, read_hello_untrusted, verify_request
from comatrix.gateway.model import SecureAddress
from comatrix.gateway.uplink.admission import network

LISTENER = -1  # the number of this socket in a SecureAddress: none of [udp]
HANDSHAKE_MS = 60_000  # after so long an unfinished one is given up
TICK_MS = 100  # how exactly flights are repeated
IDLE_LOOK_MS = 10_000
PATIENCE_MS = 5_000  # while all places are taken, an unfinished one older than this makes room
WAITING = 4_096  # hellos with a good cookie that wait for a place
WAIT_MS = 10_000  # by then their senders have said it again
OF_NODE = 4  # associations one node may have at a time: what it left behind, and clients side by side

SockAddr = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Caps:
    """Associations at a time, handshakes unfinished at a time in all and of one source, and when silence ends one."""

    sessions: int = 4_096
    handshakes: int = 256
    handshakes_of_source: int = 64
    idle_ms: int = 86_400_000


class Above(Protocol):
    """What the sessions tell, and ask."""

    def node_of(self, identity: bytes) -> int | None:
        """The node with this identity, if it is heard."""

    def allows(self, sockaddr: SockAddr, now: int) -> bool:
        """Whether a handshake may begin from here: not too many failed before."""

    def turned_away(self, reason: str, sockaddr: SockAddr, identity: bytes | None, now: int) -> None:
        """A handshake failed; `reason` as in engine."""

    def opened(self, addr: SecureAddress, now: int) -> None:
        """A node has an association."""

    def receive(self, data: bytes, addr: SecureAddress, now: int) -> None:
        """A message came through it."""

    def ended(self, addr: SecureAddress) -> None:
        """It is no more."""


class Session:
    """One association and where it is. `address` None: not finished."""

    __slots__ = ("address", "association", "began_ms", "heard_ms", "random", "sockaddr", "suspected")

    def __init__(self, sockaddr: SockAddr, association: Association, random: bytes, now: int) -> None:
        self.sockaddr = sockaddr
        self.association = association
        self.random = random
        self.address: SecureAddress | None = None
        self.began_ms = self.heard_ms = now
        self.suspected = False


class Sessions:
    """`random_bytes` must be a cryptographic source."""

    def __init__(
        self, engine: Engine, above: Above, caps: Caps, random_bytes: Callable[[int], bytes], now: int
    ) -> None:
        self._engine = engine
        self._above = above
        self._caps = caps
        self._cookies = Cookies(random_bytes, now)
        self._live: OrderedDict[SockAddr, Session] = OrderedDict()  # the one silent for longest first
        self._shaking: dict[SockAddr, Session] = {}
        self._of_source: dict[str, int] = {}  # unfinished handshakes of a network
        self._waiting: OrderedDict[SockAddr, tuple[bytes, bytes, int]] = OrderedDict()  # hello, its random, since when
        self._of_node: dict[int, list[Session]] = {}
        self._last = 0
        self._out: list[tuple[bytes, SockAddr]] = []
        self._idle_look_ms = now + IDLE_LOOK_MS
        self.handshakes = self.cookies = self.strays = self.evicted = self.put_off = 0

    def __len__(self) -> int:
        return len(self._live)

    @property
    def unfinished(self) -> int:
        """Handshakes under way."""
        return len(self._shaking)

    # The six verbs

    def receive_datagram(self, data: bytes, sockaddr: SockAddr, now: int) -> None:
        """A datagram as it came."""
        self._received(data, sockaddr, now)
        if self._waiting:
            self._next(now)

    def _received(self, data: bytes, sockaddr: SockAddr, now: int) -> None:
        live = self._live.get(sockaddr)
        if live is not None and not self._shaking and data[3:5] != b"\0\0":
            self._to_live(live, data, now)  # nearly always
        elif is_hello(data):
            self._hello(data, sockaddr, now)
        else:
            self._routed(live, self._shaking.get(sockaddr), data, now)

    def send(self, data: bytes, addr: SecureAddress) -> None:
        """Protect a message for the association it belongs to. Without effect if that is no more."""
        session = self._live.get(addr.sockaddr)
        if session is not None and session.address == addr:
            session.association.send(data)
            self._collect(session)

    def datagrams_to_send(self) -> list[tuple[bytes, SockAddr]]:
        """What is to be transmitted now."""
        out, self._out = self._out, []
        return out

    def next_deadline(self, now: int) -> int | None:
        """When `handle_timer` is due, or None."""
        if self._shaking:
            return now + TICK_MS
        return max(now, self._idle_look_ms) if self._live else None

    def handle_timer(self, now: int) -> None:
        """Repeat flights, give up handshakes, end what is silent for too long."""
        for session in list(self._shaking.values()):
            self._tick(session, now)
        self._next(now)
        if now < self._idle_look_ms:
            return
        self._idle_look_ms = now + IDLE_LOOK_MS
        while self._live:
            oldest = next(iter(self._live.values()))
            if now - oldest.heard_ms < self._caps.idle_ms:
                break
            self._end(oldest)

    def drop(self, node: int, identities: set[bytes]) -> None:
        """End a node's associations under these identities: it is blocked, revoked, or has other keys."""
        for session in list(self._of_node.get(node, ())):
            if session.association.identity in identities:
                self._end(session)

    def close(self) -> None:
        """End all, with a word to each peer."""
        for session in list(self._live.values()):
            self._end(session)
        for session in list(self._shaking.values()):
            self._give_up(session)

    # Handshakes

    def _hello(self, data: bytes, sockaddr: SockAddr, now: int) -> None:
        try:
            hello = read_hello_untrusted(data)
        except HelloError:
            self.strays += 1
            return
        where = repr(sockaddr[:2]).encode()
        if not self._cookies.good(where, hello, now):
            self.cookies += 1
            self._out.append((verify_request(hello, self._cookies.make(where, hello, now)), sockaddr))
            return
        live, shaking = self._live.get(sockaddr), self._shaking.get(sockaddr)
        if live is not None and live.random == hello.random:
            return  # late, or twice: it began the association there is
        if shaking is not None:
            if shaking.random == hello.random:
                return  # its answer is repeated by the engine's timer
            self._give_up(shaking)
        self._begin(data, sockaddr, hello.random, now)

    def _begin(self, data: bytes, sockaddr: SockAddr, random: bytes, now: int) -> None:
        source = network(sockaddr[0])
        crowded = self._of_source.get(source, 0) >= self._caps.handshakes_of_source
        if crowded or not self._above.allows(sockaddr, now):
            self.put_off += 1  # the peer says it again, later each time
            return
        if len(self._shaking) >= self._caps.handshakes and not self._make_room(now):
            self._wait(data, sockaddr, random, now)
            return
        self._waiting.pop(sockaddr, None)
        association = self._engine.accept(data)
        if association is None:
            return
        session = Session(sockaddr, association, random, now)
        self._shaking[sockaddr] = session
        self._of_source[source] = self._of_source.get(source, 0) + 1
        self._advanced(session, now)

    def _make_room(self, now: int) -> bool:
        """Give up the oldest unfinished handshake, if it makes no progress -> whether there is a place."""
        oldest = next(iter(self._shaking.values()))
        if now - oldest.began_ms < PATIENCE_MS:
            return False
        self._give_up(oldest)
        return True

    def _wait(self, data: bytes, sockaddr: SockAddr, random: bytes, now: int) -> None:
        """Keep a hello until there is a place: its sender would say it again only after a second, then after two."""
        self.put_off += 1
        self._waiting.pop(sockaddr, None)
        if len(self._waiting) < WAITING:
            self._waiting[sockaddr] = data, random, now

    def _next(self, now: int) -> None:
        """There is a place: whoever waits longest, and not for too long, has it."""
        while self._waiting and len(self._shaking) < self._caps.handshakes:
            sockaddr, (data, random, since_ms) = self._waiting.popitem(last=False)
            if now - since_ms < WAIT_MS and sockaddr not in self._shaking:
                self._begin(data, sockaddr, random, now)

    def _advanced(self, session: Session, now: int) -> None:
        """A handshake took a step."""
        association = session.association
        self._collect(session)
        if association.state == states.OPEN:
            self._leave_shaking(session)
            self._open(session, now)
        elif association.state == states.OVER:
            self._leave_shaking(session)
            if association.reason != states.CLOSED:
                self._above.turned_away(association.reason, session.sockaddr, association.identity, now)
        elif association.reason and not session.suspected:
            session.suspected = True
            self._above.turned_away(association.reason, session.sockaddr, association.identity, now)

    def _open(self, session: Session, now: int) -> None:
        association, sockaddr = session.association, session.sockaddr
        node = None if association.identity is None else self._above.node_of(association.identity)
        old = self._live.get(sockaddr)
        if node is None:
            association.close()
            self._collect(session)
            self._above.turned_away(states.UNKNOWN_IDENTITY, sockaddr, association.identity, now)
            return
        if old is not None:
            self._end(old, notify=False)  # the peer forgot it
        others = self._of_node.setdefault(node, [])
        if len(others) >= OF_NODE:
            self._end(min(others, key=lambda one: one.heard_ms))
        while len(self._live) >= self._caps.sessions:
            self.evicted += 1
            self._end(next(iter(self._live.values())))
        self._last += 1
        self.handshakes += 1
        session.address = SecureAddress(LISTENER, sockaddr, node, self._last)
        session.heard_ms = now
        self._live[sockaddr] = session
        self._of_node.setdefault(node, []).append(session)
        self._above.opened(session.address, now)

    def _tick(self, session: Session, now: int) -> None:
        association = session.association
        if now - session.began_ms >= HANDSHAKE_MS:
            self._give_up(session)
            if not session.suspected:
                self._above.turned_away(states.FAILED, session.sockaddr, association.identity, now)
            return
        due_ms = association.timeout_ms()
        if due_ms is not None and due_ms <= 0:
            association.handle_timer()
            self._advanced(session, now)

    def _give_up(self, session: Session) -> None:
        session.association.close()
        self._leave_shaking(session)

    def _leave_shaking(self, session: Session) -> None:
        if self._shaking.get(session.sockaddr) is not session:
            return
        del self._shaking[session.sockaddr]
        source = network(session.sockaddr[0])
        self._of_source[source] -= 1
        if not self._of_source[source]:
            del self._of_source[source]

    # Records

    def _routed(self, live: Session | None, shaking: Session | None, data: bytes, now: int) -> None:
        if live is None and shaking is None:
            self.strays += 1
            return
        if live is not None and (shaking is None or data[3:5] != b"\0\0") and self._to_live(live, data, now):
            return
        if shaking is not None:
            plaintexts = shaking.association.receive_datagram(data)
            self._advanced(shaking, now)
            self._deliver(shaking, plaintexts, now)

    def _to_live(self, session: Session, data: bytes, now: int) -> bool:
        """-> whether it was for this association: something in it verified."""
        association = session.association
        plaintexts = association.receive_datagram(data)
        if association.out:
            self._collect(session)
        if plaintexts:
            session.heard_ms = now
            self._live.move_to_end(session.sockaddr)
            self._deliver(session, plaintexts, now)
        if association.state == states.OVER:
            self._end(session)
            return True
        return bool(plaintexts)

    def _deliver(self, session: Session, plaintexts: list[bytes], now: int) -> None:
        if session.address is not None:
            for plaintext in plaintexts:
                self._above.receive(plaintext, session.address, now)

    def _end(self, session: Session, *, notify: bool = True) -> None:
        """Forget a live association. `notify`: its peer is told."""
        address = session.address
        if address is None or self._live.get(session.sockaddr) is not session:
            return
        del self._live[session.sockaddr]
        of_node = self._of_node[address.node]
        of_node.remove(session)
        if not of_node:
            del self._of_node[address.node]
        session.association.close()
        if notify:
            self._collect(session)
        self._above.ended(address)

    def _collect(self, session: Session) -> None:
        association = session.association
        if association.out:
            self._out.extend((datagram, session.sockaddr) for datagram in association.out)
            association.out = []
