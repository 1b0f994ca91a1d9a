"""Bodies that come in blocks (RFC 7959, Block1): put together, within caps for each sender and overall. Sans-IO.

Each block is a request of its own, authenticated before it comes here. One that was held back and belongs to an older
body is told by its counter, which is not above that of the block before; a plain one by its Request-Tag, which is part
of what names a body (RFC 9175 section 3).
"""

from comatrix.codec.coap import CHANGED
from comatrix.codec.codes import BAD_REQUEST, CONTINUE, INCOMPLETE, TOO_LARGE
from comatrix.session.duplicates import EXCHANGE_LIFETIME_MS

MOST_OPEN = 64
MOST_OF_SENDER = 2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any


def read_block_untrusted(value: bytes) -> "tuple[int, bool, int]":
    """An option's value -> (number, whether more come, bytes of a block). Raises ValueError: reserved, or too long."""
    whole = int.from_bytes(value, "big")
    if len(value) > 3 or whole & 7 == 7:
        raise ValueError("no block option")
    return whole >> 4, bool(whole & 8), 16 << (whole & 7)


class _Body:
    """`data` so far, the counter of its newest block, until when it is kept. `whole`: the last block is here.

    `first`: which message made it whole first.
    """

    def __init__(self) -> None:
        self.data = b""
        self.counter: "int | None" = None
        self.until = 0
        self.whole = False
        self.first: "Any" = None


class Bodies:
    """Of at most `most_bytes` each; the one that was silent longest leaves where there are too many."""

    def __init__(self, most_bytes: int, most_open: int = MOST_OPEN, most_of_sender: int = MOST_OF_SENDER) -> None:
        self.most_bytes = most_bytes
        self.most_open = most_open
        self.most_of_sender = most_of_sender
        self._open: "dict[tuple[Hashable, Hashable], _Body]" = {}
        self._dropped: "dict[Hashable, int]" = {}  # sender -> newest counter of a body that is kept no more

    def __len__(self) -> int:
        return len(self._open)

    def take(
        self,
        sender: "Hashable",
        counter: "int | None",
        option: bytes,
        payload: bytes,
        now: int,
        operation: "Hashable" = None,
        announced: int = 0,
    ) -> "tuple[int, bytes]":
        """A block -> (2.31, nothing) while more are due, (2.04, the body), or an error and nothing.

        `operation`: what beside the sender names the body; `announced`: its size, as Size1 says. The block that came
        last may come again: its answer was lost. 4.08: begin anew with block 0.
        """
        try:
            number, more, size = read_block_untrusted(option)
        except ValueError:
            return BAD_REQUEST, b""
        if not payload or len(payload) > size or (more and len(payload) < size):
            return BAD_REQUEST, b""
        at = number * size
        key = sender, operation
        if announced > self.most_bytes and number == 0:
            return TOO_LARGE, b""
        body = self._of(key, counter, number, now)
        if body is None:
            return INCOMPLETE, b""
        body.counter = counter
        body.until = now + EXCHANGE_LIFETIME_MS  # who is silent so long begins anew
        if at + len(payload) > self.most_bytes:
            self._drop(key)
            return TOO_LARGE, b""
        if at == len(body.data) and not body.whole:
            body.data += payload
            body.whole = not more
        elif body.whole == more or body.data[at:] != payload:
            return INCOMPLETE, b""
        return (CHANGED, body.data) if body.whole else (CONTINUE, b"")

    def first(self, sender: "Hashable", operation: "Hashable", message: "Any") -> "Any":
        """The message that made a body whole first: this one, unless it only says its last block once more."""
        body = self._open[sender, operation]
        if body.first is None:
            body.first = message
        return body.first

    def _of(self, key: "tuple[Hashable, Hashable]", counter: "int | None", number: int, now: int) -> "_Body | None":
        """The body a block belongs to: block 0 begins one, in place of any other of that name."""
        for one in [one for one, body in self._open.items() if body.until <= now]:
            self._drop(one)
        body = self._open.get(key)
        before = self._dropped.get(key[0]) if body is None else body.counter
        if not _newer(counter, before):
            return None
        if number == 0:
            body = _Body()
        if body is None:
            return None
        self._open.pop(key, None)
        own = [one for one in self._open if one[0] == key[0]]
        if len(own) >= self.most_of_sender:
            self._drop_stalest(own)
        elif len(self._open) >= self.most_open:
            self._drop_stalest(list(self._open))
        self._open[key] = body
        return body

    def _drop_stalest(self, among: "list[tuple[Hashable, Hashable]]") -> None:
        self._drop(min(among, key=lambda one: self._open[one].until))

    def _drop(self, key: "tuple[Hashable, Hashable]") -> None:
        """A first block from before it, held back, must not begin what a later one of its own goes on in."""
        counter = self._open.pop(key).counter
        if counter is None:
            return
        before = self._dropped.pop(key[0], counter)
        if len(self._dropped) >= 4 * self.most_open:
            del self._dropped[next(iter(self._dropped))]
        self._dropped[key[0]] = max(counter, before)


def _newer(counter: "int | None", before: "int | None") -> bool:
    return counter is None or before is None or counter > before
