"""The OSCORE contexts of nodes on LoRa, and the gateway's own counters under each of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from comatrix_lora.frame import Peer

from comatrix.gateway.model import Node, SecurityContext, WindowMove
from comatrix.session.counter import Counter
from comatrix.session.keys import Keys, node_id
from comatrix.session.oscore import Binding
from comatrix.session.replay import Window

if TYPE_CHECKING:
    from comatrix.session.oscore import AeadFactory

LINK = b"l"
COUNTER_STEP = 256


@dataclass(slots=True)
class LoraContext:
    """`key`: the context's row. `secret`: what it is derived from. `counter`: the gateway's own, below what is reserved
    on disk."""

    key: int
    secret: bytes = field(repr=False)
    peer: Peer
    counter: Counter

    @property
    def heard(self) -> bool:
        """Whether its node spoke in it."""
        return self.peer.window.highest >= 0

    def window(self) -> WindowMove:
        """To be stored with what moved it."""
        return WindowMove(self.key, self.peer.window.highest, self.peer.window.mask)


class LoraContexts:
    """By node, the newest first. A context that lives on stays the same object: it is ahead of the database."""

    def __init__(self, aead: "AeadFactory") -> None:
        self._aead = aead
        self._of: dict[int, list[LoraContext]] = {}

    def load(self, node: Node, contexts: Iterable[SecurityContext]) -> None:
        """Replace what is known of a node. One that is revoked or blocked is forgotten."""
        living = {context.key: context for context in self._of.pop(node.number, ())}
        if node.revoked or node.blocked:
            return
        found = [living.get(one.id) or self._made(one) for one in contexts if one.state != "dead"]
        if found:
            self._of[node.number] = found

    def __contains__(self, number: int) -> bool:
        return number in self._of

    def numbers(self) -> list[int]:
        """Nodes with keys for LoRa."""
        return sorted(self._of)

    def peers_of(self, number: int) -> list[Peer]:
        """The contexts to try, in order."""
        return [context.peer for context in self._of.get(number, ())]

    def of_peer(self, peer: Peer) -> LoraContext | None:
        """The context of a peer; None: it was replaced meanwhile."""
        return next((one for one in self._of.get(peer.node, ()) if one.peer is peer), None)

    def speaking(self, number: int) -> LoraContext | None:
        """The one to send in: the newest that its node was heard in."""
        found = self._of.get(number, ())
        return next((context for context in found if context.heard and not context.peer.lost), None)

    def counter_of(self, number: int) -> Counter:
        """The gateway's own counter in the context it sends in; one that gives nothing where there is none."""
        context = self.speaking(number)
        return Counter(0, COUNTER_STEP) if context is None else context.counter

    def superseded(self, peer: Peer) -> int | None:
        """A rotated node was heard in its newest context: the older ones are forgotten here -> the row of the newest,
        whose elders are to die on disk too. None: nothing is superseded."""
        found = self._of.get(peer.node, [])
        if len(found) < 2 or found[0].peer is not peer:
            return None
        del found[1:]
        return found[0].key

    def derived_from(self, peer: Peer) -> bytes | None:
        """The secret of a context that Appendix B.2 just made; None: a person took it away meanwhile."""
        return next((one.secret for one in self._of.get(peer.node, ()) if one.peer.derive is peer.derive), None)

    def rekeyed(self, peer: Peer, key: int) -> None:
        """That context is on disk as row `key`, in place of those of its secret and older ones. A newer secret, on its
        way to the node by hand, waits on."""
        found = self._of.get(peer.node, [])
        secret = self.derived_from(peer)
        assert secret is not None
        newer = []
        for context in found:
            if context.secret == secret:
                break
            newer.append(context)
        self._of[peer.node] = [*newer, LoraContext(key, secret, peer, Counter(0, COUNTER_STEP))]

    def _made(self, stored: SecurityContext) -> LoraContext:
        keys = Keys(stored.secret, b"", node_id(stored.node), self._aead, LINK)

        def derive(extra: bytes) -> Peer:
            return Peer(keys.context(extra), _aad, Window(), extra, derive)

        peer = derive(stored.id_context)
        peer.window = Window(stored.highest, stored.mask)
        peer.lost = stored.missing  # a copy put back: it hears nothing but the wish for new keys
        return LoraContext(stored.id, stored.secret, peer, Counter(stored.tx_reserved, COUNTER_STEP))


def _aad(kid: bytes, counter: int) -> bytes:
    """RFC 8613 section 5.4."""
    return Binding(kid, counter, b"").aad
