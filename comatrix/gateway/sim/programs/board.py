"""Boards that run a person's program from its first line, as a board runs main.py after every reset.

The program is the file as it stands, and so is `Node.run_once`: where they wait, the simulation goes on (turns.py), and
deep sleep ends the program until the next start. What it imports of the board is in hardware.py.
"""

import builtins
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from comatrix_lora.medium.randomness import Stream

from comatrix.gateway.errors import GatewayError
from comatrix.gateway.sim.board import FOREVER_MS, MOST_TURNS, Board
from comatrix.gateway.sim.firmware import replaced
from comatrix.gateway.sim.lora_board import LoraBoard
from comatrix.gateway.sim.programs.expected import Expected, records
from comatrix.gateway.sim.programs.finding import Found
from comatrix.gateway.sim.programs.hardware import Hardware, module, modules
from comatrix.gateway.sim.programs.turns import Turns

NODE_MODULE = "comatrix_node.node"


class _Asleep(BaseException):
    """The board sleeps deeply: what ran is gone."""


class _Here(threading.local):
    """Whose program this thread runs."""

    board: "Running | None" = None


_here = _Here()


def ending_programs() -> AbstractContextManager[None]:
    """While a simulation runs: deep sleep, which the firmware asks `power` for, ends the program of this thread."""
    from comatrix_node import power  # the firmware unloads it, and then it is another

    host = power.deep_sleep

    def deep_sleep(ms: int) -> None:
        (host if _here.board is None else _here.board.deep_sleep)(ms)

    return replaced([(power, "deep_sleep", deep_sleep)])


class Running(Board):
    """`wake`: its first moment, or something happened at its link. `failed`: why its program runs no more."""

    def runs(self, found: Found, stream: Stream, started_ms: Callable[[], int]) -> None:
        """What it runs. `started_ms`: virtual ms of the run, for what is told of it."""
        self._found = found
        self._started_ms = started_ms
        self._turns: Turns | None = None
        self._hears = False
        self._stalled = 0
        self._slept_ms: int | None = None
        self.boots = 0
        self.failed: GatewayError | None = None
        self.expected = Expected()
        self.moved: list[tuple[int, str, int]] = []  # when, the pin's name, its level
        self._names = {number: name for name, number in found.pins.items()}
        self.hardware = Hardware(stream, self._moved)

    def put(self, pin: str, value: float) -> None:
        """Something changes at a pin, by its name; the board wakes up where that is what it waits for."""
        if self.hardware.put(self._found.pins[pin], value) and self._turns is None and self.boots:
            self._resume()

    def unplug(self) -> None:
        """Its program ends wherever it is."""
        if self._turns is not None:
            self._turns.end()

    # In the simulation

    def wake(self) -> None:
        """A program that does not listen to its link now goes on when its own time has come."""
        if self._hears or not self.boots:
            self._resume()

    def _resume(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self.failed is not None:
            return
        if self._turns is None:
            self.boots += 1
            self.hardware.wakes_at = None
            self._turns = Turns(self._main)
        try:
            pause_ms = self._turns.take()
        except Exception as error:  # noqa: BLE001 - a person's program may raise anything
            self._fail(f"{type(error).__name__}: {error}")
            return
        if pause_ms is None:
            self._over()
        else:
            self._next = self._at(self._now_ms() + max(1, pause_ms), self._resume)

    def _over(self) -> None:
        """The program is at its end: asleep, as it should be, or not."""
        self._turns = self.node = None
        self._inbox.clear()
        if self._slept_ms is None:
            self._fail("it ended without node.run() or node.run_once()")
        elif self.hardware.wakes():
            self._next = self._at(self._now_ms() + 1, self._resume)
        else:
            self._next = self._at(self._now_ms() + self._slept_ms, self._resume)

    def _fail(self, why: str) -> None:
        self._turns = self.node = None
        program = self._found.code.co_filename
        self.failed = GatewayError(f"The program {program} of node {self.plan.name} stopped: {why}", "")

    def _moved(self, pin: int, level: int) -> None:
        self.moved.append((self._started_ms(), self._names.get(pin, str(pin)), level))

    # In the program's thread

    def now(self) -> int:
        """Of the clock: it goes on where the program waits in the middle of a call."""
        return self._now_ms()

    def receive(self, wait_ms: int) -> bytes | None:
        """Of the link: what came, or None after the time."""
        if not self._inbox and wait_ms > 0:
            self._stalled, self._hears = 0, True
            self._pause(wait_ms)
        self._hears = False
        if self._inbox:
            return self._inbox.pop(0)
        self._stalled += 1
        if self._stalled > MOST_TURNS:
            raise RuntimeError("the node never waits")
        return None

    def deep_sleep(self, ms: int) -> None:
        """Of `machine`: the program ends here."""
        self._slept_ms = max(1, ms)
        raise _Asleep

    def _pause(self, ms: int) -> None:
        if self._turns is not None and ms > 0:
            self._turns.wait(ms)

    def _main(self) -> None:
        _here.board = self
        woke, self._slept_ms = self._slept_ms is not None, None
        board = modules(
            self.hardware,
            self._found.pins,
            sleep_ms=self._pause,
            deep_sleep=self.deep_sleep,
            now_ms=self.now,
            woke=woke,
        )
        board[NODE_MODULE] = module(NODE_MODULE, Node=lambda: self._new_node(woke))

        def imported(name: str, *rest: Any) -> Any:
            return board.get(name) or builtins.__import__(name, *rest)

        names = {"__name__": "__main__", "__builtins__": {**vars(builtins), "__import__": imported}}
        try:
            exec(self._found.code, names)
        except _Asleep:
            return

    def _new_node(self, woke: bool) -> Any:
        self.node = node = self._make_node(woke)
        send = node.post

        def post(readings: dict[str, Any], *more: Any, **named: Any) -> None:
            now_ms = self._now_ms()
            if now_ms >= self._until_ms:
                return  # only what was measured by then has time to arrive
            for values in records(readings, self._schemas()):
                self._measured(self.expected.measured(values), now_ms)
            send(readings, *more, **named)

        def run(watchdog_ms: int = 0) -> None:
            """As Node.run, which looks each second whether something is due."""
            while True:
                node.step(FOREVER_MS)

        node.post, node.run = post, run
        return node

    def _schemas(self) -> Any:
        """Of a node on LoRa."""
        return None


class UdpProgram(Running):
    """On a link of datagrams."""


class LoraProgram(Running, LoraBoard):
    """With a radio in the simulated air."""

    def _make_node(self, woke: bool) -> Any:
        node = super()._make_node(woke)
        node._deep_sleep = self.deep_sleep
        return node

    def _schemas(self) -> Any:
        return self.node.schemas
