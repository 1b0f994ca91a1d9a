"""A program that waits as programs on a board do, in the middle of a call, while a simulation goes on.

Each boot has a thread of its own, and never do two run at once: the simulation stands still until the program waits. So
the order of everything that happens follows from the code and the seed alone, as without threads.
"""

import threading
from collections.abc import Callable

LONGEST_S = 60.0  # of real time that a program may take between two waits


class Unplugged(BaseException):
    """The run is over: raised in the program where it waits."""


class StuckError(RuntimeError):
    """The program never waits."""


class Turns:
    """`program` runs in turns: `take` from the simulation's thread, `wait` from the program's."""

    def __init__(self, program: Callable[[], None]) -> None:
        self._program = program
        self._its_turn, self._our_turn = threading.Semaphore(0), threading.Semaphore(0)
        self._ending = False
        self._wait_ms: int | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def take(self) -> int | None:
        """Let it run until it waits -> for how long, in ms, or None: it is over. Raises what it raised, StuckError."""
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._its_turn.release()
        if not self._our_turn.acquire(timeout=LONGEST_S):
            self._ending = True
            raise StuckError("runs for ever without waiting")
        if self._error is not None:
            raise self._error
        return self._wait_ms

    def wait(self, ms: int) -> None:
        """Let the simulation run until it takes the next turn."""
        self._wait_ms = ms
        self._our_turn.release()
        self._its_turn.acquire()
        if self._ending:
            raise Unplugged

    def end(self) -> None:
        """The program goes no further."""
        self._ending = True
        if self._thread.is_alive():
            self._its_turn.release()
            self._thread.join(LONGEST_S)

    def _run(self) -> None:
        try:
            self._program()
        except Unplugged:
            pass
        except BaseException as error:  # noqa: BLE001 - told in the simulation's thread
            self._error = error
        self._wait_ms = None
        self._our_turn.release()
