"""Which lane goes next, and when to look again: lanes, due streams, the account's tokens."""

from comatrix.gateway.uplink.budget import Budget
from comatrix.gateway.uplink.lane import Lane, LaneKey
from comatrix.gateway.uplink.priority import LEAVES, REACTION, TELEMETRY, rank
from comatrix.gateway.uplink.streams import Streams

MAX_PARALLEL = 8
ROOM_RETRY_MS = 600_000
ACCOUNT_RETRY_MS = 60_000


class Dispatch:
    """Chooses; the lanes are moved by who sends. One account."""

    def __init__(self, streams: Streams, budget: Budget) -> None:
        self.lanes: dict[LaneKey, Lane] = {}
        self.account_paused = False
        self._streams = streams
        self._budget = budget
        self._account_retry_ms = 0

    def choose(self, now_ms: int) -> list[Lane]:
        """Lanes that take a step now, each marked busy; one with its `token` may send."""
        chosen: list[Lane] = []
        free = 0 if now_ms < self._account_retry_ms else self._free()
        for lane in self.in_order(now_ms) if free else ():
            if len(chosen) >= free:
                break
            if self._ready_ms(lane) > now_ms or self._room_is_asked(lane):
                continue
            if lane.place.checked and not self._budget.take(now_ms, self._leave(lane, now_ms)):
                continue
            lane.token = lane.place.checked
            lane.busy = True
            chosen.append(lane)
        return chosen

    def in_order(self, now_ms: int) -> list[Lane]:
        """Lanes with something to do, what goes first in front."""
        order = [(self._rank(lane, now_ms), self._since_ms(lane), lane) for lane in self._idle()]
        return [lane for _, _, lane in sorted(order, key=lambda one: one[:2])]

    def next_ms(self, now_ms: int) -> int | None:
        """When `choose` may find more, or None: only an arrival or the end of a step changes that."""
        if not self._free():
            return None
        moments = [self.gate_ms(lane, now_ms) for lane in self._idle() if not self._room_is_asked(lane)]
        return min(moments, default=None)

    def gate_ms(self, lane: Lane, now_ms: int) -> int:
        """When this lane may take a step, were it alone."""
        token_ms = self._budget.ready_at(self._leave(lane, now_ms)) if lane.place.checked else 0
        return max(self._ready_ms(lane), self._account_retry_ms, token_ms)

    def priority(self, lane: Lane, now_ms: int) -> int:
        """Of the most urgent that is due in the lane: what precedes it there is as urgent."""
        rows, due_ms = lane.urgency(), self._due_ms(lane)
        if due_ms is None or (rows is not None and due_ms > now_ms):
            return TELEMETRY if rows is None else rows
        return min(rows if rows is not None else REACTION, self._streams.priority(lane.key, now_ms))

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

    def _free(self) -> int:
        """How many more lanes may take a step at once."""
        busy = sum(lane.busy for lane in self.lanes.values())
        return max(0, (1 if self.account_paused else MAX_PARALLEL) - busy)

    def _idle(self) -> list[Lane]:
        """Lanes with something to do and nothing on its way."""
        return [
            lane
            for lane in self.lanes.values()
            if not (lane.busy or lane.place.closed) and (lane.rows or self._due_ms(lane) is not None)
        ]

    def _room_is_asked(self, lane: Lane) -> bool:
        """Another lane is finding out whether the room is encrypted."""
        return not lane.place.checked and any(other.busy for other in lane.place.lanes)

    def _due_ms(self, lane: Lane) -> int | None:
        return None if lane.mute else self._streams.due_ms(lane.key)

    def _since_ms(self, lane: Lane) -> int:
        """Since when something of it is due."""
        rows_ms = min((row.sealed_ms for row in lane.rows), default=None)
        return min((at_ms for at_ms in (rows_ms, self._due_ms(lane)) if at_ms is not None), default=0)

    def _ready_ms(self, lane: Lane) -> int:
        """When something of it is due, or the lane's waiting for a retry over."""
        due_ms = 0 if lane.rows else self._since_ms(lane)
        return max(due_ms, lane.not_before_ms)

    def _rank(self, lane: Lane, now_ms: int) -> int:
        return rank(self.priority(lane, now_ms), now_ms - self._since_ms(lane))

    def _leave(self, lane: Lane, now_ms: int) -> int:
        return LEAVES[self._rank(lane, now_ms)]
