"""How often the account may send, learned from its 429s: a token bucket for all rooms together.

Unlimited until the homeserver first refuses. From then on an assumed burst, and an interval learned so: a success right
after a refusal took the only token there was, so the next refusal says exactly when the next one comes.
"""

ASSUMED_BURST = 10  # Synapse's default
ASSUMED_INTERVAL_MS = 5_000
MAX_INTERVAL_MS = 600_000
PROBE_AFTER = 20  # accepted in a row: try a little faster, limits are lifted too


class Budget:
    """`ready_at` says when, `take` takes a token; then `accepted` or `limited` says what came of it. Times in ms."""

    def __init__(self) -> None:
        self._interval_ms: int | None = None  # None: unlimited
        self._burst = ASSUMED_BURST
        self._full_at_ms = 0  # when the bucket would be full again: one number holds level and time
        self._not_before_ms = 0
        self._emptied = False  # the last word was a refusal
        self._only_token_ms: int | None = None  # when the success right after a refusal came
        self._accepted = 0

    @property
    def interval_ms(self) -> int | None:
        """One event in so many ms, as far as it is learned; None: as often as we like."""
        return self._interval_ms

    def ready_at(self, leave: int = 0) -> int:
        """The earliest time a token is there that leaves `leave` others; it may be past."""
        if self._interval_ms is None:
            return self._not_before_ms
        if self._emptied or self._only_token_ms is not None:
            leave = 0  # somebody has to find out when the refusal is over, and how soon the next token comes
        return max(self._not_before_ms, self._full_at_ms - (self._burst - 1 - leave) * self._interval_ms)

    def take(self, now_ms: int, leave: int = 0) -> bool:
        """Takes a token if one is there that leaves `leave` others."""
        if now_ms < self.ready_at(leave):
            return False
        if self._interval_ms is not None:
            self._full_at_ms = max(self._full_at_ms, now_ms) + self._interval_ms
        return True

    def returned(self) -> None:
        """A token taken was not used: nothing was sent."""
        if self._interval_ms is not None:
            self._full_at_ms -= self._interval_ms

    def accepted(self, now_ms: int) -> None:
        """The homeserver took an event."""
        self._only_token_ms = now_ms if self._emptied else None
        self._emptied = False
        self._accepted += 1
        if self._interval_ms is not None and self._accepted >= PROBE_AFTER:
            self._accepted = 0
            self._interval_ms = self._interval_ms * 4 // 5
            if self._interval_ms < 10:
                self._interval_ms = None

    def limited(self, now_ms: int, retry_after_ms: int | None) -> None:
        """A 429: nothing is left until then."""
        wait_ms = min(retry_after_ms or ASSUMED_INTERVAL_MS, MAX_INTERVAL_MS)
        if not self._emptied:  # the sends that were in flight beside the first one say nothing new
            known = wait_ms if self._interval_ms is None else max(self._interval_ms, wait_ms)
            if self._only_token_ms is not None:
                known = now_ms + wait_ms - self._only_token_ms
            self._interval_ms = max(1, min(known, MAX_INTERVAL_MS))
        interval_ms = self._interval_ms or ASSUMED_INTERVAL_MS
        self._emptied = True
        self._only_token_ms = None
        self._accepted = 0
        self._not_before_ms = max(self._not_before_ms, now_ms + wait_ms)
        # One token at that time, none before: the bucket is full burst - 1 intervals later.
        self._full_at_ms = self._not_before_ms + (self._burst - 1) * interval_ms
