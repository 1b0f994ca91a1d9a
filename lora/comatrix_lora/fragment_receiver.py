"""The receiver of one peer's coded fragments: several transfers side by side, all of it bounded.

The caller checked that a fragment is the peer's own (it was an OSCORE message) before it comes here. It stores a
message that comes out, and only then sends the feedback, which says that it is stored.
"""

from binascii import crc32

from comatrix_lora.erasure_code import decode
from comatrix_lora.errors import FrameError, LoraError
from comatrix_lora.fragment_format import (
    BUSY,
    COMPLETE,
    HEADER,
    MAX_LISTED,
    MAX_MESSAGE,
    RANKS,
    REFUSED,
    Feedback,
    Layout,
    check_of,
    decode_fragment_untrusted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from comatrix_lora.fragment_format import Fragment

_BLOCK_OVERHEAD = 128  # bytes an open block takes beside its fragments, about
_SLOT_OVERHEAD = 8


class Limits:
    """What one peer may take. `idle_ms`: an open transfer is dropped when nothing came for so long. `memory_ms`: so
    long an ended one is remembered, unless `remembered` later ones ended. A sender uses no number again within that."""

    def __init__(
        self,
        message_bytes: int = MAX_MESSAGE,
        held_bytes: int = 2 * MAX_MESSAGE,
        transfers: int = 4,
        idle_ms: int = 3600000,
        remembered: int = 16,
        memory_ms: int = 21600000,
    ) -> None:
        self.message_bytes = message_bytes
        self.held_bytes = held_bytes
        self.transfers = transfers
        self.idle_ms = idle_ms
        self.remembered = remembered
        self.memory_ms = memory_ms


class _Block:
    """k slots of `size` bytes. A fragment of the block itself lies in its own slot, a coded one in any other."""

    def __init__(self, k: int, size: int) -> None:
        self.k = k
        self.size = size
        self.rank = 0
        self.content = bytearray(k * size)
        self._seeds: "list[int]" = [-1] * k

    def add(self, seed: int, data: bytes) -> None:
        """Take a fragment; one more than is needed, or one that is there, changes nothing."""
        if self.rank == self.k or seed in self._seeds:
            return
        slot = seed if seed < self.k else self._free()
        if self._seeds[slot] >= 0:
            self._move(slot, self._free())
        self._put(slot, seed, data)
        self.rank += 1
        if self.rank == self.k:
            decode(self.content, self._seeds, self.size)
            self._seeds = []

    def _free(self) -> int:
        return self._seeds.index(-1)

    def _move(self, slot: int, other: int) -> None:
        self._put(other, self._seeds[slot], self.content[slot * self.size : (slot + 1) * self.size])

    def _put(self, slot: int, seed: int, data: "bytes | bytearray") -> None:
        self._seeds[slot] = seed
        self.content[slot * self.size : (slot + 1) * self.size] = data


def _cost(k: int, size: int) -> int:
    return k * (size + _SLOT_OVERHEAD) + _BLOCK_OVERHEAD


class _Transfer:
    """One message that is coming in. `order`: older transfers have lower ones."""

    def __init__(self, number: int, size: int, order: int) -> None:
        self.number = number
        self.size = size
        self.order = order
        self.touched = 0
        self.held = 0
        self.starved = False
        self.questions = 0
        self.blocks: "dict[int, _Block]" = {}
        self.layout: "Layout | None" = None

    def check(self, fragment: "Fragment") -> None:
        """Raises FrameError for a fragment that contradicts what is known."""
        if len(fragment.data) != self.size:
            raise FrameError("fragments of one transfer have one size")
        block = self.blocks.get(fragment.block)
        if block is not None and block.k != fragment.k:
            raise FrameError("a block has one number of fragments")
        if self.layout is not None and not self._fits(self.layout, fragment.block, fragment.k):
            raise FrameError("the message has no such block")

    def read_header(self) -> int:
        """Learn from block 0 how the message was cut; its length. Raises LoraError when that cannot be."""
        content = self.blocks[0].content
        if len(content) <= HEADER:
            raise FrameError("a block without a header")
        layout = Layout(int.from_bytes(content[:2], "big") + 1, self.size)
        if not all(self._fits(layout, number, self.blocks[number].k) for number in self.blocks):
            raise FrameError("blocks that are not of this message")
        self.layout = layout
        return layout.length

    def is_whole(self) -> bool:
        return self.layout is not None and self.first_open() == self.layout.blocks

    def message(self) -> bytes:
        """The message. Raises FrameError when its checksum is wrong."""
        assert self.layout is not None
        crc = self.crc()
        message = bytearray(self.layout.length)
        for number in range(self.layout.blocks):
            # Each block is let go as it is copied, into a piece that does not grow: a device has little room.
            content = memoryview(self.blocks.pop(number).content)
            start = self.layout.start_of(number) - HEADER
            end = min(start + len(content), self.layout.length)
            message[max(start, 0) : end] = content[max(-start, 0) : end - start]
        if crc32(message) != crc:
            raise FrameError("the message's checksum is wrong")
        return bytes(message)

    def crc(self) -> int:
        return int.from_bytes(self.blocks[0].content[2:HEADER], "big")

    def first_open(self) -> int:
        """The first block that is not whole."""
        number = 0
        while number in self.blocks and self.blocks[number].rank == self.blocks[number].k:
            number += 1
        return number

    def ranks(self, first: int) -> bytes:
        """Of the blocks from `first` to the last one heard of, as many as a feedback lists."""
        end = max(max(self.blocks) if self.blocks else 0, first) + 1
        numbers = range(first, min(end, first + MAX_LISTED))
        return bytes([self.blocks[number].rank if number in self.blocks else 0 for number in numbers])

    def needs_answer(self) -> bool:
        """Whether a question that came now is answered; counts it."""
        self.questions += 1
        if max(self.blocks) or self.questions * 2 > self.blocks[0].k:
            self.questions = 0
        return self.questions == 0

    def _fits(self, layout: Layout, block: int, k: int) -> bool:
        return block < layout.blocks and k == layout.k_of(block)


class Receiver:
    """Fragments of one peer in, messages out; `feedback` says what to answer."""

    def __init__(self, limits: "Limits | None" = None) -> None:
        self.limits = limits or Limits()
        self.held = 0
        self._open: "dict[int, _Transfer]" = {}
        self._ended: "dict[int, tuple[int, Feedback]]" = {}
        self._orders = 0

    def receive_untrusted(self, body: bytes, now: int) -> "bytes | None":
        """The message that this fragment completed, or None. A fragment of an ended transfer only renews its memory.

        Raises FrameError for what is no fragment or contradicts the others (a message that turns out wrong as a whole
        is dropped, and may come anew), LoraError for what there is no room for.
        """
        fragment = decode_fragment_untrusted(body)
        self.handle_timer(now)
        if fragment.transfer in self._ended:
            self._ended[fragment.transfer] = (now, self._ended[fragment.transfer][1])
            return None
        transfer = self._transfer_of(fragment, now)
        transfer.check(fragment)
        transfer.touched = now
        if fragment.block not in transfer.blocks:
            self._begin_block(transfer, fragment.block, fragment.k, now)
        transfer.blocks[fragment.block].add(fragment.seed, fragment.data)
        try:
            return self._progress(transfer, now)
        except LoraError:
            self._drop(transfer)
            raise

    def answer(self, number: int) -> "Feedback | None":
        """What to answer a fragment that asked, or None for silence; call it once for each.

        The sender of a single block goes on until it hears that the block is whole. To hear how much is missing saves
        it nothing, so that is told only after as many questions as half the block has fragments.
        """
        transfer = self._open.get(number)
        if transfer is None or transfer.starved or transfer.needs_answer():
            return self.feedback(number)
        return None

    def feedback(self, number: int) -> Feedback:
        """What is held of a transfer, also of one never heard of."""
        if number in self._ended:
            return self._ended[number][1]
        transfer = self._open.get(number)
        if transfer is None:
            full = len(self._open) >= self.limits.transfers
            return Feedback(number, BUSY) if full else Feedback(number, RANKS, 0, b"\x00")
        if transfer.starved:
            return Feedback(number, BUSY)
        first = transfer.first_open()
        return Feedback(number, RANKS, first, transfer.ranks(first))

    def forget(self, number: int) -> None:
        """Take back that a transfer ended, when its message could not be stored: it comes once more from the start."""
        if number in self._ended:
            del self._ended[number]

    def next_deadline(self) -> "int | None":
        """When `handle_timer` has something to do."""
        times = [transfer.touched + self.limits.idle_ms for transfer in self._open.values()]
        times += [entry[0] + self.limits.memory_ms for entry in self._ended.values()]
        return min(times) if times else None

    def handle_timer(self, now: int) -> None:
        """Drop what is idle, forget what ended long ago."""
        for transfer in list(self._open.values()):
            if now - transfer.touched >= self.limits.idle_ms:
                self._drop(transfer)
        for number in list(self._ended):
            if now - self._ended[number][0] >= self.limits.memory_ms:
                del self._ended[number]

    def _transfer_of(self, fragment: "Fragment", now: int) -> _Transfer:
        transfer = self._open.get(fragment.transfer)
        if transfer is None:
            if len(self._open) >= self.limits.transfers:
                raise LoraError("as many transfers are open as may be")
            self._orders += 1
            transfer = _Transfer(fragment.transfer, len(fragment.data), self._orders)
            self._open[fragment.transfer] = transfer
        return transfer

    def _begin_block(self, transfer: _Transfer, block: int, k: int, now: int) -> None:
        """The older transfer has the room, so that two never wait for each other. Raises LoraError."""
        cost = _cost(k, transfer.size)
        if transfer.held + cost > self.limits.held_bytes:
            self._end(transfer, Feedback(transfer.number, REFUSED), now)
            raise LoraError("the message takes more room than there is")
        transfer.starved = True
        while self.held + cost > self.limits.held_bytes:
            youngest = max(self._open.values(), key=lambda other: other.order)
            if youngest is transfer:
                raise LoraError("older transfers have the room")
            self._drop(youngest)
        transfer.starved = False
        transfer.blocks[block] = _Block(k, transfer.size)
        transfer.held += cost
        self.held += cost

    def _progress(self, transfer: _Transfer, now: int) -> "bytes | None":
        if transfer.layout is None and transfer.first_open():
            if transfer.read_header() > self.limits.message_bytes:
                self._end(transfer, Feedback(transfer.number, REFUSED), now)
                raise LoraError("the message is too large")
        if not transfer.is_whole():
            return None
        check = check_of(transfer.crc())
        message = transfer.message()
        self._end(transfer, Feedback(transfer.number, COMPLETE, 0, (), check), now)
        return message

    def _end(self, transfer: _Transfer, answer: Feedback, now: int) -> None:
        self._drop(transfer)
        if len(self._ended) >= self.limits.remembered:
            del self._ended[min(self._ended, key=lambda number: self._ended[number][0])]
        self._ended[transfer.number] = (now, answer)

    def _drop(self, transfer: _Transfer) -> None:
        if self._open.get(transfer.number) is transfer:
            self.held -= transfer.held
            del self._open[transfer.number]
