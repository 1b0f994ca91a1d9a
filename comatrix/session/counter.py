"""A counter that survives any crash: reserved in steps, each reservation on disk before its first use."""

from comatrix.errors import CounterError

LAST = (1 << 40) - 1  # a Partial IV has at most 5 bytes (RFC 8613 section 7.2.1)


class Counter:
    """`reserved`: the stored limit; every value below it may have been used before. Nothing can be taken until more is
    reserved: store `wanted()`, sync it, then call `granted()` with it."""

    def __init__(self, reserved: int, step: int) -> None:
        self.next = reserved
        self.limit = reserved
        self.step = step

    def ready(self) -> bool:
        """Whether a value can be taken now."""
        return self.next < self.limit

    def wanted(self) -> int:
        """The limit to store next."""
        return min(max(self.limit, self.next) + self.step, LAST)

    def skip_below(self, value: int) -> None:
        """Go on at `value` or later: everything below it was used by somebody who is gone."""
        self.next = max(self.next, value)

    def granted(self, limit: int) -> None:
        """`limit` is on disk, synced."""
        self.limit = max(self.limit, limit)

    def take(self) -> int:
        """The next value, never given before. Raises CounterError when none is reserved."""
        if self.next >= self.limit:
            raise CounterError("no counter value is reserved")
        value = self.next
        self.next = value + 1
        return value
