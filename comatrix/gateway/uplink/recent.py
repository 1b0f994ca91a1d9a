"""Requests stored within the last EXCHANGE_LIFETIME: a late copy of one is no replay (wire.md, Nonces 3).

Those without a counter (plain CoAP) are known by their bytes alone, and only across a restart: while the gateway runs,
the message layer knows their copies, by address and message id too.
"""

from collections import OrderedDict
from collections.abc import Iterable

from comatrix.session.duplicates import EXCHANGE_LIFETIME_MS, MOST_REPEATS

CAP = 4096


class Recent:
    """(node, counter) -> digest of the request, its age and how often a copy was answered. Times: Unix milliseconds."""

    def __init__(self, stored: Iterable[tuple[int, int | None, bytes, int]]) -> None:
        """`stored`: (node, counter, digest, received_ms) of the latest rows of the log, oldest first; at most CAP."""
        # Ordered: the front of a plain dict is found by walking past all that was ever deleted there.
        self._known: OrderedDict[tuple[int, int], list[object]] = OrderedDict()
        self._plain: dict[tuple[int, bytes], int] = {}  # (node, digest) -> received_ms, from before the start
        for node, counter, digest, received_ms in stored:
            if counter is None:
                self._plain[node, digest] = received_ms
            else:
                self.add(node, counter, digest, received_ms)

    def add(self, node: int, counter: int, digest: bytes, received_ms: int) -> None:
        """A request is on disk."""
        known = self._known
        if len(known) >= CAP:
            known.popitem(last=False)
        known[node, counter] = [digest, received_ms, 0]

    def knows(self, node: int, digest: bytes, now_ms: int) -> bool:
        """Whether a request without a counter is a copy of one that was stored before the gateway started."""
        received_ms = self._plain.get((node, digest))
        return received_ms is not None and now_ms - received_ms <= EXCHANGE_LIFETIME_MS

    def answers(self, node: int, counter: int, digest: bytes, now_ms: int) -> bool:
        """Whether a copy with this counter and digest may be answered once more, and count it."""
        entry = self._known.get((node, counter))
        if entry is None:
            return False
        known, received_ms, repeats = entry
        assert isinstance(received_ms, int)
        assert isinstance(repeats, int)
        if known != digest or now_ms - received_ms > EXCHANGE_LIFETIME_MS or repeats >= MOST_REPEATS:
            return False
        entry[2] = repeats + 1
        return True
