"""A LoRa node in virtual time over an emulated AT module: bytes of a serial line, and a medium of two modules."""

import base64
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from comatrix_lora.mac import Channel
from comatrix_lora.medium.randomness import Stream

from comatrix.gateway.demo.modem.direct_wire import DirectWire
from comatrix.gateway.demo.modem.machine import Manners, Modem, OnAir
from comatrix.gateway.demo.modem.rak3172 import RakModem
from comatrix.gateway.demo.modem.rylr import HEADER, MARK, RylrModem
from comatrix.gateway.radio.settings import RadioSettings
from tests.support.lora_gateway import NODE, SECRET, LoraGateway
from tests.support.node_bench import MemoryStore

sys.path.insert(0, str(Path(__file__).parent / "platform"))

from comatrix_node.config import parse
from comatrix_node.link_lora import SerialLink
from comatrix_node.lora_channel import RadioChannel
from comatrix_node.lora_node import Node
from comatrix_node.modem_rak import Rak
from comatrix_node.modem_rylr import Rylr

INTERVAL_S = 600
RADIO = {"region": "EU868", "frequency_hz": 868_100_000, "sf": 7, "preamble": 12, "power_dbm": 10, "uart": "/dev/none"}


class Antenna:
    """The gateway's radio on the wire between modules: it speaks as the node's module does."""

    def __init__(self, on_air: OnAir, rylr: bool) -> None:
        self.settings = RadioSettings(frequency_hz=868_100_000, sf=7, preamble=12)
        self.heard: list[bytes] = []
        self._on_air = on_air
        self._rylr = rylr

    def deliver(self, frame: bytes, rssi_dbm: int, snr_db: int, now: int) -> None:
        self.heard.append(base64.b64decode(frame[HEADER.size :]) if self._rylr else frame)

    def send(self, frame: bytes, now: int) -> int:
        """The end of the transmission."""
        if self._rylr:
            data = base64.b64encode(frame)
            frame = HEADER.pack(MARK, 18, 0, 1, len(data)) + data
        self._on_air(frame, self.settings, now)
        return now + self.settings.airtime_ms(len(frame))


class ModemBench:
    """`lost(n)`: whether the n-th frame to arrive is lost. `spoil(data)`: what becomes of bytes from the module."""

    def __init__(
        self, module: str = "rylr998", loss: float = 0.0, seed: int = 1, manners: Manners | None = None
    ) -> None:
        self.now = 0
        self.random = Stream(seed, "modems")
        self.rylr = module.startswith("rylr")
        self.wire = DirectWire(lost=lambda: self.random.below(1000) < 1000 * loss)
        make: Callable[[OnAir], Modem] = (
            (lambda on_air: RylrModem(on_air, manners, self.random.below))
            if self.rylr
            else (lambda on_air: RakModem(on_air, manners, self.random.below))
        )
        self.modem = self.wire.join(make)
        self.antenna: Antenna = self.wire.join(lambda on_air: Antenna(on_air, self.rylr))  # type: ignore
        self.values = {**RADIO, "module": module}
        self.plugged = True
        self.opened = 0
        self.registered = False
        self.spoil: Callable[[bytes], bytes] = lambda data: data
        self.told: list[bytes] = []  # lines to the module
        self.store = MemoryStore()
        self._input = b""
        self._free_ms = 0
        config = self._config()
        self.channel = RadioChannel(config.link)
        self.gateway = LoraGateway(Channel(7, preamble=12, limit=170), self.random.below, INTERVAL_S * 1000)

    def _config(self) -> Any:
        values: dict[str, Any] = {"v": 1, "node": NODE, "name": "garden", "secret": SECRET.hex(), "enrolment": 1}
        return parse({**values, "interval_s": INTERVAL_S, "lora": self.values})

    def boot(self) -> Node:
        config = self._config()
        dialect = Rylr(config.link) if self.rylr else Rak(config.link)
        self.channel.of(dialect)
        self.link = SerialLink(dialect, self.channel.airtime_ms, Clock(self), self._open, 115200, self)
        return Node(config, self.link, self.store, Clock(self), self.random.below)

    # A port, as SerialLink opens it, and its poller

    def _open(self) -> "Port":
        if not self.plugged:
            raise OSError(2)
        self.opened += 1
        return Port(self)

    def register(self, port: "Port", events: int) -> None:
        self.registered = True

    def unregister(self, port: "Port") -> None:
        self.registered = False
        self._input = b""

    def poll(self, wait_ms: int) -> bool:
        end = self.now + wait_ms
        while True:
            self._turn()
            readable = bool(self._input) and self.registered
            if readable or self.now >= end:
                return readable
            times = [self.wire.next_deadline(), self.modem.next_deadline(), self.gateway.next_deadline(self.now), end]
            self.now = max(self.now + 1, min([at for at in times if at is not None]))

    def _turn(self) -> None:
        self.wire.handle_timer(self.now)
        self.modem.handle_timer(self.now)
        while data := self.modem.bytes_to_write(self.now):
            if self.plugged:
                self._input += self.spoil(data)
        for frame in self.antenna.heard:
            self.gateway.receive(frame, self.now)
        self.antenna.heard.clear()
        if self.now >= self._free_ms:
            for frame in self.gateway.frames(self.now):
                self._free_ms = self.antenna.send(frame, self.now)

    def run(self, node: Node, ms: int) -> None:
        """Let virtual time pass."""
        end = self.now + ms
        while self.now < end:
            node.step(min(600_000, end - self.now))


class Clock:
    """The bench's time."""

    def __init__(self, bench: ModemBench) -> None:
        self.bench = bench

    def now(self) -> int:
        return self.bench.now


class Port:
    """A UART's file as the board has it."""

    def __init__(self, bench: ModemBench) -> None:
        self.bench = bench

    def any(self) -> int:
        return len(self.bench._input)

    def read(self, n: int) -> "bytes | None":
        if not self.bench.plugged:
            raise OSError(5)
        data, self.bench._input = self.bench._input[:n], self.bench._input[n:]
        return data or None

    def write(self, data: bytes) -> int:
        if not self.bench.plugged:
            raise OSError(5)
        self.bench.told += [line for line in data.split(b"\r\n") if line]
        self.bench.modem.receive(data, self.bench.now)
        return len(data)

    def close(self) -> None:
        """Nothing to let go of."""
