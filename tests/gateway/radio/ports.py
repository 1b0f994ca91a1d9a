"""Two emulated modules on pseudo terminals, and radios at them, in real time."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

from comatrix.gateway.clock import monotonic_ms
from comatrix.gateway.demo.modem.direct_wire import DirectWire
from comatrix.gateway.demo.modem.pty_runner import PtyModems
from comatrix.gateway.edges.radio.radio import Radio
from comatrix.gateway.radio.events import Event
from comatrix.gateway.radio.machine import Driver
from tests.gateway.radio.bench import dialect, modem

WITHIN_S = 10.0


class Told:
    """A radio and the events it told."""

    def __init__(self, port: str, kind: str, binary_safe: bool = True) -> None:
        self.events: list[Event] = []
        self.radio = Radio(port, Driver(dialect(kind, binary_safe)), self.events.append, pause_s=(0.02, 0.1))

    async def until(self, right: Callable[[Event], bool], times: int = 1) -> None:
        """Wait for `times` events that are `right`."""
        await until(lambda: sum(map(right, self.events)) >= times)

    def of(self, kind: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


async def until(right: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not right():  # noqa: ASYNC110 - what is waited for happens in files and other loops too
            await asyncio.sleep(0.005)


class Desk:
    """Modules of `kind` at the ports a and b in `folder`."""

    def __init__(self, folder: Path, kind: str, **manners: object) -> None:
        self.kind = kind
        self.wire = DirectWire()
        self.modems = PtyModems(self.wire, monotonic_ms)
        self.paths = [folder / "a", folder / "b"]
        source = random.Random(2)
        self.modules = [
            self.wire.join(lambda on_air: modem(kind, on_air, source.randrange, boot_ms=30, **manners))
            for _ in range(2)
        ]
        for path, module in zip(self.paths, self.modules, strict=True):
            self.modems.plug(path, module)

    def told(self, number: int) -> Told:
        return Told(str(self.paths[number]), self.kind)
