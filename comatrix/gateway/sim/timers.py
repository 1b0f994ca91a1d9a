"""Timers of virtual time: exact to the microsecond, and at one moment in the order in which they were set."""

import heapq
from collections.abc import Callable
from typing import Any


class Timer:
    """One call to come, and what `call_at` of a loop gives: `cancel()`, `cancelled()`, `when()` in seconds."""

    __slots__ = ("_due_s", "args", "call", "context", "running")

    def __init__(self, due_s: float, call: Callable[..., Any], args: tuple[Any, ...], context: Any) -> None:
        self._due_s = due_s
        self.call: Callable[..., Any] | None = call
        self.args = args
        self.context = context
        self.running: Any = None  # the loop's own handle, once its moment came

    def when(self) -> float:
        return self._due_s

    def cancel(self) -> None:
        """It is not called any more; what it holds is let go."""
        self.call, self.args = None, ()
        if self.running is not None:
            self.running.cancel()

    def cancelled(self) -> bool:
        return self.call is None


class Timers:
    """Those set. Cancelled ones stay until their moment."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Timer]] = []
        self._count = 0

    def add(self, timer: Timer) -> None:
        self._count += 1
        heapq.heappush(self._heap, (round(timer.when() * 1_000_000), self._count, timer))

    def next_us(self) -> int | None:
        """When the next is due; None: there is none."""
        heap = self._heap
        while heap and heap[0][2].call is None:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def take(self, us: int) -> list[Timer]:
        """All that are due by then, in order."""
        due = []
        heap = self._heap
        while heap and heap[0][0] <= us:
            timer = heapq.heappop(heap)[2]
            if timer.call is not None:
                due.append(timer)
        return due
