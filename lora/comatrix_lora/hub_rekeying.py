"""The gateway's half of RFC 8613 Appendix B.2 over LoRa: what it offered, and which keys a second request proves.

Nothing here touches a working context: only the caller puts a new one in its place, once it is on disk. Offers are in
memory only; a restart in between makes the node begin anew.
"""

from comatrix_lora.errors import FrameError
from comatrix_lora.header import EXTRA
from comatrix_lora.rules import Rekey, decode_untrusted

OFFERS = 4  # values of R2 remembered for a node
MOST_OFFERS = 256  # for all
OFFER_LIFETIME_MS = 600000

TYPE_CHECKING = False
if TYPE_CHECKING:
    from comatrix_lora.frame import Opened, Peer
    from comatrix_lora.header import Header
    from comatrix_lora.mac import Random


class _Offer:
    """`first`: what request #1 came under, its window against copies; `second`: R2."""

    def __init__(self, first: "Peer", second: bytes, until: int) -> None:
        self.first = first
        self.second = second
        self.until = until


class Rekeyings:
    """`random`: R2 comes from it; None: requests of Appendix B.2 are not heard."""

    def __init__(self, random: "Random | None") -> None:
        self._random = random
        self._offers: "list[_Offer]" = []  # oldest first
        self._made: "dict[int, tuple[Peer, int]]" = {}  # proven, and not on disk yet; until when that is waited for

    def offer_untrusted(
        self, header: "Header", data: bytes, peers: "list[Peer]", now: int
    ) -> "tuple[Peer, int, bytes]":
        """Request #1 -> (what its response goes under, the counter it answers, R2). Raises FrameError: no offer is
        made, and unless an authentic one said something else nothing has changed. The keys of the response seal nothing
        else under that nonce, so it needs no commit."""
        if self._random is None or not header.up:
            raise FrameError("no such request is heard")
        self.handle_timer(now)
        offer = self._known(header)
        if offer is not None:
            counter = _request_untrusted(offer.first, header, data)
        else:
            first, counter = self._first_untrusted(header, data, peers)
            offer = _Offer(first, bytes([self._random(256) for _ in range(EXTRA)]), 0)
            self._keep(offer)
        offer.until = now + OFFER_LIFETIME_MS
        answering = _derived(offer.first, offer.second + offer.first.extra)
        answering.take_over(offer.first)
        return answering, counter, offer.second

    def _known(self, header: "Header") -> "_Offer | None":
        for offer in self._offers:
            if offer.first.node == header.node and offer.first.extra == header.extra:
                return offer
        return None

    def _first_untrusted(self, header: "Header", data: bytes, peers: "list[Peer]") -> "tuple[Peer, int]":
        """By whichever secret fits. Raises FrameError."""
        for peer in peers:
            if peer.derive is not None:
                first = peer.derive(header.extra)
                try:
                    return first, _request_untrusted(first, header, data)
                except FrameError:
                    pass
        raise FrameError("no secret fits")

    def _keep(self, offer: _Offer) -> None:
        same = [one for one in self._offers if one.first.node == offer.first.node]
        if len(same) >= OFFERS:
            self._offers.remove(same[0])
        self._offers = self._offers[max(len(self._offers) - MOST_OFFERS + 1, 0) :] + [offer]

    def accept_untrusted(
        self, header: "Header", data: bytes, peers: "list[Peer]", now: int
    ) -> "tuple[Peer, Opened, bool]":
        """Request #2 -> (its context, what it says, whether that context is new). Raises FrameError, and nothing has
        changed. A new one is to be on disk before `settled`; else `abandoned`. Copies of it meanwhile are dropped."""
        for peer in peers:
            if peer.extra[EXTRA:] == header.extra:
                return peer, peer.open_untrusted(header, data), False  # its response was lost
        self.handle_timer(now)
        if header.node in self._made:
            raise FrameError("it is being stored")
        for offer in reversed(self._offers):
            if offer.first.node == header.node:
                made = _derived(offer.first, offer.second + header.extra)
                try:
                    opened = made.open_untrusted(header, data)
                except FrameError:
                    continue
                _check_untrusted(opened)
                self._made[header.node] = (made, now + OFFER_LIFETIME_MS)
                return made, opened, True
        raise FrameError("nothing like that was offered")

    def settled(self, number: int) -> None:
        """Its new context is on disk: a second request is accepted once (Appendix B.2 step 4)."""
        self._made.pop(number, None)
        self._offers = [one for one in self._offers if one.first.node != number]

    def abandoned(self, number: int) -> None:
        """Its new context could not be stored: it never existed, and nothing was answered under it. Asked again, it
        is made again."""
        self._made.pop(number, None)

    def handle_timer(self, now: int) -> None:
        """Forget what was offered long ago."""
        self._offers = [one for one in self._offers if one.until > now]
        for number in [number for number in self._made if self._made[number][1] <= now]:
            self._made.pop(number)


def _derived(peer: "Peer", extra: bytes) -> "Peer":
    assert peer.derive is not None
    return peer.derive(extra)


def _request_untrusted(peer: "Peer", header: "Header", data: bytes) -> int:
    """-> its counter. Raises FrameError."""
    opened = peer.open_untrusted(header, data)
    _check_untrusted(opened)
    assert opened.counter is not None
    return opened.counter


def _check_untrusted(opened: "Opened") -> None:
    """Raises FrameError: it is no request of Appendix B.2."""
    rule = decode_untrusted(opened.plain)
    if not isinstance(rule, Rekey) or rule.following is not None:
        raise FrameError("not what belongs to new keys")
