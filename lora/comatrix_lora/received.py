"""What the gateway has of a node: which counters came, the ack that tells, and readings in the order of their seq."""

from comatrix_lora.history import FARTHEST, SPAN

_BLOCK = 256  # counters of one block of the memory
_BLOCKS = 8
_MOST_HELD = 64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def carried_untrusted(counter: int, behind: int, oldest: "int | None", bitmap: int) -> "list[int]":
    """The seqs of a frame's readings, newest first. `oldest` None: it carries no older ones.

    Raises ValueError where no node would say so."""
    seq = counter - behind
    if not (0 <= behind <= FARTHEST and seq >= 0 and 0 <= bitmap <= 0xFF):
        raise ValueError("no such reading")
    if oldest is None:
        return [seq]
    if not 0 <= oldest <= 0xFF:
        raise ValueError("not a byte")
    back = (seq - oldest) & 0xFF
    first = seq - back
    later = [first + 1 + bit for bit in range(SPAN - 1, -1, -1) if bitmap >> bit & 1]
    if back == 0 or first < 0 or (later and later[0] >= seq):
        raise ValueError("older readings must be older")
    return [seq] + later + [first]


class Counters:
    """A set of counters that forgets the lowest: at most 8 blocks of 256 are kept."""

    def __init__(self) -> None:
        self._blocks: "dict[int, bytearray]" = {}

    def add(self, counter: int) -> None:
        number = counter // _BLOCK
        if number not in self._blocks:
            if len(self._blocks) >= _BLOCKS:
                del self._blocks[min(self._blocks)]
            self._blocks[number] = bytearray(_BLOCK // 8)
        self._blocks[number][counter % _BLOCK // 8] |= 1 << counter % 8

    def __contains__(self, counter: int) -> bool:
        block = self._blocks.get(counter // _BLOCK)
        return block is not None and bool(block[counter % _BLOCK // 8] >> counter % 8 & 1)


class Received:
    """WIRE sections 7 and 8, the gateway's side, one a node and enrolment.

    `interval_ms` and `periods`: a reading is held that many reporting periods for an older one that may be open.
    `known`: counters of records stored before, `posted`: the highest seq that went on, -1 for none."""

    def __init__(self, interval_ms: int, periods: int = 3, known: "Iterable[int]" = (), posted: int = -1) -> None:
        self.hold_ms = interval_ms * periods
        self.posted = posted
        self._came = Counters()
        self._held: "list[tuple[int, object, int]]" = []  # seq, record, when it is no longer held; in order of seq
        self._until: "int | None" = None  # when the first of them is no longer held
        self._news = False  # a counter came since it was last looked which of them wait for nothing any more
        self._floor = 0  # nothing below is waited for
        self._latest = -1  # the frame that said so
        for counter in known:
            self._came.add(counter)

    def has(self, seq: int) -> bool:
        """Whether a reading came already."""
        return seq in self._came

    def heard(self, counter: int) -> None:
        """An authenticated frame without readings: no reading has its counter."""
        self._came.add(counter)
        self._news = True

    def receive(self, counter: int, seqs: "list[int]", records: "Sequence[object]", now: int) -> "list[int]":
        """A frame's readings, newest first, as `carried_untrusted` found them: the indexes of those that are new.

        The caller stores them before it calls `ack`, and takes what `deliverable` gives."""
        fresh = []
        for index, seq in enumerate(seqs):
            if seq not in self._came:
                fresh.append(index)
                self._came.add(seq)
                self._held.append((seq, records[index], now + self.hold_ms))
        if fresh:
            self._until = min([held[2] for held in self._held])
        self._came.add(counter)
        self._news = True
        self._held.sort(key=lambda held: held[0])
        if counter > self._latest:
            self._latest = counter
            self._floor = seqs[-1]
        return fresh

    def ack(self, counter: int, seqs: "list[int]") -> "tuple[int, int]":
        """(base, bitmap) for a frame that asked. From the frame's oldest on, base is the first counter that did not
        come (its low byte); bit i says that base+1+i came. Nothing above the frame's counter is told."""
        base = seqs[-1]
        while base <= counter and base - seqs[-1] < 0xFF and base in self._came:
            base += 1
        bitmap = 0
        for bit in range(SPAN):
            if base + 1 + bit <= counter and base + 1 + bit in self._came:
                bitmap |= 1 << bit
        return base & 0xFF, bitmap

    def deliverable(self, now: int) -> "list[tuple[int, object, bool]]":
        """(seq, record, late) to post now, in order of seq. Late: one with a higher seq was posted before."""
        if not self._news and (self._until is None or now < self._until):
            return []
        self._news = False
        count = self._due(now)
        ready, self._held = self._held[:count], self._held[count:]
        self._until = min([held[2] for held in self._held]) if self._held else None
        delivered = []
        for seq, record, _ in ready:
            delivered.append((seq, record, seq < self.posted))
            self.posted = max(self.posted, seq)
        return delivered

    def next_deadline(self) -> "int | None":
        """When a held reading is due, whatever is missing."""
        return self._until

    def _due(self, now: int) -> int:
        """How many of the held, from the lowest seq on, wait for nothing any more."""
        count = max(len(self._held) - _MOST_HELD, 0)
        for index, (_, _, until) in enumerate(self._held):
            if until <= now:
                count = max(count, index + 1)
        waited = max(self._floor, self.posted + 1)
        if count:
            waited = max(waited, self._held[count - 1][0] + 1)
        while count < len(self._held):
            seq = self._held[count][0]
            while waited < seq and waited in self._came:
                waited += 1
            if waited < seq:
                break
            count += 1
        return count
