"""What arrived lately: a message with the same endpoint, message id and bytes is a duplicate (RFC 7252 section 4.5).

Capped for each peer and overall; the oldest goes first. What strangers send is not kept: a flood of it drops at most
one entry of those who are heard. A different body under a known message id is a new message: a peer that rebooted
starts anywhere.
"""

from collections import deque

EXCHANGE_LIFETIME_MS = 247000
MOST_REPEATS = 4


class Seen:
    """A request that arrived; `answer` is the datagram it got, once it has one. `sender`: None once it is forgotten."""

    __slots__ = ("answer", "data", "expires", "repeats", "sender")

    def __init__(self, data: bytes, expires: int, sender: "_Sender | None" = None) -> None:
        self.data = data
        self.expires = expires
        self.sender = sender
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

    __slots__ = ("addr", "known", "order")

    def __init__(self, addr: object) -> None:
        self.addr = addr
        self.known: "dict[bytes, Seen]" = {}
        self.order: "list[Seen]" = []


class Duplicates:
    """The cache. `now` never goes back, so entries expire in the order they came."""

    def __init__(self, per_peer: int, overall: int) -> None:
        self.per_peer = per_peer
        self.overall = overall
        self.peers: "dict[object, _Sender]" = {}
        self.order: "deque[Seen]" = deque((), overall)  # noqa: RUF037 - MicroPython wants both

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
            sender = self.peers[addr] = _Sender(addr)
        elif len(sender.order) == self.per_peer:
            _forget(sender.order[0])
        seen = sender.known[data] = Seen(data, now + EXCHANGE_LIFETIME_MS, sender)
        sender.order.append(seen)
        order.append(seen)
        while order and order[0].sender is None:
            order.popleft()
        return seen

    def forget(self, seen: Seen) -> None:
        """The newest entry's request changed nothing: a copy of it is as good as new. Any other entry stays."""
        order = self.order
        if order and order[-1] is seen:
            order.pop()
            self._leave(seen)

    def expire(self, now: int) -> None:
        """Forget what is older than EXCHANGE_LIFETIME."""
        order = self.order
        while order and order[0].expires <= now:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._leave(self.order.popleft())

    def _leave(self, seen: Seen) -> None:
        sender = seen.sender
        if sender is not None:
            _forget(seen)
            if not sender.order:
                del self.peers[sender.addr]


def _forget(seen: Seen) -> None:
    sender = seen.sender
    if sender is not None:
        sender.order.remove(seen)
        sender.known.pop(seen.data, None)
        seen.sender = None
        seen.data, seen.answer = b"", None  # the cache's own order may still hold it for a while
