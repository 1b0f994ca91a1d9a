"""Fragments and their feedback as bytes, and how a message is cut into blocks of fragments (WIRE, section 8).

These bytes stand in a frame after its rule byte; the frame around them is an OSCORE message, so they come from a known
peer. What is cut is the message behind a header: its length less 1 in 2 bytes, its CRC-32 in 4. The header guards
against mistakes of our own; it is no protection.
"""

from comatrix_lora.erasure_code import MAX_FRAGMENTS
from comatrix_lora.errors import FrameError, LoraError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_MESSAGE = 65536
HEADER = 6
MAX_BLOCKS = 256
FRAME_OVERHEAD = 16  # 3 header, 1 rule, 4 below, 8 tag
MAX_DATA = 239  # 255 less that; in digits, as the build puts those where they are used
MAX_LISTED = 16  # blocks in one feedback, and blocks a sender works on at a time

# What a feedback says: ranks (of the blocks from `first` on), or one of these about the whole transfer.
RANKS = 0
COMPLETE = 1
REFUSED = 2
BUSY = 3
_REFUSED_BYTE = 33
_BUSY_BYTE = 34
_FIRST_BYTE = 35


class Fragment:
    """`seed` of a block of `k` fragments; all of one transfer have data of one size."""

    def __init__(self, transfer: int, block: int, k: int, seed: int, data: bytes) -> None:
        self.transfer = transfer
        self.block = block
        self.k = k
        self.seed = seed
        self.data = data


def encode_fragment(fragment: Fragment) -> bytes:
    """transfer 1, block 1, k 1, seed 1, data."""
    return bytes([fragment.transfer, fragment.block, fragment.k, fragment.seed]) + fragment.data


def decode_fragment_untrusted(body: bytes) -> Fragment:
    """The inverse of `encode_fragment`. Raises FrameError."""
    if not 5 <= len(body) <= 4 + MAX_DATA:
        raise FrameError("a fragment has 1 to %d bytes of data" % MAX_DATA)
    if not 1 <= body[2] <= MAX_FRAGMENTS:
        raise FrameError("a block has 1 to %d fragments" % MAX_FRAGMENTS)
    return Fragment(body[0], body[1], body[2], body[3], bytes(body[4:]))


class Feedback:
    """What a receiver holds of a transfer. With RANKS: `ranks` says how many fragments of block `first`, the first that
    is not whole, and of those behind it count; of blocks not listed none does. With COMPLETE: `check`, see `check_of`.
    """

    def __init__(
        self, transfer: int, state: int = RANKS, first: int = 0, ranks: "Sequence[int]" = (), check: int = 0
    ) -> None:
        self.transfer = transfer
        self.state = state
        self.first = first
        self.ranks = ranks
        self.check = check


def check_of(crc: int) -> int:
    """The 7 bits of a message's CRC-32 that a COMPLETE repeats, so that one meant for another message is noticed."""
    return crc & 0x7F


def encode_feedback(feedback: Feedback) -> bytes:
    """transfer 1, then one of: the ranks, 1 byte each (0-32); 35, first 1, the ranks; 33 refused; 34 busy;
    128 + check: complete. Two bytes unless several blocks are open, as an ACK has for base and bitmap."""
    if feedback.state == COMPLETE:
        return bytes([feedback.transfer, 0x80 | feedback.check])
    if feedback.state != RANKS:
        return bytes([feedback.transfer, _REFUSED_BYTE if feedback.state == REFUSED else _BUSY_BYTE])
    head = [feedback.transfer, _FIRST_BYTE, feedback.first] if feedback.first else [feedback.transfer]
    return bytes(head) + bytes(feedback.ranks)


def decode_feedback_untrusted(body: bytes) -> Feedback:
    """The inverse of `encode_feedback`. Raises FrameError."""
    if len(body) < 2:
        raise FrameError("feedback is too short")
    if len(body) == 2 and body[1] > MAX_FRAGMENTS and body[1] != _FIRST_BYTE:
        return _about_the_whole(body[0], body[1])
    first, ranks = (0, body[1:]) if body[1] != _FIRST_BYTE else (body[2] if len(body) > 2 else 0, body[3:])
    if body[1] == _FIRST_BYTE and not first:
        raise FrameError("feedback from block 0 on does not name it")
    if not 1 <= len(ranks) <= MAX_LISTED or first + len(ranks) > MAX_BLOCKS or max(ranks) > MAX_FRAGMENTS:
        raise FrameError("feedback lists no such blocks")
    return Feedback(body[0], RANKS, first, bytes(ranks))


def _about_the_whole(transfer: int, said: int) -> Feedback:
    if said & 0x80:
        return Feedback(transfer, COMPLETE, 0, (), said & 0x7F)
    if said not in (_REFUSED_BYTE, _BUSY_BYTE):
        raise FrameError("feedback says nothing we know")
    return Feedback(transfer, REFUSED if said == _REFUSED_BYTE else BUSY)


class Layout:
    """How a message of `length` bytes is cut into fragments of `size`: `blocks` blocks, as equal as can be, the longer
    ones first. Both sides compute it, so that no frame carries the number of blocks. Raises LoraError."""

    def __init__(self, length: int, size: int) -> None:
        if not (1 <= length <= MAX_MESSAGE and 1 <= size <= MAX_DATA):
            raise LoraError("a message has 1 to %d bytes, a fragment 1 to %d" % (MAX_MESSAGE, MAX_DATA))
        self.length = length
        self.size = size
        self.fragments = (HEADER + length + size - 1) // size
        self.blocks = (self.fragments + MAX_FRAGMENTS - 1) // MAX_FRAGMENTS
        if self.blocks > MAX_BLOCKS:
            raise LoraError("a message of %d bytes needs larger fragments than %d" % (length, size))

    def k_of(self, block: int) -> int:
        """Fragments of a block."""
        return self.fragments // self.blocks + (1 if block < self.fragments % self.blocks else 0)

    def start_of(self, block: int) -> int:
        """Where a block begins, in bytes, header included."""
        return (block * (self.fragments // self.blocks) + min(block, self.fragments % self.blocks)) * self.size
