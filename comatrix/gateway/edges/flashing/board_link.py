"""Runs procedures of `gateway.flashing` on a board at an open port."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol, TypeVar

from comatrix.gateway.flashing.procedure import BoardError, Procedure
from comatrix.gateway.flashing.raw_repl import Entered, Event, Failed, Ran, RawRepl

T = TypeVar("T")


class Port(Protocol):
    """What `edges.radio.port` opens."""

    def start(self, on_data: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None: ...
    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...


class PortLost(BoardError):  # noqa: N818 - reads as the state it names
    """The port went away: most likely the board was unplugged."""


class Silent(BoardError):  # noqa: N818 - reads as the state it names
    """The board gave no answer, or not in time. `heard`: what it said instead."""

    def __init__(self, text: str, heard: bytes) -> None:
        super().__init__(text)
        self.heard = heard


class BoardLink:
    """A board at an open port, on the running loop. `now_ms`: a clock that never goes back."""

    def __init__(self, port: Port, now_ms: Callable[[], int]) -> None:
        self._port, self._now_ms = port, now_ms
        self._repl = RawRepl()
        self._woken = asyncio.Event()
        self._lost: str | None = None
        port.start(self._received, self._gone)

    def _received(self, data: bytes) -> None:
        self._repl.receive_untrusted(data, self._now_ms())
        self._woken.set()

    def _gone(self, reason: str) -> None:
        self._lost = reason
        self._woken.set()

    async def enter(self, within_ms: int = 5_000) -> bytes:
        """Reach the raw REPL; what the board said before. Raises Silent, PortLost."""
        self._repl.enter(self._now_ms(), within_ms)
        return self._entered(await self._event())

    def hurry(self) -> None:
        """Send as fast as the line: the board is no small one."""
        self._repl.hurry()

    async def soft_reset(self) -> None:
        """A fresh heap, without the board's main.py. Raises Silent, PortLost."""
        self._repl.soft_reset(self._now_ms())
        self._entered(await self._event())

    def _entered(self, event: Event) -> bytes:
        if isinstance(event, Entered):
            return event.heard
        raise Silent("No MicroPython answers.", event.heard if isinstance(event, Failed) else b"")

    async def run(self, procedure: Procedure[T]) -> T:
        """Its result. Raises what it raises, Silent, PortLost."""
        try:
            code = next(procedure)
            while True:
                self._repl.execute(code.text, self._now_ms(), code.within_ms)
                event = await self._event()
                if not isinstance(event, Ran):
                    raise Silent("The board stopped answering.", event.heard)
                if event.error:
                    code = procedure.throw(_error_of(event.error))
                else:
                    code = procedure.send(event.output)
        except StopIteration as end:
            result: T = end.value
            return result

    async def start_program(self) -> None:
        """Start the board anew, with its main.py; a USB port may go away for a moment. Raises nothing."""
        code = "try:\n import machine\n machine.reset()\nexcept Exception:\n pass\n"
        try:
            self._repl.execute(code, self._now_ms(), 500)
            event = await self._event()
        except PortLost:
            return
        if isinstance(event, Ran):  # it has no `machine`: a soft reset in the friendly REPL runs main.py as well
            self._repl.leave(self._now_ms())
            await self._flush()
            self._port.write(b"\x04")

    async def _event(self) -> Event:
        while (event := self._repl.next_event()) is None:
            await self._turn()
        return event

    async def _flush(self) -> None:
        while self._repl.next_deadline() is not None:
            await self._turn()

    async def _turn(self) -> None:
        if self._lost is not None:
            raise PortLost(f"The port went away: {self._lost}.")
        now = self._now_ms()
        self._repl.handle_timer(now)
        if data := self._repl.data_to_send(now):
            self._port.write(data)
        due = self._repl.next_deadline()
        if due is not None and self._lost is None:
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0, due - self._now_ms()) / 1000):
                    await self._woken.wait()

    def close(self) -> None:
        """Let the port go."""
        self._port.close()


def _error_of(traceback: bytes) -> BoardError:
    text = traceback.decode("utf-8", "replace").strip()
    last = "".join(c if c.isprintable() else "?" for c in text.splitlines()[-1][:200]) if text else ""
    return BoardError(f"The board says: {last}", traceback=text)
