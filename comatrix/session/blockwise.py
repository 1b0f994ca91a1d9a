"""Bodies that come in blocks (RFC 7959, Block1): put together, one at a time a sender, within caps. Sans-IO.

Each block is a request of its own, authenticated before it comes here. One that was held back and belongs to an older
body is told by its counter, which is not above that of the block before (what Request-Tag is for, RFC 9175 section 3).
"""

from comatrix.codec.coap import CHANGED
from comatrix.codec.codes import BAD_REQUEST, CONTINUE, INCOMPLETE, TOO_LARGE
from comatrix.session.duplicates import EXCHANGE_LIFETIME_MS

MOST_OPEN = 64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable


def read_block_untrusted(value: bytes) -> "tuple[int, bool, int]":
    """An option's value -> (number, whether more come, bytes of a block). Raises ValueError: reserved, or too long."""
    whole = int.from_bytes(value, "big")
    if len(value) > 3 or whole & 7 == 7:
        raise ValueError("no block option")
    return whole >> 4, bool(whole & 8), 16 << (whole & 7)


class _Body:
    """`data` so far, the counter of its newest block, until when it is kept. `whole`: the last block is here."""

    def __init__(self) -> None:
        self.data = b""
        self.counter: "int | None" = None
        self.until = 0
        self.whole = False


class Bodies:
    """Of at most `most_bytes` each; the one that was silent longest leaves where there are too many."""

    def __init__(self, most_bytes: int, most_open: int = MOST_OPEN) -> None:
        self.most_bytes = most_bytes
        self.most_open = most_open
        self._open: "dict[Hashable, _Body]" = {}

    def __len__(self) -> int:
        return len(self._open)

    def take(
        self, sender: "Hashable", counter: "int | None", option: bytes, payload: bytes, now: int
    ) -> "tuple[int, bytes]":
        """A block -> (2.31, nothing) while more are due, (2.04, the body), or an error and nothing.

        The block that came last may come again: its answer was lost. 4.08: begin anew with block 0.
        """
        try:
            number, more, size = read_block_untrusted(option)
        except ValueError:
            return BAD_REQUEST, b""
        if not payload or len(payload) > size or (more and len(payload) < size):
            return BAD_REQUEST, b""
        body = self._of(sender, counter, number, now)
        if body is None:
            return INCOMPLETE, b""
        body.counter = counter
        body.until = now + EXCHANGE_LIFETIME_MS  # who is silent so long begins anew
        at = number * size
        if at + len(payload) > self.most_bytes:
            self._open.pop(sender, None)
            return TOO_LARGE, b""
        if at == len(body.data) and not body.whole:
            body.data += payload
            body.whole = not more
        elif body.whole == more or body.data[at:] != payload:
            return INCOMPLETE, b""
        return (CHANGED, body.data) if body.whole else (CONTINUE, b"")

    def _of(self, sender: "Hashable", counter: "int | None", number: int, now: int) -> "_Body | None":
        """The body a block belongs to: block 0 begins one, in place of any other of its sender."""
        for one in [one for one, body in self._open.items() if body.until <= now]:
            del self._open[one]
        body = self._open.get(sender)
        if body is not None and not _newer(counter, body.counter):
            return None
        if number == 0:
            body = _Body()
        if body is None:
            return None
        self._open.pop(sender, None)
        if len(self._open) >= self.most_open:
            del self._open[min(self._open, key=lambda one: self._open[one].until)]
        self._open[sender] = body
        return body


def _newer(counter: "int | None", before: "int | None") -> bool:
    return counter is None or before is None or counter > before
