"""Two drivers, two emulated modules, a wire and a virtual clock."""

import random as randomness
from collections.abc import Callable

from comatrix.gateway.demo.modem.direct_wire import DirectWire
from comatrix.gateway.demo.modem.machine import Manners, Modem, OnAir
from comatrix.gateway.demo.modem.rak3172 import RakModem
from comatrix.gateway.demo.modem.rylr import RylrModem
from comatrix.gateway.radio.dialect import Dialect
from comatrix.gateway.radio.events import Event, Received
from comatrix.gateway.radio.machine import Driver
from comatrix.gateway.radio.rak3172 import Rak3172
from comatrix.gateway.radio.rylr import Rylr
from comatrix.gateway.radio.settings import RadioSettings

SETTINGS = RadioSettings(868_100_000, 7, 125_000, 5, 12, 14)
KINDS = ["rylr998", "rylr896", "rui3", "rak-old"]


def dialect(kind: str, binary_safe: bool = False) -> Dialect:
    return Rylr(SETTINGS, binary_safe=binary_safe) if kind.startswith("rylr") else Rak3172(SETTINGS)


def modem(kind: str, on_air: OnAir, random: Callable[[int], int], **manners: object) -> Modem:
    chosen = Manners(old=kind in ("rylr896", "rak-old"), **manners)  # type: ignore[arg-type]
    return (RylrModem if kind.startswith("rylr") else RakModem)(on_air, chosen, random)


class Side:
    """A driver, its module, and the bytes between them; `garble` may change them."""

    def __init__(self, driver: Driver, module: Modem, garble: Callable[[bytes], bytes]) -> None:
        self.driver, self.module, self.garble = driver, module, garble
        self.events: list[Event] = []
        self.unplugged = False

    def exchange(self, now: int) -> bool:
        """Carry what waits; whether anything did."""
        moved = False
        if out := self.driver.bytes_to_write(now):
            moved = True
            if not self.unplugged:
                self.module.receive(self.garble(out), now)
        while back := self.module.bytes_to_write(now):
            moved = True
            if not self.unplugged:
                self.driver.receive(self.garble(back), now)
        while (event := self.driver.next_event()) is not None:
            self.events.append(event)
        return moved

    def heard(self) -> list[bytes]:
        return [event.frame for event in self.events if isinstance(event, Received)]

    def of(self, kind: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


class Bench:
    """`kind`: of both modules. `garble(random)`: what the serial lines do to a piece of bytes."""

    def __init__(
        self, kind: str, seed: int = 1, binary_safe: bool = False, garbled: int = 0, **manners: object
    ) -> None:
        self.random = randomness.Random(seed)
        self.now = 0
        self.garbled = garbled
        self.wire = DirectWire()
        self.sides = [self._side(kind, binary_safe, manners) for _ in range(2)]

    def _side(self, kind: str, binary_safe: bool, manners: dict[str, object]) -> Side:
        module = self.wire.join(lambda on_air: modem(kind, on_air, self.random.randrange, **manners))
        return Side(Driver(dialect(kind, binary_safe)), module, self._garble)

    def _garble(self, data: bytes) -> bytes:
        """Of a thousand pieces some lose a byte, some have one changed, some get noise in front."""
        if self.random.randrange(1000) >= self.garbled:
            return data
        at, how = self.random.randrange(len(data)), self.random.randrange(3)
        changed = bytes([data[at] ^ 1 << self.random.randrange(8)])
        return [data[:at] + data[at + 1 :], data[:at] + changed + data[at + 1 :], self.random.randbytes(5) + data][how]

    def open(self) -> None:
        for side in self.sides:
            side.driver.opened(self.now)

    def run(self, duration_ms: int) -> None:
        """Let virtual time pass."""
        end = self.now + duration_ms
        while True:
            while sum(side.exchange(self.now) for side in self.sides):
                pass
            due = [self.wire.next_deadline()]
            for side in self.sides:
                due += [side.driver.next_deadline(), side.module.next_deadline()]
            soonest = min((at for at in due if at is not None), default=end + 1)
            if soonest > end:
                self.now = end
                return
            self.now = max(self.now, soonest)
            self.wire.handle_timer(self.now)
            for side in self.sides:
                side.module.handle_timer(self.now)
                side.driver.handle_timer(self.now)
