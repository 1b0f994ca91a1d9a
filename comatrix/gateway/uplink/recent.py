"""Requests stored within the last EXCHANGE_LIFETIME: a late copy of one is no replay (wire.md, Nonces 3).

Those without a counter (plain CoAP) are known by their bytes alone, and only across a restart or where they came in
blocks: else the message layer knows their copies while the gateway runs, by address and message id too.
"""

from collections.abc import Iterable

from comatrix.session.duplicates import EXCHANGE_LIFETIME_MS, MOST_REPEATS

CAP = 4096  # so many of the newest are known at least, twice as many at most
COUNTER_BITS = 40  # of a Partial IV at most (RFC 8613 section 6.1)
TIME_BYTES = 6


class Recent:
    """(node, counter) -> digest of the request, its age and how often a copy was answered. Times: Unix milliseconds."""

    def __init__(self, stored: Iterable[tuple[int, int | None, bytes, int]]) -> None:
        """`stored`: (node, counter, digest, received_ms) of the latest rows of the log, oldest first; at most CAP."""
        # Two generations instead of an order: the older one goes as a whole once the younger has CAP entries or is old.
        # An entry is two objects, not five: half the memory.
        self._young: dict[int, bytes] = {}
        self._old: dict[int, bytes] = {}
        self._since_ms = 0  # when the younger began
        self._repeats: dict[int, int] = {}
        self._plain: dict[tuple[int, bytes], int] = {}  # (node, digest) -> received_ms
        for node, counter, digest, received_ms in stored:
            if counter is None:
                self._plain[node, digest] = received_ms
            else:
                self.add(node, counter, digest, received_ms)

    def add(self, node: int, counter: int, digest: bytes, received_ms: int) -> None:
        """A request is on disk."""
        young = self._young
        if len(young) >= CAP or received_ms - self._since_ms > EXCHANGE_LIFETIME_MS:
            self._old = young
            young = self._young = {}
            self._since_ms = received_ms
            self._repeats = {key: count for key, count in self._repeats.items() if key in self._old}
        young[node << COUNTER_BITS | counter] = received_ms.to_bytes(TIME_BYTES, "big") + digest

    @property
    def held(self) -> int:
        """How many requests with a counter are known."""
        return len(self._young) + len(self._old)

    def add_plain(self, node: int, digest: bytes, received_ms: int) -> None:
        """A request without a counter is on disk whose last block may come again, as a message of its own."""
        plain = self._plain
        if len(plain) >= 2 * CAP:
            del plain[next(iter(plain))]
        plain[node, digest] = received_ms

    def knows(self, node: int, digest: bytes, now_ms: int) -> bool:
        """Whether a request without a counter is a copy of one that is stored."""
        received_ms = self._plain.get((node, digest))
        return received_ms is not None and now_ms - received_ms <= EXCHANGE_LIFETIME_MS

    def answers(self, node: int, counter: int, digest: bytes, now_ms: int) -> bool:
        """Whether a copy with this counter and digest may be answered once more, and count it."""
        key = node << COUNTER_BITS | counter
        entry = self._young.get(key) or self._old.get(key)
        if entry is None or entry[TIME_BYTES:] != digest:
            return False
        if now_ms - int.from_bytes(entry[:TIME_BYTES], "big") > EXCHANGE_LIFETIME_MS:
            return False
        repeats = self._repeats.get(key, 0)
        if repeats >= MOST_REPEATS:
            return False
        self._repeats[key] = repeats + 1
        return True
