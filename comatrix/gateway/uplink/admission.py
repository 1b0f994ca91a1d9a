"""Who is heard how often: per-address buckets before anything is parsed, per-node buckets after authentication.

A bucket is one number: when it will be full again (in microseconds). A message moves that moment on by the time one
token takes to come back; it is refused while the bucket is further from full than its size.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from comatrix.gateway.uplink.associations import Address
from comatrix.session.server import Knock

MINUTE_US = 60_000_000
REFRESH_MS = 60_000  # how stale a known address's place in the order of use may be


@dataclass(frozen=True, slots=True)
class Rates:
    """Tokens a minute and how many a bucket holds; `addresses`: how many are remembered, known ones and strangers'."""

    node: int = 120
    node_burst: int = 1_500
    address: int = 30
    address_burst: int = 60
    addresses: int = 4_096
    crowd: int = 60_000  # datagrams of all strangers who find no bucket of their own
    answers: int = 3_000  # to strangers, all together


class Admission:
    """Pure; `now` in ms. `note` gets what is turned away here: "dropped" with its address, "too fast" with its node."""

    def __init__(self, rates: Rates, note: Callable[[Knock, int], None]) -> None:
        self._note = note
        self._cap = rates.addresses
        self._known: OrderedDict[Address, int] = OrderedDict()  # exact address -> last authenticated contact, about
        self._strangers: OrderedDict[str, int] = OrderedDict()  # its network -> when its bucket is full again
        self._nodes: dict[int, int] = {}
        self._node_us, self._node_most_us = _token(rates.node, rates.node_burst)
        self._address_us, self._address_most_us = _token(rates.address, rates.address_burst)
        self._crowd_us, self._crowd_most_us = _token(rates.crowd, rates.crowd // 60)
        self._answer_us, self._answer_most_us = _token(rates.answers, rates.answers // 60)
        self._crowd = self._answers = 0
        self.dropped = self.slowed = self.unanswered = 0

    def allows_address(self, addr: Address, now: int) -> bool:
        """Whether a datagram from here is looked at; False: drop it silently, it is counted."""
        if addr in self._known:
            return True
        now_us = now * 1000
        full_us = self._strangers.get(network(addr[1][0]))
        if full_us is None:
            allowed = len(self._strangers) < self._cap or self._make_room(now_us) or self._from_crowd(now_us)
        else:
            allowed = full_us - now_us <= self._address_most_us
        if not allowed:
            self.dropped += 1
            self._note(Knock("dropped", addr), now)
        return allowed

    def failed(self, addr: Address, now: int) -> bool:
        """A knock, malformed or undecryptable datagram came from here -> whether it may be answered at all."""
        now_us = now * 1000
        if self._charge(network(addr[1][0]), now_us) and addr in self._known:
            return True  # strangers cannot use up the answers of a node whose window or key is not what it thinks
        full_us = max(self._answers, now_us)
        if full_us - now_us > self._answer_most_us:
            self.unanswered += 1
            return False
        self._answers = full_us + self._answer_us
        return True

    def repeated(self, addr: Address, now: int) -> bool:
        """What says nothing new (a known counter, a copy, a ping) -> whether it is answered; a known address always."""
        return addr in self._known or self.failed(addr, now)

    def proved(self, addr: Address, now: int) -> None:
        """An authenticated request came from exactly here: no flood from elsewhere keeps it from being heard."""
        known = self._known
        last = known.get(addr)
        if last is not None and now - last < REFRESH_MS:
            return
        if last is None and len(known) >= self._cap:
            known.popitem(last=False)
        known[addr] = now
        known.move_to_end(addr)

    def allows_node(self, node: int, now: int) -> int:
        """0: go on, and a token is spent; else the seconds until there is one (4.29 with Max-Age)."""
        now_us = now * 1000
        full_us = self._nodes.get(node, 0)
        if full_us < now_us:
            full_us = now_us
        over_us = full_us - now_us - self._node_most_us
        if over_us <= 0:
            self._nodes[node] = full_us + self._node_us
            return 0
        self.slowed += 1
        self._note(Knock("too fast", None, None, node), now)
        return -(-over_us // 1_000_000)

    def _charge(self, where: str, now_us: int) -> bool:
        """One failure more -> whether its bucket had a token for it."""
        strangers = self._strangers
        full_us = strangers.get(where)
        if full_us is None:
            if len(strangers) >= self._cap and not self._make_room(now_us):
                return False  # the crowd's bucket paid for it already
            full_us = 0
        full_us = max(full_us, now_us)
        within = full_us - now_us <= self._address_most_us
        if within:
            strangers[where] = full_us + self._address_us
        strangers.move_to_end(where)
        return within

    def _make_room(self, now_us: int) -> bool:
        """Forget the stranger who failed longest ago, if its bucket is full again: then nothing is lost."""
        where, full_us = next(iter(self._strangers.items()))
        if full_us > now_us:
            return False
        del self._strangers[where]
        return True

    def _from_crowd(self, now_us: int) -> bool:
        full_us = max(self._crowd, now_us)
        if full_us - now_us > self._crowd_most_us:
            return False
        self._crowd = full_us + self._crowd_us
        return True


def network(host: str) -> str:
    """The part of a source address that one holder can vary at no cost: nothing of IPv4, the lower half of IPv6.

    A link-local address stays whole: all neighbours of a link share its upper half.
    """
    if ":" not in host:
        return host
    if host.startswith("::ffff:") and "." in host:
        return host[7:]
    if host.startswith("fe80"):
        return host
    head, gap, tail = host.partition("::")
    groups = head.split(":") if head else []
    if gap and len(groups) < 4:
        after = tail.split(":") if tail else []
        groups += ["0"] * (8 - len(groups) - len(after)) + after
    return ":".join(groups[:4]) + "::/64"


def _token(a_minute: int, burst: int) -> tuple[int, int]:
    """Microseconds one token takes to come back, and how far from full a bucket may be and still give one."""
    token_us = MINUTE_US // a_minute
    return token_us, (burst - 1) * token_us
