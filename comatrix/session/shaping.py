"""What an answer becomes before it is sealed: named after its request's block, cut into one of its own (RFC 7959)."""

from hashlib import sha256

from comatrix.codec.coap import CONTENT
from comatrix.codec.codes import BAD_REQUEST
from comatrix.codec.option_numbers import BLOCK1, BLOCK2, ETAG, SIZE2, uint_bytes

LARGEST = 6  # exponent of 1,024 bytes, the largest block that fits a datagram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Options = list[tuple[int, bytes]]


def block_value(number: int, more: bool, exponent: int) -> bytes:
    """A block option's value: 16 << `exponent` bytes a block."""
    return uint_bytes(number << 4 | more << 3 | exponent)


def exponent_of(size: int) -> int:
    """Of a block of that many bytes."""
    exponent = 0
    while 16 << exponent < size:
        exponent += 1
    return exponent


def etag(payload: bytes) -> bytes:
    """An ETag for a representation: another one has another, but for one in 2^32."""
    return sha256(payload).digest()[:4]


class Shape:
    """`block1`: the option every answer repeats. `number`, `exponent`: which block is wanted, of at most which size.

    `asked`: the request said so in an option. `sized`: it asks for the whole size. `keep` gets an answer whose other
    blocks are fetched by requests that do not make it again.
    """

    def __init__(
        self,
        block1: "bytes | None" = None,
        number: int = 0,
        exponent: int = LARGEST,
        asked: bool = False,
        sized: bool = False,
        keep: "Callable[[int, Options, bytes], None] | None" = None,
    ) -> None:
        self.block1 = block1
        self.number = number
        self.exponent = exponent
        self.asked = asked
        self.sized = sized
        self.keep = keep

    def cut(
        self, code: int, options: "Options | tuple[()]", payload: bytes
    ) -> "tuple[int, Options | tuple[()], bytes]":
        """An answer -> what of it leaves. 4.00 where it has no such block."""
        found = list(options)
        if self.block1 is not None:
            found.append((BLOCK1, self.block1))
        size = 16 << self.exponent
        at = self.number * size
        if code >> 5 == 2 and (len(payload) > size or (payload and self.asked)):
            if at >= len(payload):
                return BAD_REQUEST, (), b"no such block"
            more = at + size < len(payload)
            if more and self.keep is not None:
                self.keep(code, list(options), payload)
            if not any(number == ETAG for number, _ in found):
                found.append((ETAG, etag(payload)))
            found.append((BLOCK2, block_value(self.number, more, self.exponent)))
            if self.sized:
                found.append((SIZE2, uint_bytes(len(payload))))
            payload = payload[at : at + size]
        return code, sorted(found, key=lambda option: option[0]), payload

    def measured(self, options: "Options | tuple[()]", payload: bytes) -> "tuple[int, Options | tuple[()], bytes]":
        """What would leave of a success; nothing is kept."""
        return Shape(self.block1, self.number, self.exponent, self.asked, self.sized).cut(CONTENT, options, payload)

    def smaller(self) -> "Shape":
        """The same in blocks of half the size."""
        return Shape(self.block1, self.number * 2, self.exponent - 1, True, self.sized, self.keep)


WHOLE = Shape()
