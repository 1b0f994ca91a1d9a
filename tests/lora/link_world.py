"""Stations and a hub over the simulated air, in virtual time, with every promise of the link watched.

What is wrong raises at once: an ack before its commit, a nonce used twice (the recorder), a record stored twice.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from comatrix_lora.frame import Peer
from comatrix_lora.hub import Hub
from comatrix_lora.hub_events import Heard, Reception
from comatrix_lora.hub_node import Profile
from comatrix_lora.ledger import Ledger
from comatrix_lora.mac import Channel, Mac
from comatrix_lora.medium.loss import LossSettings
from comatrix_lora.medium.medium import Medium
from comatrix_lora.medium.propagation import FlatLoss
from comatrix_lora.medium.randomness import Stream
from comatrix_lora.medium.settings import RadioSettings
from comatrix_lora.rules import Command

from comatrix.session.counter import Counter
from comatrix.session.keys import node_id
from comatrix.session.replay import Window
from tests.lora.frame_sides import peer
from tests.lora.node_actor import PERIOD_MS, SCHEMAS, NodeActor, Transmitter, number_of
from tests.session.recording import Recorder

__all__ = ["DUTY_PPM", "PERIOD_MS", "SCHEMAS", "NodeActor", "Shelf", "World", "number_of"]
DUTY_PPM = 10_000


@dataclass
class Shelf:
    """What the gateway's disk has of one node."""

    window: tuple[int, int] = (-1, 0)
    limit: int = 0
    extra: bytes = b""
    extras: list[bytes] = field(default_factory=list)  # all that were stored
    lost: bool = False  # it came from a copy: what was sent under its keys is not known
    rows: dict[int, tuple[str, Any]] = field(default_factory=dict)  # seq -> resource, number of the reading or body
    arrived_ms: dict[int, int] = field(default_factory=dict)
    posted: list[tuple[int, bool]] = field(default_factory=list)
    unposted: set[int] = field(default_factory=set)
    receptions: int = 0


class World:
    """`items`: commands that wait for each node; `confirmed_ms`: when the result of each was on disk."""

    def __init__(
        self,
        seed: int = 1,
        loss: LossSettings | None = None,
        sf: int = 7,
        nodes: int = 1,
        radios: int = 1,
        awake: bool = False,
        duty_ppm: int = DUTY_PPM,
        jitter_ms: int = 500,
        limit: int = 222,
        fresh: bool = False,
    ) -> None:
        self.seed = seed
        self.fresh = fresh
        self.duty_ppm = duty_ppm
        self.settings = RadioSettings(sf=sf)
        self.channel = Channel(sf, limit=limit)
        self.medium = Medium(seed, FlatLoss(), loss=loss)
        self.recorder = Recorder()
        self.random = Stream(seed, "world")
        made = [self.medium.radio(f"gw/{n}", (0.0, 0.0, 9.0 + n), self.settings) for n in range(radios)]
        self.out = {radio.name: Transmitter(radio) for radio in made}
        self.ledgers = {name: Ledger(100_000) for name in self.out}
        self.shelves = {number: Shelf() for number in range(1, nodes + 1)}
        self.items: dict[int, list[Command]] = {number: [] for number in self.shelves}
        self.confirmed_ms: dict[tuple[int, int], int] = {}
        self.keeps = True  # whether nodes store their state: without it a reset loses what is open
        self.time_each_ms = 0  # how long after it was told a node is told the time again
        self._told_ms: dict[int, int] = {}
        self.lives = 0
        self.store_fails: list[bool] = []
        self.on_frame: Callable[[bytes, int], None] = lambda data, end_us: None  # told of every frame that begins
        self._planned: dict[Any, int] = {}
        for name in self.out:
            self._wire(name)
        self.start_hub()
        self.nodes = {number: NodeActor(self, number, awake, jitter_ms) for number in self.shelves}

    @property
    def now(self) -> int:
        """Whole milliseconds, rounded up: actors act at whole ones."""
        return (self.medium.now_us + 999) // 1000

    def _wire(self, name: str) -> None:
        radio = self.out[name].radio
        radio.on_receive = lambda data, rssi, snr, start, end: self._heard(name, data, rssi // 10, snr // 10)
        radio.on_done = lambda: self.wake("hub", self.pump)
        radio.listen()

    def start_hub(self) -> None:
        """The gateway (re)starts with what is on disk."""
        self.lives += 1
        self.peers: dict[int, Peer] = {}
        self.counters: dict[int, Counter] = {}
        for number, shelf in self.shelves.items():
            made = peer(self.recorder, b"", node_id(number), extra=shelf.extra)
            made.window = Window(*shelf.window)
            made.lost = shelf.lost
            self.peers[number] = made
            self.counters[number] = Counter(shelf.limit, 256)
        macs = {name: Mac(self.channel, self.ledgers[name], self.random.below, True) for name in self.out}
        known = self.peers
        self.hub = Hub(
            lambda number: [known[number]] if number in known else [],
            self._profile,
            macs,
            lambda n: self.counters[n],
            random=self.random.below,
        )
        for number, shelf in self.shelves.items():
            for seq in sorted(shelf.unposted):
                self._post(number, seq, seq < max((one for one, _ in shelf.posted), default=-1))

    def restore(self, copy: dict[int, Shelf]) -> None:
        """The gateway's disk is put back from a copy: what was sent and heard since is not known."""
        self.shelves.update(deepcopy(copy))
        for shelf in self.shelves.values():
            shelf.lost = True
        self.start_hub()

    def _profile(self, number: int) -> Profile:
        shelf = self.shelves[number]
        readings = [seq for seq, row in shelf.rows.items() if row[0] == "r"]
        others = [seq for seq, row in shelf.rows.items() if row[0] != "r"]
        posted = max((seq for seq, _ in shelf.posted), default=-1)
        return Profile(PERIOD_MS, SCHEMAS, sorted(readings)[-2000:], sorted(others)[-2000:], posted)

    def _post(self, number: int, seq: int, late: bool) -> None:
        self.shelves[number].unposted.discard(seq)
        self.shelves[number].posted.append((seq, late))

    def _heard(self, name: str, data: bytes, rssi: int, snr: int) -> None:
        for event in self.hub.receive_datagram(data, rssi, snr, name, self.now):
            if isinstance(event, Reception):
                assert event.heard is not None
                self.shelves[event.heard.node].receptions += 1
            else:
                self.medium.after(1000 * (2 + self.random.below(20)), partial(self._store, self.hub, event))
        self.wake("hub", self.pump)

    def _store(self, hub: Hub, heard: Heard) -> None:
        if hub is not self.hub:
            return  # the gateway went down before
        assert heard.problem is None, heard.problem
        shelf = self.shelves[heard.node]
        if self.store_fails and self.store_fails.pop():
            hub.failed(heard)
            return
        if heard.rekeyed is not None:
            shelf.extra, shelf.limit, shelf.lost = heard.rekeyed, 0, False
            shelf.extras.append(heard.rekeyed)
            self.peers[heard.node] = heard.peer
            self.counters[heard.node] = Counter(0, 256)
        elif heard.peer is not self.peers[heard.node]:
            return  # heard under keys that were replaced meanwhile
        shelf.window = (heard.peer.window.highest, heard.peer.window.mask)
        shelf.receptions += 1
        # Heard in two frames before the first was stored, or older than the hub remembers.
        heard.records = [record for record in heard.records if record.seq not in shelf.rows]
        for record in heard.records:
            told = number_of(record.values) if record.resource == "r" else record.body
            shelf.rows[record.seq] = (record.resource, told)
            shelf.arrived_ms[record.seq] = self.now
            if record.resource == "r":
                shelf.unposted.add(record.seq)
            elif record.resource == "c":
                self._result(heard.node, int.from_bytes(record.body[2:], "big"))
        waiting = self.items[heard.node]
        self.hub.committed(heard, self.now, waiting[0] if waiting else None, self._time_for(heard))
        self.wake("hub", self.pump)

    def _time_for(self, heard: Heard) -> int | None:
        """The time, where an answer is wanted and it was not told lately."""
        if self.now < self._told_ms.get(heard.node, -self.time_each_ms) + self.time_each_ms:
            return None
        if heard.ack_wanted:
            self._told_ms[heard.node] = self.now
        return 1_800_000_000 + self.now // 1000

    def _result(self, number: int, id: int) -> None:
        self.confirmed_ms.setdefault((number, id), self.now)
        waiting = self.items[number]
        if waiting and waiting[0].id == id:
            waiting.pop(0)
            self.hub.withdraw(number)

    def offer(self, number: int, command: Command) -> None:
        self.hub.offer(number, command, self.now)
        self.wake("hub", self.pump)

    def pump(self) -> None:
        for posted in self.hub.posted(self.now):
            self._post(posted.node, posted.seq, posted.late)
        while True:
            frames = self.hub.datagrams_to_send(self.now)
            for name, data in frames:
                self.out[name].transmit(self, data)
            event = self.hub.next_event()
            if event is None:
                break
            number, reserve = event
            self.shelves[number].limit = reserve.limit
            self.hub.reserved(number, reserve.limit, reserve.peer)
        due = self.hub.next_deadline(self.now)
        if due is not None:
            self.wake("hub", self.pump, due)

    def wake(self, who: Any, call: Any, at_ms: int = 0) -> None:
        """Call back at that time, but in the next whole millisecond at the earliest."""
        at = max(at_ms, self.medium.now_us // 1000 + 1)
        planned = self._planned.get(who)
        if planned is not None and self.medium.now_us < planned * 1000 and planned <= at:
            return
        self._planned[who] = at
        self.medium.at(at * 1000, lambda: self._woken(who, call, at))

    def _woken(self, who: Any, call: Any, at: int) -> None:
        if self._planned.get(who) == at:
            self._planned.pop(who)
            call()

    def run_ms(self, ms: int) -> None:
        self.medium.run_until(self.medium.now_us + 1000 * ms)

    def settle(self, most_ms: int = 2_000_000_000) -> None:
        """Until nothing is open anywhere."""
        end = self.now + most_ms
        while self.now < end:
            self.run_ms(PERIOD_MS)
            if all(node.idle for node in self.nodes.values()) and not any(s.unposted for s in self.shelves.values()):
                return
        raise AssertionError("records stay open")

    def texts(self, number: int, resource: str) -> list[Any]:
        """What arrived at a resource, in the order in which it did."""
        shelf = self.shelves[number]
        rows = [(shelf.arrived_ms[seq], seq) for seq, row in shelf.rows.items() if row[0] == resource]
        return [shelf.rows[seq][1] for _, seq in sorted(rows)]

    def check_airtime(self) -> None:
        """No radio was on air longer in any hour than it may."""
        for node in self.nodes.values():
            assert node.out.worst_hour_us() <= 3600 * self.duty_ppm or not self.duty_ppm
        for out in self.out.values():
            assert out.worst_hour_us() <= 3600 * 100_000
