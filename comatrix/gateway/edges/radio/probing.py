"""Which module answers at a port, and whether two of them pass every byte value."""

import asyncio
import string
from collections.abc import Callable
from dataclasses import dataclass

from comatrix.gateway.clock import monotonic_ms
from comatrix.gateway.edges.radio.port import open_port
from comatrix.gateway.edges.radio.radio import Radio
from comatrix.gateway.errors import GatewayError
from comatrix.gateway.radio.dialect import Dialect
from comatrix.gateway.radio.events import Event, Ready, Received, Refused, Sent, Unknown
from comatrix.gateway.radio.machine import Driver
from comatrix.gateway.radio.probe import Found, Probe
from comatrix.gateway.radio.rak3172 import Rak3172
from comatrix.gateway.radio.rylr import Rylr

READY_S = 15.0
HEARD_MS = 2000  # more than the airtime
TRIES = 3
CONTROL = string.ascii_letters.encode()
FRAMES = {
    "0x00 to 0x7f": bytes(range(128)),
    "0x80 to 0xff": bytes(range(128, 256)),
    "line ends, and what looks like an answer": b"\r\n+OK\r\n\x00+RCV=1,2,ab,-1,1\r\n\r\nAT\r\n",
}


@dataclass(frozen=True, slots=True)
class Passed:
    """`hears`: the two hear each other at all. `failed`: what did not come through as it was sent."""

    hears: bool
    failed: tuple[str, ...] = ()


async def find(url: str, baud: int) -> Found | None:
    """The module at the port, or None where nothing answers. Raises PortError."""
    port = await open_port(url, baud)
    probe = Probe()
    try:
        changed = asyncio.Event()

        def received(data: bytes) -> None:
            probe.receive(data, monotonic_ms())
            changed.set()

        lost: list[str] = []

        def ended(reason: str) -> None:
            lost.append(reason)
            changed.set()

        probe.opened(monotonic_ms())
        port.start(received, ended)
        while not probe.done and not lost:
            if data := probe.bytes_to_write(monotonic_ms()):
                port.write(data)
            changed.clear()
            await _until(changed, (probe.next_deadline() or 0) - monotonic_ms())
            probe.handle_timer(monotonic_ms())
    finally:
        port.close()
    return probe.found


async def _until(changed: asyncio.Event, most_ms: int) -> None:
    try:
        async with asyncio.timeout(max(0, most_ms) / 1000):
            await changed.wait()
    except TimeoutError:
        return


class Heard:
    """A radio of the test, and what it told."""

    def __init__(self, url: str, baud: int, dialect: Dialect) -> None:
        self.events: list[Event] = []
        self.changed = asyncio.Event()
        self.dialect = dialect
        self.radio = Radio(url, Driver(dialect), self._event, baud=baud)

    def _event(self, event: Event) -> None:
        self.events.append(event)
        self.changed.set()

    async def wait_for(self, right: Callable[[Event], bool], most_ms: int) -> bool:
        """Whether an event that is `right` came in time."""
        until = monotonic_ms() + most_ms
        while not any(map(right, self.events)):
            if monotonic_ms() >= until:
                return False
            self.changed.clear()
            await _until(self.changed, until - monotonic_ms())
        return True


async def try_all_bytes(
    first: tuple[str, int], peer: tuple[str, int], found: Found, progress: Callable[[str], None]
) -> Passed:
    """The peer sends every byte value; the first must hear the same. Both are set as `found` says. Raises PortError,
    GatewayError."""
    hearing, sending = (Heard(*at, dialect_of(found)) for at in (first, peer))
    for port, baud in (first, peer):
        (await open_port(port, baud)).close()  # its words, if it cannot be opened
    try:
        for side in (hearing, sending):
            await side.radio.start()
            if not await side.wait_for(lambda event: isinstance(event, Ready), int(READY_S * 1000)):
                progress(f"{side.radio.url} did not get ready.")
                return Passed(False)
        if not await _passes(sending, hearing, CONTROL):
            return Passed(False)
        progress("They hear each other.")
        failed = []
        for name, frame in FRAMES.items():
            passed = await _passes(sending, hearing, frame)
            progress(f"{'passed' if passed else 'NOT passed'}: {name}")
            if not passed:
                failed.append(name)
        return Passed(True, tuple(failed))
    finally:
        await hearing.radio.stop()
        await sending.radio.stop()


async def _passes(sending: Heard, hearing: Heard, frame: bytes) -> bool:
    """A frame may be lost to anything: it has some tries."""
    for number in range(TRIES):
        token = (frame, number)
        await sending.radio.send(frame, token)
        airtime_ms = sending.dialect.airtime_ms(frame)
        await sending.wait_for(_end_of(token), 3 * airtime_ms + HEARD_MS)
        if await hearing.wait_for(lambda event: isinstance(event, Received) and event.frame == frame, HEARD_MS // 4):
            return True
    return False


def _end_of(token: object) -> Callable[[Event], bool]:
    """Whether an event ends the frame of this token."""
    return lambda event: isinstance(event, Sent | Refused | Unknown) and event.token == token


def dialect_of(found: Found) -> Dialect:
    """A driver's dialect that leaves the module as it was found, and sends bytes as they are.

    Raises GatewayError: it says of itself what no such module says.
    """
    assert found.settings is not None
    if found.kind == "RAK3172":
        return Rak3172(found.settings)
    told = {name: found.parameters.get(name, default) for name, default in (("NETWORKID", "18"), ("ADDRESS", "0"))}
    try:
        network_id, address = map(int, told.values())
        return Rylr(found.settings, network_id=network_id, address=address, binary_safe=True)
    except ValueError:
        said = " and ".join(f"{name} {value!a}" for name, value in told.items())
        raise GatewayError(f"The module says it has {said}, which no {found.kind} has; is the line noisy?") from None
