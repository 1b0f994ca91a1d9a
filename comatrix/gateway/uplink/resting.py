"""An association whose node is silent, as a few bytes; its keys are derived again when the node speaks.

A peer with its keys takes about 2 KB. What cannot be derived is kept: secret, replay window, and the next counter.
"""

from struct import Struct

from comatrix.gateway.model import SecurityContext
from comatrix.session.counter import Counter
from comatrix.session.replay import SIZE, Window

_HEAD = Struct(">HIqIQQ?B")  # node, key, highest, mask, next, limit, missing, size of the secret


class Resting:
    """What `unpack` gives back: `counter` and `window` as they were."""

    __slots__ = ("counter", "extra", "key", "missing", "node", "secret", "window")

    def __init__(self, packed: bytes, counter_step: int) -> None:
        self.node, self.key, highest, mask, following, limit, self.missing, size = _HEAD.unpack_from(packed)
        self.window = Window(highest, mask)
        self.counter = Counter(limit, counter_step)
        self.counter.next = following
        self.secret = packed[_HEAD.size : _HEAD.size + size]
        self.extra = packed[_HEAD.size + size :]


def pack(node: int, key: int, window: Window, counter: Counter, *, missing: bool, secret: bytes, extra: bytes) -> bytes:
    """One association -> its bytes."""
    mask = window.mask & (1 << SIZE) - 1  # merged windows are stored wider than any counter is looked up in
    head = _HEAD.pack(node, key, window.highest, mask, counter.next, counter.limit, missing, len(secret))
    return head + secret + extra


def pack_stored(stored: SecurityContext, counter_step: int) -> bytes:
    """The same, of a context as the database has it: counters below `tx_reserved` may have been used."""
    counter = Counter(max(stored.tx_reserved, 1), counter_step)
    window = Window(stored.highest, stored.mask)
    return pack(
        stored.node,
        stored.id,
        window,
        counter,
        missing=stored.missing,
        secret=stored.secret,
        extra=stored.id_context,
    )
