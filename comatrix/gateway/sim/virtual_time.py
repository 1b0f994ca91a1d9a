"""Virtual time for asyncio code: a loop whose clock stands still while anything can run, and then jumps.

An event loop whose timers are elsewhere waits for what comes from outside. This one's selector waits for nothing: it
moves the clock to the next timer. That holds only where nothing real is waited for, so no thread, socket or process may
be in the simulated part: the store commits in the loop's own thread (`Store.open(..., threaded=False)`), datagrams and
HTTP requests are calls. Then the order of everything that happens follows from the code and the seed alone.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple, Unpack

from comatrix.gateway.clock import Clocks
from comatrix.gateway.sim.timers import Timer, Timers

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
WALL_START_MS = 1_767_225_600_000  # 2026-01-01 00:00 UTC, where every simulation begins


class StuckError(RuntimeError):
    """No timer is left, and nothing can run: the program under simulation waits for ever."""


class _Jump(selectors.SelectSelector):
    """Instead of waiting, calls `jump`. Nothing registered ever becomes ready."""

    def __init__(self, jump: Callable[[], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout != 0:
            self._jump()
        return []


class SimLoop(asyncio.SelectorEventLoop):
    """`time()` is seconds since the run began. Used like any other loop, from one thread."""

    wall_start_ms = WALL_START_MS

    def now_ms(self) -> int:
        """Milliseconds since then."""
        return round(self.time() * 1000)

    def now_us(self) -> int:
        """Microseconds since then."""
        return round(self.time() * 1_000_000)

    def clocks(self) -> Clocks:
        """The clocks that the simulated program is handed."""
        return Clocks(self.now_ms, lambda: self.wall_start_ms + self.now_ms())


class VirtualLoop(SimLoop):
    """Where time is virtual. Its timers are its own: they stand in the order in which they were set, and cost less."""

    def __init__(self) -> None:
        self._now_us = 0
        self._timers = Timers()
        super().__init__(_Jump(self._pass))

    def time(self) -> float:
        """Virtual seconds."""
        return self._now_us / 1_000_000

    def now_ms(self) -> int:
        """Milliseconds since the run began, the nearest."""
        return (self._now_us + 500) // 1000

    def now_us(self) -> int:
        """Microseconds since then."""
        return self._now_us

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> Any:
        """As of any loop."""
        return self.call_at(self._now_us / 1_000_000 + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> Any:
        """As of any loop, to the nearest microsecond."""
        timer = Timer(when, callback, args, context)
        self._timers.add(timer)
        return timer

    def _pass(self) -> None:
        """Nothing can run: on to the next timers."""
        due_us = self._timers.next_us()
        if due_us is None:
            raise StuckError("nothing is planned any more, and something is waited for")
        self._now_us = max(self._now_us, due_us)
        for timer in self._timers.take(self._now_us):
            assert timer.call is not None
            timer.running = self.call_soon(timer.call, *timer.args, context=timer.context)


def run(main: Callable[[SimLoop], Coroutine[Any, Any, T]], new_loop: Callable[[], SimLoop] = VirtualLoop) -> T:
    """Runs `main(loop)` to its end. Tasks it leaves behind are cancelled."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, SimLoop)
        return runner.run(main(loop))
