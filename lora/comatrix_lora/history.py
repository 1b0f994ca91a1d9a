"""A node's open readings: those it sent and no ack has confirmed, and which of them the next frame carries again.

The frame's layout is not known here: how long a frame is says a callable, and what it costs another. A link that loses
nothing gets no history but in bytes that cost no airtime; one that loses gets its open readings repeated, oldest first.
"""

SPAN = 8  # bits of a bitmap: readings of one frame lie within this many counters of its oldest
REACH = 254  # so far behind a frame its oldest reading may be: an ack names one counter more than lie between them
FARTHEST = 32767  # how far behind a frame's counter its newest reading may lie
_CALM_OPEN = 16  # open readings that make the node ask, while nothing gets lost
_LOSSY_OPEN = 6  # while something does
_WORST_OPEN = 8  # and while most asks bring nothing
_CALM = 48  # below this loss, of 256, the link counts as calm
_WORST = 160  # above this most asks bring nothing
_ASKS = 8  # that may still be answered
_NEVER = -1

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    Values = Any  # only the callable `size` looks into them


class Open:
    """One open reading. `sent`: counter of the last frame that carried it, -1 before the first. `missing`: an ack
    showed that no frame so far brought it."""

    def __init__(self, seq: int, values: "Values", at_ms: int) -> None:
        self.seq = seq
        self.values = values
        self.at_ms = at_ms
        self.sent = _NEVER
        self.missing = True


class Chosen:
    """What a frame carries: `values` and `seqs`, newest first.

    `behind`: the frame's counter less the newest seq; 0 in the frame that carries a reading for the first time.
    `ages_s`: None where the receiver finds the times by itself (`behind` is 0, and between two readings lies one
    interval a counter); else how many seconds before the frame each was made, capped at 65535.
    `oldest`, `bitmap`: None and 0 without history; else the low byte of the oldest seq; bit i is oldest + 1 + i."""

    def __init__(self, counter: int, records: "Sequence[Open]", ages_s: "list[int] | None", ask: bool) -> None:
        self.seqs = [record.seq for record in records]
        self.values = [record.values for record in records]
        self.ages_s = ages_s
        self.ask = ask
        self.behind = counter - self.seqs[0]
        self.oldest = self.seqs[-1] & 0xFF if len(records) > 1 else None
        self.bitmap = 0
        for seq in self.seqs[1:-1]:
            self.bitmap |= 1 << (seq - self.seqs[-1] - 1)


class History:
    """WIRE section 8, the node's side. `size(values, aged)`: bytes of a frame with these, newest first, with or
    without ages. `interval_ms`: what was announced for the readings. `dropped` counts readings let go unconfirmed,
    `refused` acks that fit nothing that was asked. Counters grow from frame to frame; an ack is answered once."""

    def __init__(self, size: "Callable[[list[Values], bool], int]", interval_ms: int, capacity: int = 128) -> None:
        if capacity < 1 or interval_ms < 1:
            raise ValueError("capacity and interval begin at 1")
        self.size = size
        self.interval_ms = interval_ms
        self.capacity = capacity
        self.records: "list[Open]" = []
        self.dropped = 0
        self.refused = 0
        self.unanswered = 0  # asks in a row
        # Of 256, averaged over about 8 asks: those that brought no ack, or the share of readings an ack lacked.
        self.loss = 128
        self._asked: "list[tuple[int, list[int]]]" = []  # counter of the frame, its seqs

    def open(self) -> "list[tuple[int, Values, int]]":
        """(seq, values, at_ms), oldest first: what a stash keeps through a reset, and `restore` takes."""
        return [(record.seq, record.values, record.at_ms) for record in self.records]

    def learned(self) -> "tuple[int, int]":
        """(loss, asks without answer): what deep sleep should not lose."""
        return self.loss, self.unanswered

    def restore(self, kept: "Iterable[tuple[int, Values, int]]") -> None:
        """Open readings of the life before, oldest first: any of them may have arrived."""
        for seq, values, at_ms in kept:
            self.add(seq, values, at_ms)
            self.records[-1].sent = seq
            self.records[-1].missing = False

    def add(self, seq: int, values: "Values", at_ms: int) -> None:
        """A reading that took `seq` from the node's counter. A full history lets its oldest go.

        Raises ValueError when `seq` is not above all that is open."""
        if self.records and seq <= self.records[-1].seq:
            raise ValueError("seq must grow")
        if len(self.records) >= self.capacity:
            self._drop_oldest()
        self.records.append(Open(seq, values, at_ms))

    @property
    def calm(self) -> bool:
        """Little got lost lately: history only where a reading is known to be missing, or where it costs nothing."""
        return self.loss < _CALM

    def far(self, counter: int) -> bool:
        """Whether the oldest reading can only go in a frame of its own, without a new one (`repeat`)."""
        return bool(self.records) and counter - self.records[0].seq > REACH

    def next_frame(
        self, counter: int, now: int, airtime: "Callable[[int], int]", limit: int, urgent: bool = False
    ) -> "Chosen | None":
        """The frame for the reading added last, with `counter` as its seq. None when that is not open.

        `airtime(size)`: its cost, never falling as sizes grow. `limit`: bytes of the longest frame. `urgent`: it asks.
        """
        if not self.records or self.records[-1].seq != counter:
            return None
        self._note_silence()
        ask = urgent or len(self.records) >= self._patience()
        newest = self.records[-1]
        older = [record for record in self.records if 0 < counter - record.seq <= REACH]
        if self.calm and not ask and not any(record.missing for record in older):
            return self._frame(counter, now, newest, _latest(older), 0, airtime, limit, False)
        return self._frame(counter, now, newest, _oldest(older), self._wanted(), airtime, limit, ask)

    def repeat(
        self, counter: int, now: int, airtime: "Callable[[int], int]", limit: int, newest: "int | None" = None
    ) -> "Chosen | None":
        """A frame without a new reading, for the oldest group of open ones; it asks for an ack. None: all is confirmed.

        `counter` is the frame's own; no reading has it as seq. `newest`: for the open reading of that seq instead, and
        those before it."""
        while self.records and counter - self.records[0].seq > FARTHEST:
            self._drop_oldest()
        if not self.records:
            return None
        self._note_silence()
        last = self.records[0].seq + SPAN if newest is None else newest
        group = [record for record in self.records if last - SPAN <= record.seq <= last]
        return self._frame(counter, now, group[-1], _oldest(group[:-1]), SPAN, airtime, limit, True)

    def asked(self, counter: int) -> bool:
        """Whether an ack of that frame is still waited for."""
        return any(ask[0] == counter for ask in self._asked)

    def acked(self, counter: int, base: int, bitmap: int) -> "list[int]":
        """An authenticated ack of the frame `counter`: the seqs it confirms. One that contradicts what was sent, or
        answers nothing that asked, confirms nothing and is counted.

        `base`: low byte of the first counter, from the frame's oldest on, the gateway lacks; bit i: it has base+1+i."""
        asked = [ask for ask in self._asked if ask[0] == counter]
        if not asked or not (0 <= base <= 0xFF and 0 <= bitmap <= 0xFF):
            return self._refuse()
        seqs = asked[0][1]
        base = seqs[-1] + ((base - seqs[-1]) & 0xFF)
        if base > counter + 1 or (bitmap and base + 1 + _highest_bit(bitmap) > counter):
            return self._refuse()
        if any(not _confirms(seq, base, bitmap, seqs[-1]) for seq in seqs if seq <= base + SPAN):
            return self._refuse()
        confirmed = [one for one in self.records if one.seq in seqs or _confirms(one.seq, base, bitmap, seqs[-1])]
        if any(one.sent == _NEVER for one in confirmed):
            return self._refuse()
        return self._confirm(counter, seqs[-1], base, [one.seq for one in confirmed])

    def _confirm(self, counter: int, oldest: int, base: int, confirmed: "list[int]") -> "list[int]":
        self._asked = [ask for ask in self._asked if ask[0] > counter]
        self.records = [record for record in self.records if record.seq not in confirmed]
        missing = 0
        for record in self.records:
            if oldest <= record.seq <= min(base + SPAN, counter) and record.sent <= counter:
                record.missing = True
                missing += 1
        self.unanswered = 0
        self._learn(256 * missing // (missing + len(confirmed)) if confirmed else 0)
        return confirmed

    def _refuse(self) -> "list[int]":
        self.refused += 1
        return []

    def _drop_oldest(self) -> None:
        self.records = self.records[1:]
        self.dropped += 1

    def _note_silence(self) -> None:
        """A frame is about to leave while an ack is still out: that one is taken for lost."""
        if self.unanswered:
            self._learn(256)

    def _learn(self, sample: int) -> None:
        self.loss += (sample - self.loss) // 8

    def _patience(self) -> int:
        """How many readings are open when the node asks."""
        patience = _CALM_OPEN if self.calm else _WORST_OPEN if self.loss > _WORST else _LOSSY_OPEN
        return min(patience, max(self.capacity // 2, 1))

    def _wanted(self) -> int:
        """Older readings worth airtime of their own."""
        if self.calm:
            return max(len([record for record in self.records[:-1] if record.missing]), 1)
        if len(self.records) <= 2 * _LOSSY_OPEN:
            return 4
        return 6 if len(self.records) <= 3 * _LOSSY_OPEN else SPAN

    def _frame(
        self,
        counter: int,
        now: int,
        newest: Open,
        order: "Sequence[Open]",
        wanted: int,
        airtime: "Callable[[int], int]",
        limit: int,
        ask: bool,
    ) -> Chosen:
        """The newest and as many of `order` as are wanted; then more of them, as long as they cost no airtime."""
        records = [newest]
        ages = self._ages_s(counter, now, records)
        cost = airtime(self.size([newest.values], ages is not None))
        for record in order:
            more = _newest_first(records, record)
            more_ages = self._ages_s(counter, now, more)
            size = self.size([one.values for one in more], more_ages is not None)
            if size > limit or (len(records) > wanted and airtime(size) > cost):
                break
            records, ages, cost = more, more_ages, airtime(size)
        for record in records:
            record.sent = counter
            record.missing = False
        chosen = Chosen(counter, records, ages, ask)
        if ask:
            self.unanswered += 1
            self._asked = self._asked[1 - _ASKS :] + [(counter, chosen.seqs)]
        return chosen

    def _ages_s(self, counter: int, now: int, records: "Sequence[Open]") -> "list[int] | None":
        """None when the first is new and just made, and every other one interval a counter before it, within an eighth
        of it."""
        newest = records[0]
        on_grid = newest.seq == counter and 8 * (now - newest.at_ms) <= self.interval_ms
        for record in records:
            due = newest.at_ms - (newest.seq - record.seq) * self.interval_ms
            on_grid = on_grid and 8 * abs(record.at_ms - due) <= self.interval_ms
        if on_grid:
            return None
        return [min(max(now - record.at_ms, 0) // 1000, 0xFFFF) for record in records]


def _oldest(older: "Sequence[Open]") -> "list[Open]":
    """The oldest and those in its span: it first, then what was sent longest ago, as what an ack lacked was."""
    group = [record for record in older if record.seq <= older[0].seq + SPAN]
    return group[:1] + sorted(group[1:], key=lambda record: (record.sent, record.seq))


def _latest(older: "Sequence[Open]") -> "list[Open]":
    """Those within the span of the latest, that one first."""
    return [record for record in older[::-1] if record.seq >= older[-1].seq - SPAN]


def _newest_first(records: "Sequence[Open]", record: Open) -> "list[Open]":
    return sorted(list(records) + [record], key=lambda one: -one.seq)


def _confirms(seq: int, base: int, bitmap: int, oldest: int) -> bool:
    return oldest <= seq < base or (base < seq <= base + SPAN and bool(bitmap >> (seq - base - 1) & 1))


def _highest_bit(bitmap: int) -> int:
    return max([bit for bit in range(SPAN) if bitmap >> bit & 1])
