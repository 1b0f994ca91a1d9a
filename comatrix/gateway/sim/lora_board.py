"""A node on LoRa: the node's own link code, its sensor, its radio. Runs only when something is due.

Its clock is its own: it may go wrong. What the link code has to have stored before a frame leaves is stored at once.
"""

from collections.abc import Callable
from typing import Any

from comatrix_lora.frame import Peer
from comatrix_lora.ledger import Ledger
from comatrix_lora.mac import Channel, Mac
from comatrix_lora.medium.clock import Clock
from comatrix_lora.medium.radio import Radio, State
from comatrix_lora.medium.randomness import Stream
from comatrix_lora.schema import climate
from comatrix_lora.station import Station
from comatrix_lora.station_events import Reserve

from comatrix.codec.records import Hello, encode
from comatrix.gateway.aead import aead
from comatrix.gateway.sim.lora_air import LoraAir
from comatrix.gateway.sim.numbering import climate_of
from comatrix.gateway.sim.scenario import NodePlan
from comatrix.gateway.sim.virtual_time import VirtualLoop
from comatrix.session.counter import Counter
from comatrix.session.keys import Keys, node_id
from comatrix.session.oscore import Binding
from comatrix.session.replay import Window

SCHEMAS = {0: climate()}
COUNTER_STEP = 32
FIRMWARE = "sim"
MOST_TURNS = 1_000  # in one instant


class LoraBoard:
    """One node. `measured(count, ms)` is told of each reading, in ms of the loop."""

    def __init__(
        self,
        plan: NodePlan,
        number: int,
        secret: bytes,
        channel: Channel,
        ledger: Ledger,
        radio: Radio,
        air: LoraAir,
        loop: VirtualLoop,
        stream: Stream,
        *,
        measured: Callable[[int, int], None],
        until_ms: int,
    ) -> None:
        self.plan = plan
        self.radio = radio
        self.ledger = ledger
        self.listened_us = 0
        self._listening_since_us: int | None = None
        self._air = air
        self._loop = loop
        self._measured = measured
        self._until_ms = until_ms
        self._count = 0
        self._counter = Counter(1, COUNTER_STEP)
        keys = Keys(secret, node_id(number), b"", aead, b"l")
        peer = Peer(keys.context(), lambda kid, counter: Binding(kid, counter, b"").aad, Window())
        mac = Mac(channel, ledger, stream.below, plan.observe)
        self.station = Station(peer, self._counter, mac, SCHEMAS, plan.interval_ms)
        self._next: Any = None
        self._next_ms = 0
        air.hear(radio, self._heard, self._pump)
        hello = Hello(FIRMWARE, interval_s=max(1, plan.interval_ms // 1000))
        self.station.record("h", encode(hello), self.now())

    @property
    def dropped(self) -> int:
        """Readings let go unconfirmed."""
        return self.station.readings_open.lost

    def now(self) -> int:
        """Of its own clock, whole milliseconds."""
        return self.radio.clock.local_us(self._loop.now_us()) // 1000

    def measure(self) -> None:
        """Read the sensor, now and in every interval from now on."""
        if self._loop.now_ms() >= self._until_ms:
            return
        now = self.now()
        self._count += 1
        self._measured(self._count, self._loop.now_ms())
        self.station.readings(0, climate_of(self._count), now, now)
        self._at(now + self.plan.interval_ms, self.measure)
        self._pump()

    def ended(self) -> None:
        """The run is over: what it listens to until now counts."""
        self._note_listening(False)

    def _at(self, local_ms: int, call: Callable[[], None]) -> Any:
        return self._loop.call_at(self.radio.clock.medium_us(local_ms * 1000) / 1_000_000, call)

    def _heard(self, data: bytes, rssi_dbm: int, snr_db: int) -> None:
        self.station.receive_datagram(data, self.now())
        self._pump()

    def _pump(self) -> None:
        now, station = self.now(), self.station
        if self.radio.state is not State.TRANSMITTING:
            for _ in range(MOST_TURNS):
                frames = station.datagrams_to_send(now)
                if not self._events(now):
                    break
            for data in frames:
                self._air.transmit(self.radio, data)
        self._listen(station.listens(now) or station.mac.busy_until > now)
        self._wake_at(self._due(now))

    def _events(self, now: int) -> bool:
        """Whether something happened that lets more be sent."""
        reserved = False
        while (event := self.station.next_event()) is not None:
            if isinstance(event, Reserve):
                self.station.reserved(event.limit, now)
                reserved = True
        return reserved

    def _listen(self, listens: bool) -> None:
        self._air.listen(self.radio, listens)
        self._note_listening(listens)

    def _note_listening(self, listens: bool) -> None:
        now_us = self._loop.now_us()
        if self._listening_since_us is not None:
            self.listened_us += now_us - self._listening_since_us
        self._listening_since_us = now_us if listens else None

    def _due(self, now: int) -> int | None:
        due = self.station.next_deadline()
        if not self.station.mac.awake and self.station.mac.listen_until > now:
            ends = self.station.mac.listen_until
            due = ends if due is None else min(due, ends)
        return due

    def _wake_at(self, due: int | None) -> None:
        if due is not None and self._next is not None and self._next_ms == due:
            return
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if due is not None:
            self._next_ms = due
            self._next = self._at(max(due, self.now() + 1), self._woken)

    def _woken(self) -> None:
        self._next = None
        self._pump()


def drifting(radio: Radio, plan: NodePlan, stream: Stream) -> None:
    """Give the radio's node a clock as wrong as the plan allows."""
    if plan.drift_ppm:
        radio.clock = Clock(stream.below(2 * plan.drift_ppm + 1) - plan.drift_ppm)
