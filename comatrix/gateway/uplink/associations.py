"""Which node speaks: OSCORE contexts by kid, plain nodes by address; the gateway's half of RFC 8613 Appendix B.2."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from comatrix.errors import OscoreError
from comatrix.gateway.model import Node, SecureAddress, SecurityContext
from comatrix.gateway.uplink.resting import Resting, pack, pack_stored
from comatrix.session import keys as naming
from comatrix.session import oscore
from comatrix.session.counter import Counter
from comatrix.session.keys import Keys, node_id
from comatrix.session.replay import Window
from comatrix.session.server import Peer, Rekeying

if TYPE_CHECKING:
    from collections.abc import Mapping

    from comatrix.session.endpoint import Random
    from comatrix.session.oscore import AeadFactory

COUNTER_STEP = 256  # sender counters reserved at once; a start wastes at most as many
OFFERS = 4  # R2 values remembered for a node while Appendix B.2 runs
OFFER_LIFETIME_MS = 600_000

PlainAddress = tuple[int, tuple[str, int]]  # (number of the listening socket, (IP address, port))
Address = PlainAddress | SecureAddress


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """A context that Appendix B.2 just made: to be stored before its first answer leaves."""

    node: int
    secret: bytes
    extra: bytes


class Associations:
    """Looked up for every request; changed when nodes are added, rotated, revoked or re-keyed.

    Nodes that have not spoken yet, or not for long (`rest`), are kept as bytes.
    """

    def __init__(self, aead: "AeadFactory", random: "Random", plain_listeners: frozenset[int]) -> None:
        self._aead = aead
        self._random = random
        self._plain_listeners = plain_listeners
        self._peers: dict[bytes, list[Peer]] = {}
        self._resting: dict[bytes, tuple[bytes, ...] | bytes] = {}
        self._spoke: set[bytes] = set()  # since the last `rest`
        self._rotating: set[int] = set()  # nodes with more than one context
        # An answer may still be on its way under a peer that rests: it is the same object that wakes then, since a
        # second one would give the same counters again.
        self._leaving: WeakValueDictionary[int, Peer] = WeakValueDictionary()
        self._secrets: dict[int, tuple[Keys, bytes]] = {}  # context id -> (keys, the bytes of Appendix B.2)
        self._plain: dict[str, Peer] = {}
        self._over_dtls: dict[int, Peer] = {}
        self._blocked: dict[bytes | str, int] = {}  # kid or plain address -> node
        self._offers: dict[bytes, list[tuple[bytes, Keys, int]]] = {}
        self.rekeyed: dict[int, Rekeyed] = {}  # by id(peer), until it is stored

    def load(self, node: Node, contexts: Iterable[SecurityContext]) -> None:
        """Replace what is known of a node; its contexts newest first. A revoked or blocked node is forgotten.

        An association that lives on stays the same object: its window and counter are ahead of the database.
        """
        kid = node_id(node.number)
        living = {peer.key: peer for peer in self._awake(kid)}
        plain = self._plain.get(node.address or "")
        over_dtls = self._over_dtls.get(node.number)
        self.forget(node.number)
        if node.revoked or node.blocked:
            self._offers.pop(kid, None)
            for peer in [peer for peer, made in self.rekeyed.items() if made.node == node.number]:
                del self.rekeyed[peer]
            if not node.revoked:
                self._blocked[node.address or kid] = node.number
            return
        if node.security == "plain":
            if node.address:
                same = plain is not None and plain.node == node.number
                self._plain[node.address] = plain if plain is not None and same else Peer(node.number, 0)
            return
        if node.security == "dtls":
            self._over_dtls[node.number] = over_dtls or Peer(node.number, 0)
        found = [context for context in contexts if context.state != "dead"]
        if len(found) > 1:
            self._rotating.add(node.number)
        if any(context.id in living for context in found):
            self._peers[kid] = [
                self._peer(Resting(pack_stored(one, COUNTER_STEP), COUNTER_STEP), living) for one in found
            ]
        elif found:
            self._lay_down(kid, [pack_stored(one, COUNTER_STEP) for one in found])

    def rest(self) -> None:
        """Let go of the keys of all nodes that have not spoken since the last call."""
        for kid in [kid for kid in self._peers if kid not in self._spoke]:
            packed = []
            for peer in self._peers.pop(kid):
                keys, extra = self._secrets.pop(peer.key)
                assert peer.window is not None
                assert peer.counter is not None
                packed.append(
                    pack(
                        peer.node,
                        peer.key,
                        peer.window,
                        peer.counter,
                        missing=peer.window_missing,
                        secret=keys.secret,
                        extra=extra,
                    )
                )
                self._leaving[peer.key] = peer
            self._lay_down(kid, packed)
        self._spoke.clear()

    def _lay_down(self, kid: bytes, packed: list[bytes]) -> None:
        self._resting[kid] = packed[0] if len(packed) == 1 else tuple(packed)

    def _awake(self, kid: bytes) -> list[Peer]:
        """The peers of a kid, woken where they rest."""
        peers = self._peers.get(kid)
        if peers is not None:
            return peers
        packed = self._resting.pop(kid, None)
        if packed is None:
            return []
        each = (packed,) if isinstance(packed, bytes) else packed
        woken = self._peers[kid] = [self._peer(Resting(one, COUNTER_STEP), self._leaving) for one in each]
        return woken

    def forget(self, number: int) -> None:
        """Drop all associations of a node."""
        kid = node_id(number)
        for peer in self._peers.pop(kid, []):
            self._secrets.pop(peer.key, None)
        self._resting.pop(kid, None)
        self._rotating.discard(number)
        self._over_dtls.pop(number, None)
        self._plain = {address: peer for address, peer in self._plain.items() if peer.node != number}
        self._blocked = {name: node for name, node in self._blocked.items() if node != number}

    def find(self, kid: bytes, kid_context: bytes | None) -> list[Peer]:
        """The contexts a request of this kid may be sealed with, the likeliest first."""
        # A window that cannot be trusted (restored copy) means that our own counters cannot be either: 4.01, so that
        # the node runs Appendix B.2. An Echo challenge would heal the window alone.
        peers = self._awake(kid)
        if peers:
            self._spoke.add(kid)
            if kid_context is None and len(peers) == 1 and not peers[0].window_missing:
                return peers  # nearly always
        peers = [peer for peer in peers if not peer.window_missing]
        if kid_context is None:
            return peers
        return [peer for peer in peers if self._names(peer, kid_context)]

    def turned_away(self, kid: bytes | None, addr: Address) -> tuple[str, int | None]:
        """Why a request that found no association is not heard, as a Knock says it, and the node it names."""
        if kid is None:
            return self._plain_turned_away(addr)
        if kid in self._blocked:
            return "blocked", self._blocked[kid]
        peers = self._awake(kid)
        if not peers:
            return "unknown node", None
        return ("old key" if all(peer.window_missing for peer in peers) else "wrong key"), peers[0].node

    def plain(self, addr: Address) -> Peer | None:
        """The node declared to speak plain CoAP from this address, on a listener that allows it, or inside its DTLS."""
        if isinstance(addr, SecureAddress):
            return self._over_dtls.get(addr.node)
        if addr[0] not in self._plain_listeners:
            return None
        return self._plain.get(_host(addr))

    def lives(self, peer: Peer) -> bool:
        """Whether this very association is still one a request may come in."""
        if peer.context is None:
            if self._over_dtls.get(peer.node) is peer:
                return True
            return any(peer is known for known in self._plain.values())
        return any(peer is known for known in self._awake(node_id(peer.node)))

    def _plain_turned_away(self, addr: Address) -> tuple[str, int | None]:
        host = _host(addr)
        if host in self._blocked:
            return "blocked", self._blocked[host]
        if host in self._plain:
            return "wrong listener", self._plain[host].node
        return ("wrong address" if addr[0] in self._plain_listeners else "no security"), None

    def rekey(self, kid: bytes, kid_context: bytes, counter: int, sealed: bytes, now: int) -> Rekeying | Peer | None:
        """Appendix B.2 steps 2 and 4; None when the bytes belong to neither or do not verify."""
        try:
            if len(kid_context) == naming.NONCE + 1:
                return self._offer(kid, naming.unwrap_untrusted(kid_context, naming.NONCE), counter, sealed, now)
            both = naming.unwrap_untrusted(kid_context, 2 * naming.NONCE)
            return self._accept(kid, both, counter, sealed, now)
        except OscoreError:
            return None

    def settled(self, peer: Peer, key: int) -> bool:
        """A re-keyed context is on disk as row `key`, in place of those of its secret. A newer secret waits on.

        -> whether it is heard: its node may have been blocked or revoked meanwhile."""
        made = self.rekeyed.pop(id(peer), None)
        peer.key = key
        if made is None:
            return False
        kid = node_id(made.node)
        newer: list[Peer] = []
        for known in self._awake(kid):
            if self._secrets[known.key][0].secret == made.secret:
                break
            newer.append(known)
        for old in self._awake(kid)[len(newer) :]:
            self._secrets.pop(old.key, None)
        self._secrets[key] = (self._keys(kid, made.secret), made.extra)
        self._peers[kid] = [*newer, peer]
        if newer:
            self._rotating.add(made.node)
        else:
            self._rotating.discard(made.node)
        self._offers.pop(kid, None)
        return True

    def abandoned(self, peer: Peer) -> None:
        """A re-keyed context could not be stored: it never existed, the node begins again."""
        self.rekeyed.pop(id(peer), None)

    def superseded(self, peer: Peer) -> bool:
        """Whether older contexts of this node still live; with this call they are forgotten, a newer one spoke."""
        if peer.node not in self._rotating:
            return False
        kid = node_id(peer.node)
        peers = self._peers.get(kid, [])
        if len(peers) < 2 or peers[0] is not peer:
            return False
        self._rotating.discard(peer.node)
        spoken = self._secrets[peer.key][0].secret
        for old in peers[1:]:
            self._secrets.pop(old.key, None)
        self._peers[kid] = [peer]
        # An offer under an older secret would bring that one back.
        if kept := [offer for offer in self._offers.pop(kid, []) if offer[1].secret == spoken]:
            self._offers[kid] = kept
        return True

    def _peer(self, stored: Resting, living: "Mapping[int, Peer]") -> Peer:
        keys = self._keys(node_id(stored.node), stored.secret)
        self._secrets[stored.key] = (keys, stored.extra)
        known = living.get(stored.key)
        if known is not None:
            return known
        peer = Peer(stored.node, stored.key, keys.context(stored.extra), stored.window, stored.counter)
        peer.window_missing = stored.missing
        return peer

    def _keys(self, kid: bytes, secret: bytes) -> Keys:
        return Keys(secret, b"", kid, self._aead)

    def _names(self, peer: Peer, kid_context: bytes) -> bool:
        keys, extra = self._secrets[peer.key]
        return kid_context in (keys.link + extra, naming.wrap(extra))

    def _offer(self, kid: bytes, first: bytes, counter: int, sealed: bytes, now: int) -> Rekeying | None:
        for peer in self._awake(kid):
            keys, _ = self._secrets[peer.key]
            try:
                _, _, _, binding = oscore.unprotect_request_untrusted(keys.context(first), counter, sealed)
            except OscoreError:
                continue
            second = bytes(self._random(256) for _ in range(naming.NONCE))
            offers = self._offers.setdefault(kid, [])
            offers.append((second, keys, now + OFFER_LIFETIME_MS))
            del offers[:-OFFERS]
            # This context seals one message only, so the request's nonce is as good as a counter of our own.
            return Rekeying(keys.context(second + first), binding, naming.wrap(second))
        return None

    def _accept(self, kid: bytes, both: bytes, counter: int, sealed: bytes, now: int) -> Peer | None:
        for second, keys, until in self._offers.get(kid, []):
            if second != both[: naming.NONCE] or until <= now:
                continue
            context = keys.context(both)
            oscore.unprotect_request_untrusted(context, counter, sealed)
            number = int.from_bytes(kid, "big")
            peer = Peer(number, 0, context, Window(), Counter(1, COUNTER_STEP))
            self.rekeyed[id(peer)] = Rekeyed(number, keys.secret, both)
            self._offers.pop(kid)  # request #2 is accepted once (step 4)
            return peer
        return None


def _host(addr: Address) -> str:
    return addr[1][0].removeprefix("::ffff:")
