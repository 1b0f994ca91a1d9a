"""A LoRa node in virtual time: a driver double on the simulated air, and a gateway behind it."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from comatrix_lora.mac import Channel
from comatrix_lora.medium.loss import LossSettings
from comatrix_lora.medium.medium import Medium
from comatrix_lora.medium.propagation import FlatLoss
from comatrix_lora.medium.radio import Radio
from comatrix_lora.medium.randomness import Stream
from comatrix_lora.medium.settings import RadioSettings
from comatrix_lora.schema import Schema

from tests.support.lora_gateway import NODE, SECRET, LoraGateway
from tests.support.node_bench import MemoryStore

sys.path.insert(0, str(Path(__file__).parent / "platform"))

from comatrix_node.config import parse
from comatrix_node.link_driver import DriverLink
from comatrix_node.lora_node import Node

LORA = {"module": "sx1262", "region": "EU868", "frequency_hz": 868_100_000, "sf": 7, "sck": 1, "mosi": 2, "miso": 3}
LORA |= {"cs": 4, "busy": 5}
INTERVAL_S = 600


class DriverDouble:
    """micropython-lib's low-level interface over a radio of the simulated air; refuses what the real one refuses."""

    def __init__(self, radio: Radio) -> None:
        self.radio = radio
        self.configured: list[dict[str, Any]] = []
        self.broken = False
        self.asleep = False
        self._prepared: bytes | None = None
        self._sends = self._receives = self._sent = False
        self._packets: list[bytes] = []
        radio.on_receive = lambda data, *levels: self._packets.append(data)
        radio.on_done = self._done

    def _check(self) -> None:
        if self.broken:
            raise RuntimeError("BUSY timeout")

    def _done(self) -> None:
        self._sent = True

    def configure(self, lora_cfg: dict[str, Any]) -> None:
        self._check()
        if self._receives or self._sends:
            raise RuntimeError("Receiving")
        self.configured.append(dict(lora_cfg))
        self.radio.configure(
            RadioSettings(
                frequency_hz=int(lora_cfg["freq_khz"] * 1000),
                sf=lora_cfg["sf"],
                bandwidth_hz=lora_cfg["bw"] * 1000,
                coding_rate=lora_cfg["coding_rate"],
                preamble=lora_cfg["preamble_len"],
                power_dbm=lora_cfg["output_power"],
            )
        )

    def standby(self) -> None:
        self._check()
        self._receives = self._sends = False
        self.radio.sleep()

    def sleep(self) -> None:
        self.standby()
        self.asleep = True

    def prepare_send(self, packet: bytes) -> None:
        self._check()
        assert not self._sends
        self._prepared = bytes(packet)

    def start_send(self) -> bool:
        self._check()
        assert self._prepared is not None
        self._sends, self._sent = True, False
        self.radio.transmit(self._prepared)
        self._prepared = None
        return False

    def poll_send(self) -> "bool | int":
        self._check()
        if not self._sends:
            return False
        if not self._sent:
            return True
        self._sends = False
        return 12345

    def start_recv(self, timeout_ms: None = None, continuous: bool = False, rx_length: int = 255) -> bool:
        self._check()
        assert continuous and not self._sends
        self._receives = True
        self.asleep = False
        self.radio.listen()
        return False

    def poll_recv(self) -> "bool | bytes":
        self._check()
        if not self._receives:
            return False
        return bytearray(self._packets.pop(0)) if self._packets else True  # type: ignore[return-value]


class BenchClock:
    """Whole milliseconds of the air; a board's starts at 0 with each boot."""

    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        self.zero_ms = medium.now_us // 1000

    def now(self) -> int:
        return self.medium.now_us // 1000 - self.zero_ms


class LoraBench:
    """One node and its gateway; `loss`: of every frame, each way."""

    def __init__(self, seed: int = 1, loss: float = 0.0, schemas: dict[int, Schema] | None = None, **lora: Any) -> None:
        settings = LossSettings(loss) if loss else None
        self.medium = Medium(seed, FlatLoss(), loss=settings)
        self.random = Stream(seed, "bench")
        self.lora = {**LORA, **lora}
        sf: int = self.lora["sf"]
        channel = Channel(sf, preamble=12)
        self.gateway = LoraGateway(channel, self.random.below, INTERVAL_S * 1000, schemas)
        self.air = self.medium.radio("gw", (0.0, 0.0, 9.0), RadioSettings(sf=sf, preamble=12))
        self.air.on_receive = lambda data, *levels: self._heard(data)
        self.air.on_done = self._pump
        self.air.listen()
        self.node_radio = self.medium.radio("node", (10.0, 0.0), RadioSettings(sf=sf, preamble=12))
        self.driver = DriverDouble(self.node_radio)
        self.store = MemoryStore()
        self._planned_ms = self.slept_ms = 0

    @property
    def now(self) -> int:
        return self.medium.now_us // 1000

    def _heard(self, data: bytes) -> None:
        self.gateway.receive(data, self.now)
        self._pump()

    def _pump(self) -> None:
        if self.air.state == "transmitting":
            return
        for data in self.gateway.frames(self.now):
            self.air.transmit(data)
            return
        due = self.gateway.next_deadline(self.now)
        if due is not None and not self.now < self._planned_ms <= due:
            self._planned_ms = max(due, self.now + 1)
            self.medium.at(self._planned_ms * 1000, self._pump)

    def boot(self, declare: Callable[[Node], None] | None = None, **more: Any) -> Node:
        """Start the node, as after a reset: what it was doing is forgotten."""
        if self.node_radio.state == "transmitting":
            self.medium.run_until(self.medium.now_us + 3_000_000)
        values = {"v": 1, "node": NODE, "name": "garden", "secret": SECRET.hex(), "enrolment": 1}
        values |= {"interval_s": INTERVAL_S, "lora": self.lora}
        board = (more.pop("rtc", None), more.pop("woke", False), self._wait_all)
        config = parse({**values, **more})
        assert config.link is not None
        self.driver = DriverDouble(self.node_radio)
        self.clock = BenchClock(self.medium)
        link = DriverLink(self._driver, config.link, self._airtime_ms, self.clock, self._wait)
        node = Node(config, link, self.store, self.clock, self.random.below, board)
        if declare is not None:
            declare(node)
        return node

    def _driver(self) -> DriverDouble:
        if self.driver.broken:
            raise RuntimeError("Invalid initial status")
        return self.driver

    def _airtime_ms(self, size: int, sf: int) -> int:
        return Channel(sf, preamble=12).airtime_us(size, sf) // 1000 + 1

    def _wait_all(self, ms: int) -> None:
        self.slept_ms = ms
        self.medium.run_until(self.medium.now_us + 1000 * ms)

    def _wait(self, ms: int) -> None:
        """To the next thing that happens on the air, in whole milliseconds."""
        now, event = self.now, self.medium.next_event_us()
        at = now + ms if event is None else min(now + ms, max(now + 1, -(-event // 1000)))
        self.medium.run_until(1000 * at)

    def run(self, node: Node, ms: int) -> None:
        """Let virtual time pass."""
        end = self.now + ms
        while self.now < end:
            node.step(min(600_000, end - self.now))

    def every(self, node: Node, numbers: "list[int]", period_ms: int = INTERVAL_S * 1000) -> None:
        """A climate reading a period, each unlike the others."""
        for number in numbers:
            node.post({"temperature": number / 100, "humidity": 45})
            self.run(node, period_ms)

    def temperatures(self) -> list[int]:
        """Of the climate readings, in the order of their seqs; each went on once, those not late in that order."""
        numbers = [values[0] for values in self.gateway.by_seq() if 0 in values]
        posted = [values[0] for values in self.gateway.posted]
        assert posted == sorted(posted)
        assert sorted(posted + [values[0] for values in self.gateway.late]) == sorted(numbers)
        return numbers
