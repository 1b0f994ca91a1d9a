"""How far each room is behind, for `comatrix status` and `comatrix queue`."""

from typing import Any

from comatrix.gateway.uplink.budget import Budget
from comatrix.gateway.uplink.dispatch import Dispatch
from comatrix.gateway.uplink.lane import Place
from comatrix.gateway.uplink.streams import Streams


def room_lag(place: Place, streams: Streams, dispatch: Dispatch, budget: Budget, now_ms: int) -> dict[str, Any]:
    """One room as JSON-ready values.

    `room` its name, `room_id`; `waiting` records not known to be in it, `oldest_ms` when the oldest of them came (Unix
    ms, None: nothing waits), `lag_ms` how long ago; `events` sealed, `in_doubt` how many of those; `next_ms` when the
    next event is expected (None: nothing waits, or the room is stopped); `rate` what the account may send, in words,
    with `interval_ms` (None: no limit met); `trouble` why nothing goes there, or "".
    """
    waiting = streams.waiting(place.room.id)
    rows = [row for lane in place.lanes for row in lane.rows]
    came = [part.first_ms for part in waiting] + [row.oldest_ms or row.sealed_ms for row in rows if row.records]
    oldest_ms = min(came, default=None)
    return {
        "room": place.name,
        "room_id": place.room.room_id,
        "waiting": sum(part.count for part in waiting) + sum(len(row.records) for row in rows),
        "oldest_ms": oldest_ms,
        "lag_ms": None if oldest_ms is None else max(0, now_ms - oldest_ms),
        "events": len(rows),
        "in_doubt": sum(row.in_doubt for row in rows),
        "next_ms": _next_ms(place, dispatch, budget, now_ms),
        "rate": rate_words(budget.interval_ms),
        "interval_ms": budget.interval_ms,
        "trouble": place.trouble or next((lane.trouble for lane in place.lanes if lane.trouble), ""),
    }


def rate_words(interval_ms: int | None) -> str:
    """ "1 event every 5 s", "20 events a second", "as often as needed"."""
    if interval_ms is None:
        return "as often as needed"
    if interval_ms < 1_000:
        return f"{1_000 // max(1, interval_ms)} events a second"
    return f"1 event every {interval_ms / 1_000:.3g} s"


def _next_ms(place: Place, dispatch: Dispatch, budget: Budget, now_ms: int) -> int | None:
    """The lanes before it take their tokens first, one an interval."""
    if place.stopped:
        return None
    if any(lane.busy for lane in place.lanes):
        return now_ms
    before, moments = 0, []
    for lane in dispatch.in_order(now_ms):
        at_ms = dispatch.gate_ms(lane, now_ms)
        if lane.place is place:
            moments.append(max(now_ms, at_ms) + before * (budget.interval_ms or 0))
        before += at_ms <= max(now_ms, budget.ready_at())
    return min(moments, default=None)
