"""A board with a LoRa radio, and the node's own firmware for it.

Where the node sleeps deeply, what the firmware keeps in the memory of the board's clock goes on, as on an ESP32.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from comatrix_lora.medium.clock import Clock
from comatrix_lora.medium.radio import Radio, State
from comatrix_lora.medium.randomness import Stream

from comatrix.gateway.sim.board import Board
from comatrix.gateway.sim.capture import names_node
from comatrix.gateway.sim.firmware import LoraNode, RtcStore
from comatrix.gateway.sim.lora_air import LoraAir
from comatrix.gateway.sim.numbering import climate_of
from comatrix.gateway.sim.scenario import LoraPlan, NodePlan
from comatrix.gateway.sim.virtual_time import SimLoop

LONGEST_FRAME_MS = 20_000  # no frame is on the air for longer


class _Rtc:
    """Memory that survives deep sleep, as `machine.RTC()` has it."""

    def __init__(self) -> None:
        self._data = b""

    def memory(self, data: bytes | None = None) -> bytes:
        """What stands there; with `data`, that from now on."""
        if data is not None:
            self._data = bytes(data)
        return self._data


class LoraBoard(Board):
    """One node. It is also the firmware's link (comatrix_node.link_lora), over a radio of the simulated air."""

    limit = 255

    def __init__(
        self,
        plan: NodePlan,
        configuration: dict[str, Any],
        stream: Stream,
        radio: Radio,
        air: LoraAir,
        loop: SimLoop,
        *,
        measured: Callable[[int], None],
        tellable: bool,
        until_ms: int,
    ) -> None:
        super().__init__(
            plan,
            configuration,
            stream,
            now_ms=self._local_ms,
            at=self._at_local,
            send=self.transmit,
            measured=lambda count, at_ms: measured(count),
            tellable=tellable,
            until_ms=until_ms,
        )
        self.radio = radio
        self.listened_us = 0
        self._listening_since_us: int | None = None
        self._air = air
        self._loop = loop
        self._rtc = _Rtc()
        self._tuned = (radio.settings.sf, 0)
        self._power_dbm = radio.settings.power_dbm
        self._ended = False
        self._number = configuration["node"]
        air.hear(radio, lambda data, rssi, snr: self._heard(data), self._done)

    # The firmware's link

    def on_air(self, size: int) -> int:
        """A bare chip adds nothing."""
        return size

    def ready(self) -> bool:
        """Whether a frame can be sent now."""
        return self.radio.state is not State.TRANSMITTING

    def sent(self) -> bool:
        """Whether the frame that was transmitted is over: told once."""
        ended, self._ended = self._ended, False
        return ended

    def tune(self, sf: int, less_db: int) -> None:
        """Send and receive so from now on."""
        if self._tuned != (sf, less_db) and self.ready():
            self._tuned = sf, less_db
            settings = replace(self.radio.settings, sf=sf, power_dbm=self._power_dbm - less_db)
            self._air.tune(self.radio, settings)

    def transmit(self, frame: bytes) -> None:
        """Put it on the air."""
        self._ended = False
        self._air.transmit(self.radio, frame)

    def close(self) -> None:
        """The chip sleeps."""
        self._listen(False)

    # The simulation

    def ended(self) -> None:
        """The run is over: what it listens to until now counts."""
        self._listen(False)

    def _local_ms(self) -> int:
        return self.radio.clock.local_us(self._loop.now_us()) // 1000

    def _at_local(self, local_ms: int, call: Callable[[], None]) -> Any:
        return self._loop.call_at(self.radio.clock.medium_us(local_ms * 1000) / 1_000_000, call)

    def _heard(self, data: bytes) -> None:
        """The firmware drops what is not for it by the header alone: it need not be run for that."""
        if self.node is not None and names_node(data, self._number):
            self.arrived(data)

    def _done(self) -> None:
        self._ended = True
        if self.node is not None:
            self.wake()

    def _listen(self, listens: bool) -> None:
        self._air.listen(self.radio, listens)
        now_us = self._loop.now_us()
        if self._listening_since_us is not None:
            self.listened_us += now_us - self._listening_since_us
        self._listening_since_us = now_us if listens else None

    def _make_node(self, woke: bool) -> Any:
        flash: Any = self._flash
        store = RtcStore(self._rtc, flash)
        # How to sleep is not needed: `_sleep` does it, when the node has nothing to do soon.
        node = LoraNode(self._config, self, store, self, self._random, (self._rtc, woke, lambda ms: None))
        node.station.mac.awake = not self.plan.sleep
        self._listen(True)
        return node

    def _reading(self, count: int) -> dict[str, float]:
        temperature, humidity = climate_of(count).values()
        return {"temperature": temperature / 100, "humidity": humidity / 10}

    def _open(self, node: Any) -> list[dict[int, int]]:
        node._begin()
        rows = node.station.readings_open.kept(node.clock.now())
        return [node.schemas.by_code[row[0]].unpack_untrusted(row[1]) for row in rows]

    def _wait_ms(self, node: Any, pause_ms: int, now_ms: int) -> int:
        """Until the firmware would go on. While the radio transmits it would look at it again and again: it is woken
        by `_done` instead, or by a sensor."""
        if not self.ready():
            due_ms = node.sensors.next_due()
            pause_ms = LONGEST_FRAME_MS if due_ms is None else max(1, due_ms - now_ms)
        return max(1, min(pause_ms, self._asleep_from_ms - now_ms)) if self.plan.sleep else pause_ms

    def _may_sleep(self, node: Any, now_ms: int) -> bool:
        return now_ms >= self._asleep_from_ms or not node._soon(self._asleep_from_ms)

    def _keep(self, node: Any, now_ms: int, due_ms: int) -> None:
        self.close()
        node._memory.stash(node.station, due_ms - now_ms)


def configuration_of(link: LoraPlan) -> dict[str, Any]:
    """What config.json says of the radio. Pins are those of nobody's board."""
    return {
        "module": "sx1262",
        "region": link.region,
        "frequency_hz": link.frequency_hz,
        "sf": link.sf,
        "bandwidth_hz": link.bandwidth_hz,
        "coding_rate": link.coding_rate,
        "preamble": link.preamble,
        "power_dbm": min(22, link.power_dbm),
        "sck": 0,
        "mosi": 1,
        "miso": 2,
        "cs": 3,
        "busy": 4,
    }


def drifting(radio: Radio, plan: NodePlan, stream: Stream) -> None:
    """Give the radio's node a clock as wrong as the plan allows."""
    if plan.drift_ppm:
        radio.clock = Clock(stream.below(2 * plan.drift_ppm + 1) - plan.drift_ppm)
