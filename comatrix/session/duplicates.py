"""What arrived lately: a message with the same endpoint, message id and bytes is a duplicate (RFC 7252 section 4.5).

Capped for each peer and overall; the oldest goes first. What strangers send is not kept: a flood of it drops at most
one entry of those who are heard. A different body under a known message id is a new message: a peer that rebooted
starts anywhere.
"""

from collections import deque

EXCHANGE_LIFETIME_MS = 247000
MOST_REPEATS = 4


class Seen:
    """A request that arrived; `answer` is the datagram it got, once it has one."""

    __slots__ = ("answer", "data", "expires", "repeats")

    def __init__(self, data: bytes, expires: int) -> None:
        self.data = data
        self.expires = expires
        self.answer: "bytes | None" = None
        self.repeats = 0

    def repeat(self) -> "bytes | None":
        """The remembered answer for one more duplicate, at most MOST_REPEATS times."""
        if self.answer is None or self.repeats == MOST_REPEATS:
            return None
        self.repeats += 1
        return self.answer


class _Sender:
    """What one address sent: by its bytes, and in order."""

    __slots__ = ("known", "order")

    def __init__(self) -> None:
        self.known: "dict[bytes, Seen]" = {}
        self.order: "list[Seen]" = []


class Duplicates:
    """The cache. `now` never goes back, so entries expire in the order they came."""

    def __init__(self, per_peer: int, overall: int) -> None:
        self.per_peer = per_peer
        self.overall = overall
        self.peers: "dict[object, _Sender]" = {}
        self.order: "deque[tuple[object, Seen]]" = deque((), overall)  # noqa: RUF037 - MicroPython wants both

    def find(self, addr: object, data: bytes) -> "Seen | None":
        """The entry of an earlier copy of this datagram, or None. Equal bytes have an equal message id."""
        sender = self.peers.get(addr)
        return None if sender is None else sender.known.get(data)

    def add(self, addr: object, data: bytes, now: int) -> Seen:
        """Remember a new request."""
        order = self.order
        if len(order) == self.overall:
            self._drop_oldest()
        sender = self.peers.get(addr)
        if sender is None:
            sender = self.peers[addr] = _Sender()
        elif len(sender.order) == self.per_peer:
            _forget(sender)
        seen = sender.known[data] = Seen(data, now + EXCHANGE_LIFETIME_MS)
        sender.order.append(seen)
        order.append((addr, seen))
        return seen

    def forget(self, addr: object, seen: Seen) -> None:
        """The newest entry's request changed nothing: a copy of it is as good as new. Any other entry stays."""
        order = self.order
        if not order or order[-1][1] is not seen:
            return
        order.pop()
        sender = self.peers[addr]
        sender.order.pop()
        del sender.known[seen.data]
        if not sender.order:
            del self.peers[addr]

    def expire(self, now: int) -> None:
        """Forget what is older than EXCHANGE_LIFETIME."""
        order = self.order
        while order and order[0][1].expires <= now:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        addr, seen = self.order.popleft()
        sender = self.peers.get(addr)
        if sender and sender.order and sender.order[0] is seen:
            _forget(sender)
            if not sender.order:
                del self.peers[addr]


def _forget(sender: _Sender) -> None:
    seen = sender.order.pop(0)
    sender.known.pop(seen.data, None)
    seen.data = b""  # the cache's own order still holds it for a while
