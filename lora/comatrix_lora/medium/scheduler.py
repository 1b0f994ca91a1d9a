"""The queue of events to come: virtual time in integer microseconds, and one order for events of one instant."""

import heapq
from collections.abc import Callable

# Of one instant: frames end before others are locked on to, both before what callers planned; else in order of `at`.
END, LOCK, CALLER = range(3)
_FEW = 64


class Event:
    """What `Scheduler.at` returns; `cancel` it to make nothing happen."""

    __slots__ = ("_scheduler", "callback", "us")

    def __init__(self, scheduler: "Scheduler", us: int, callback: Callable[[], object]) -> None:
        self.us = us
        self.callback: Callable[[], object] | None = callback
        self._scheduler = scheduler

    def cancel(self) -> None:
        """Take it out of the queue. Nothing to do if it is over or cancelled."""
        if self.callback is not None:
            self.callback = None
            self._scheduler.forget_one()


class Scheduler:
    """Events in the order of (time, rank, call of `at`). `now_us` moves only inside `run_until`."""

    def __init__(self) -> None:
        self.now_us = 0
        self.events = 0
        self._queue: list[tuple[int, int, int, Event]] = []
        self._planned = 0
        self._cancelled = 0

    def at(self, us: int, callback: Callable[[], object], rank: int = CALLER) -> Event:
        """Call back at `us`, which may be now. Raises ValueError if it is past."""
        if us < self.now_us:
            raise ValueError(f"{us} us is past: it is {self.now_us} us")
        event = Event(self, us, callback)
        heapq.heappush(self._queue, (us, rank, self._planned, event))
        self._planned += 1
        return event

    def after(self, us: int, callback: Callable[[], object]) -> Event:
        """Call back `us` microseconds from now."""
        return self.at(self.now_us + us, callback)

    def next_event_us(self) -> int | None:
        """When the next event is due, or None: what a driver in real time sleeps until."""
        while self._queue and self._queue[0][3].callback is None:
            heapq.heappop(self._queue)
            self._cancelled -= 1
        return self._queue[0][0] if self._queue else None

    def run_until(self, us: int) -> None:
        """Run what is due up to and including `us`, which is then the time. Raises ValueError if it is past."""
        if us < self.now_us:
            raise ValueError(f"{us} us is past: it is {self.now_us} us")
        queue = self._queue
        while queue and queue[0][0] <= us:
            due, _, _, event = heapq.heappop(queue)
            callback, event.callback = event.callback, None
            if callback is None:
                self._cancelled -= 1
                continue
            self.now_us = due
            self.events += 1
            callback()
        self.now_us = us

    def run(self) -> None:
        """Run until nothing is planned any more."""
        while (us := self.next_event_us()) is not None:
            self.run_until(us)

    def forget_one(self) -> None:
        """Count a cancelled event; rebuild a queue that is cancelled for the most part: it must not grow for ever."""
        self._cancelled += 1
        if self._cancelled > _FEW and self._cancelled * 2 > len(self._queue):
            self._queue[:] = [entry for entry in self._queue if entry[3].callback is not None]
            heapq.heapify(self._queue)
            self._cancelled = 0
