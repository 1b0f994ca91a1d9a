"""The replay window of a receiver (RFC 8613 section 7.4): which counters were already accepted."""

SIZE = 32


class Window:
    """`highest`: the highest accepted counter, -1 for none; bit i of `mask`: counter highest - i was accepted."""

    def __init__(self, highest: int = -1, mask: int = 0) -> None:
        self.highest = highest
        self.mask = mask

    def fresh(self, counter: int) -> bool:
        """Whether `counter` was not accepted yet and is not too old to tell."""
        behind = self.highest - counter
        return behind < 0 or (behind < SIZE and not self.mask >> behind & 1)

    def accept(self, counter: int) -> None:
        """Mark a counter whose message was verified."""
        behind = self.highest - counter
        if behind < 0:
            # A jump ahead of any size must not build an integer of that size.
            self.mask = (self.mask << -behind | 1) & 0xFFFFFFFF if -behind < SIZE else 1
            self.highest = counter
        else:
            self.mask |= 1 << behind
