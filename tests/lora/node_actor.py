"""A node of the simulated world: its radio, its flash, its station."""

from typing import TYPE_CHECKING, Any

from comatrix_lora.frame import Peer
from comatrix_lora.ledger import READING, Ledger
from comatrix_lora.mac import Mac
from comatrix_lora.medium.radio import Radio
from comatrix_lora.medium.randomness import Stream
from comatrix_lora.schema import climate
from comatrix_lora.station import Station
from comatrix_lora.station_events import Delivered, DescriptionWanted, Item, Refused, Rekeyed, Reserve, Time

from comatrix.session.counter import Counter
from comatrix.session.keys import node_id
from tests.lora.frame_sides import peer

if TYPE_CHECKING:
    from tests.lora.link_world import World

PERIOD_MS = 600_000
HOUR_US = 3_600_000_000
SCHEMAS = {0: climate()}


def values_of(number: int) -> dict[int, int]:
    """The reading of that number, unlike every other."""
    return {0: number % 12_000 - 4000, 1: number // 12_000}


def number_of(values: Any) -> int:
    return int(values[0]) + 4000 + 12_000 * int(values[1])


class Transmitter:
    """A radio whose airtime is written down."""

    def __init__(self, radio: Radio) -> None:
        self.radio = radio
        self.sent: list[tuple[int, int]] = []

    def transmit(self, world: "World", data: bytes) -> int:
        end_us = self.radio.transmit(data)
        self.sent.append((world.medium.now_us, end_us))
        world.on_frame(data, end_us)
        return end_us

    def worst_hour_us(self) -> int:
        """Most airtime in any hour: one that ends with a transmission."""
        worst = whole = first = 0  # `whole`: of all that ended within the hour, also what began before it
        for start, end in self.sent:
            whole += end - start
            while self.sent[first][1] <= end - HOUR_US:
                whole -= self.sent[first][1] - self.sent[first][0]
                first += 1
            worst = max(worst, whole - max(0, end - HOUR_US - self.sent[first][0]))
        return worst


class NodeActor:
    """A node: its flash (`limit`, `kept`, `extra`: None where there is no context) outlives a reset, its station does
    not."""

    def __init__(self, world: "World", number: int, awake: bool, jitter_ms: int) -> None:
        self.world = world
        self.number = number
        self.awake = awake
        self.jitter_ms = jitter_ms
        self.out = Transmitter(world.medium.radio(f"node{number}", (float(number), 0.0), world.settings))
        self.ledger = Ledger(world.duty_ppm)
        self.limit = 1
        self.kept: list[Any] | None = None
        self.extra: bytes | None = None if world.fresh else b""
        self.delivered: list[tuple[str, int]] = []
        self.executed: list[int] = []
        self.arguments: list[bytes] = []  # of those
        self.times: list[int] = []
        self.refused: list[tuple[str, int]] = []
        self.dropped = 0
        self.random = Stream(world.seed, "node", number)
        self.out.radio.on_receive = lambda data, rssi, snr, start, end: self._heard(data)
        self.out.radio.on_done = self._done
        self.boot()

    def boot(self) -> None:
        mac = Mac(self.world.channel, self.ledger, self.random.below, self.awake)
        sealer: Peer = peer(self.world.recorder, node_id(self.number), b"", extra=self.extra or b"")
        self.counter = Counter(self.limit, 32)
        self.station = Station(
            sealer, self.counter, mac, SCHEMAS, PERIOD_MS, self.jitter_ms, fresh=self.extra is None, capacity=1024
        )
        if self.kept is not None:
            self.station.restore(self.kept, self.world.now)
        self.changed()

    def _keep(self) -> None:
        if self.world.keeps:
            self.kept = self.station.kept(self.world.now)

    def changed(self) -> None:
        """Something was said to the station."""
        self._keep()
        self.world.wake(self.number, self.pump)

    def _heard(self, data: bytes) -> None:
        self.station.receive_datagram(data, self.world.now)
        self.changed()

    def _done(self) -> None:
        self.changed()

    def pump(self) -> None:
        world, station = self.world, self.station
        self._events()
        if self.out.radio.state != "transmitting":
            frames = station.datagrams_to_send(world.now)
            self._events()
            self._keep()
            for data in frames:
                self.out.transmit(world, data)
        if station.listens(world.now) or (station.mac.busy_until > world.now):
            self.out.radio.listen()
        else:
            self.out.radio.sleep()
        due = station.next_deadline()
        times = [due] if due is not None else []
        if station.mac.listen_until > world.now:
            times.append(station.mac.listen_until)
        if times:
            world.wake(self.number, self.pump, min(times))

    def _events(self) -> None:
        while (event := self.station.next_event()) is not None:
            if isinstance(event, Reserve):
                self.limit = event.limit
                self.station.reserved(event.limit, self.world.now)
            elif isinstance(event, Rekeyed):
                assert event.extra == self.world.shelves[self.number].extra, "new keys before the gateway stored them"
                self.extra = event.extra
                self.station.rekeyed(self.world.now)
            elif isinstance(event, Delivered):
                assert event.seq in self.world.shelves[self.number].rows, "an ack before the commit"
                self.delivered.append((event.kind, event.seq))
            elif isinstance(event, Item):
                self._item(event)
            elif isinstance(event, Time):
                self.times.append(event.unix_s)
            elif isinstance(event, Refused):
                self.refused.append((event.kind, event.seq))
            else:
                assert isinstance(event, DescriptionWanted)

    def _item(self, item: Item) -> None:
        if item.id > max(self.executed, default=0):
            self.executed.append(item.id)
            self.arguments.append(item.arguments)
        self.station.record("c", b"\x81\x19" + item.id.to_bytes(2, "big"), self.world.now)
        self._keep()

    def reading(self, number: int, priority: int = READING) -> None:
        self.station.readings(0, values_of(number), self.world.now, self.world.now, priority)
        self.changed()

    def record(self, resource: str, body: bytes) -> None:
        self.station.record(resource, body, self.world.now)
        self.changed()

    def reset(self) -> None:
        """Power is lost: nothing but flash remains."""
        self.dropped += self.station.readings_open.lost
        if self.out.radio.state != "transmitting":
            self.boot()
        else:
            self.world.medium.at(self.out.sent[-1][1] + 1, self.boot)

    def lose(self) -> None:
        """Its flash is erased: counter, context, what was open."""
        self.limit, self.extra, self.kept = 1, None, None
        self.reset()

    @property
    def idle(self) -> bool:
        return self.station.idle
