"""A client's side of Block2 (RFC 7959 section 2.4): a body, asked for block by block. Sans-IO, for `comatrix coap`."""

from comatrix.codec.coap import CONTENT
from comatrix.codec.option_numbers import BLOCK2, ETAG
from comatrix.errors import WireError
from comatrix.session.blockwise import read_block_untrusted
from comatrix.session.shaping import LARGEST, block_value, exponent_of

MOST_BYTES = 65536

TYPE_CHECKING = False
if TYPE_CHECKING:
    Options = list[tuple[int, bytes]]


class BlockError(WireError):
    """A server's blocks make no body."""


class Fetching:
    """`exponent`: blocks of at most 16 << exponent bytes are asked for. `body` grows; `whole` says that it is all here.

    Where the representation changes on the way it begins anew, `restarts` times at most.
    """

    def __init__(self, exponent: int = LARGEST, most_bytes: int = MOST_BYTES, restarts: int = 3) -> None:
        self.exponent = exponent
        self.most_bytes = most_bytes
        self.restarts = restarts
        self.body = b""
        self.whole = False
        self._tag: "bytes | None" = None

    def options(self) -> "Options":
        """What the next request says of blocks."""
        number = len(self.body) // (16 << self.exponent)
        return [(BLOCK2, block_value(number, False, self.exponent))]

    def take_untrusted(self, code: int, options: "Options", payload: bytes) -> bool:
        """The answer to it -> whether the body is whole, or what was an error is. Raises BlockError."""
        value = _value(options, BLOCK2)
        if code != CONTENT or value is None:
            self.body, self.whole = payload, True
            return True
        try:
            number, more, size = read_block_untrusted(value)
        except ValueError:
            raise BlockError("no block option")
        exponent = exponent_of(size)
        if self.body and _value(options, ETAG) != self._tag:
            self._begin_anew()
            if number:
                return False
        if exponent > self.exponent or number * size != len(self.body):
            raise BlockError("not the block that was asked for")
        if (more and len(payload) != size) or len(payload) > size:
            raise BlockError("a block of another size than it says")
        if len(self.body) + len(payload) > self.most_bytes:
            raise BlockError("longer than %d bytes" % self.most_bytes)
        self.exponent = exponent
        self._tag = _value(options, ETAG)
        self.body += payload
        self.whole = not more
        return self.whole

    def _begin_anew(self) -> None:
        if not self.restarts:
            raise BlockError("it changed again and again while it was fetched")
        self.restarts -= 1
        self.body = b""


def _value(options: "Options", number: int) -> "bytes | None":
    for found, value in options:
        if found == number:
            return value
    return None
