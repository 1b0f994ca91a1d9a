"""Requests stored within the last EXCHANGE_LIFETIME: a late copy of one is no replay (wire.md, Nonces 3)."""

from collections import OrderedDict
from collections.abc import Iterable

from comatrix.session.duplicates import EXCHANGE_LIFETIME_MS, MOST_REPEATS

CAP = 4096


class Recent:
    """(node, counter) -> digest of the request, its age and how often a copy was answered. Times: Unix milliseconds."""

    def __init__(self, stored: Iterable[tuple[int, int, bytes, int]]) -> None:
        """`stored`: (node, counter, digest, received_ms) of the latest rows of the log, oldest first."""
        # Ordered: the front of a plain dict is found by walking past all that was ever deleted there.
        self._known: OrderedDict[tuple[int, int], list[object]] = OrderedDict()
        for node, counter, digest, received_ms in stored:
            self.add(node, counter, digest, received_ms)

    def add(self, node: int, counter: int, digest: bytes, received_ms: int) -> None:
        """A request is on disk."""
        known = self._known
        if len(known) >= CAP:
            known.popitem(last=False)
        known[node, counter] = [digest, received_ms, 0]

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
