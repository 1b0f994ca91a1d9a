"""What arrived lately: a message with the same endpoint, message id and bytes is a duplicate (RFC 7252 section 4.5).

Capped for each peer and overall; the oldest goes first. A different body under a known message id is a new message: a
peer that rebooted starts anywhere.
"""

from collections import deque

EXCHANGE_LIFETIME_MS = 247000
MOST_REPEATS = 4


class Seen:
    """A request that arrived; `answer` is the datagram it got, once it has one."""

    __slots__ = ("answer", "data", "expires", "mid", "repeats")

    def __init__(self, mid: int, data: bytes, expires: int) -> None:
        self.mid = mid
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


class Duplicates:
    """The cache. `now` never goes back, so entries expire in the order they came."""

    def __init__(self, per_peer: int, overall: int) -> None:
        self.per_peer = per_peer
        self.overall = overall
        self.known: "dict[tuple[object, int, bytes], Seen]" = {}
        self.peers: "dict[object, list[Seen]]" = {}
        self.order: "deque[tuple[object, Seen]]" = deque((), overall)  # noqa: RUF037 - MicroPython wants both

    def find(self, addr: object, mid: int, data: bytes) -> "Seen | None":
        """The entry of an earlier copy of this datagram, or None."""
        return self.known.get((addr, mid, data))

    def add(self, addr: object, mid: int, data: bytes, now: int) -> Seen:
        """Remember a new request."""
        if len(self.order) == self.overall:
            self._drop_oldest()
        seen = self.known[addr, mid, data] = Seen(mid, data, now + EXCHANGE_LIFETIME_MS)
        entries = self.peers.get(addr)
        if entries is None:
            entries = self.peers[addr] = []
        elif len(entries) == self.per_peer:
            self._forget(addr, entries)
        entries.append(seen)
        self.order.append((addr, seen))
        return seen

    def expire(self, now: int) -> None:
        """Forget what is older than EXCHANGE_LIFETIME."""
        while self.order and self.order[0][1].expires <= now:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        addr, seen = self.order.popleft()
        entries = self.peers.get(addr)
        if entries and entries[0] is seen:
            self._forget(addr, entries)
            if not entries:
                del self.peers[addr]

    def _forget(self, addr: object, entries: "list[Seen]") -> None:
        seen = entries.pop(0)
        self.known.pop((addr, seen.mid, seen.data), None)
        seen.data = b""  # `order` still holds it for a while
