"""Which lane goes next, and when to look again: lanes, due streams, the account's tokens."""

from comatrix.gateway.uplink.budget import Budget
from comatrix.gateway.uplink.lane import Lane
from comatrix.gateway.uplink.streams import Streams

MAX_PARALLEL = 8
ROOM_RETRY_MS = 600_000
ACCOUNT_RETRY_MS = 60_000


class Dispatch:
    """Chooses; the lanes are moved by who sends. One account."""

    def __init__(self, streams: Streams, budget: Budget) -> None:
        self.lanes: dict[int, Lane] = {}
        self.account_paused = False
        self._streams = streams
        self._budget = budget
        self._account_retry_ms = 0

    def choose(self, now_ms: int) -> list[Lane]:
        """Lanes that take a step now, each marked busy; one that sends (`checked`) has its token."""
        chosen: list[Lane] = []
        ready = [(at_ms, lane) for lane in self._idle() if (at_ms := self._ready_ms(lane)) <= now_ms]
        for _, lane in sorted(ready, key=lambda one: one[0]):
            if self._full() or now_ms < self._account_retry_ms:
                break
            if lane.checked and not self._budget.take(now_ms):
                continue
            lane.busy = True
            chosen.append(lane)
        return chosen

    def next_ms(self) -> int | None:
        """When `choose` may find more, or None: only an arrival or the end of a step changes that."""
        if self._full():
            return None
        moments = [self._gate_ms(lane) for lane in self._idle()]
        return min(moments, default=None)

    def pause_account(self, now_ms: int) -> None:
        """Nothing may be sent: one lane tries, a minute from now."""
        self.account_paused = True
        self._account_retry_ms = now_ms + ACCOUNT_RETRY_MS

    def open_account(self) -> None:
        """The homeserver takes the account's requests."""
        self.account_paused = False
        self._account_retry_ms = 0

    def hurry(self) -> None:
        """Something was mended: nobody waits for a retry."""
        self._account_retry_ms = 0
        for lane in self.lanes.values():
            lane.not_before_ms = 0

    def _full(self) -> bool:
        busy = sum(lane.busy for lane in self.lanes.values())
        return busy >= (1 if self.account_paused else MAX_PARALLEL)

    def _idle(self) -> list[Lane]:
        """Lanes with something to do and nothing on its way."""
        return [
            lane
            for lane in self.lanes.values()
            if not (lane.busy or lane.stopped) and (lane.rows or self._streams.due_ms(lane.room.id) is not None)
        ]

    def _ready_ms(self, lane: Lane) -> int:
        due_ms = None if lane.rows else self._streams.due_ms(lane.room.id)
        return max(lane.not_before_ms, due_ms or 0)

    def _gate_ms(self, lane: Lane) -> int:
        token_ms = self._budget.ready_at() if lane.checked else 0
        return max(self._ready_ms(lane), self._account_retry_ms, token_ms)
