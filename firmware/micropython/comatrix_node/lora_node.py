"""The node over LoRa: the same program, over a Station that keeps many readings open at once.

    node = Node()  # comatrix_node.node; config.json has "lora"

Exactly once is by seq, a value of the counter that is stored before its first use. What else survives a reset, and what
not, stands in lora_memory.
"""

import gc

from comatrix_lora.errors import LoraError
from comatrix_lora.frame import Peer
from comatrix_lora.ledger import ALARM, READING, Ledger
from comatrix_lora.mac import Mac
from comatrix_lora.station import Station
from comatrix_lora.station_events import Delivered, DescriptionWanted, Item, Refused, Rekeyed, Reserve, Time

from comatrix.codec import cbor
from comatrix.codec.record_types import Command, Text
from comatrix.codec.words import scaled
from comatrix.errors import WireError
from comatrix.session.counter import Counter
from comatrix.session.hkdf import sha256
from comatrix.session.keys import Keys, node_id
from comatrix.session.oscore import Binding
from comatrix.session.replay import Window
from comatrix_node import lora_room
from comatrix_node.clock import Clock
from comatrix_node.crypto import aead, random
from comatrix_node.lora_channel import RadioChannel
from comatrix_node.lora_memory import LongClock, Memory
from comatrix_node.lora_schemas import Schemas
from comatrix_node.program import DROPPED, LONGEST_SLEEP_MS, Program
from comatrix_node.sensing import Sensors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from comatrix_node.config import Config
    from comatrix_node.program import Number

_LINK = b"l"
_MOST_TEXT = 1024
_MOST_TOLD = 400  # bytes of a text to a node
_MOST_LOOSE = 12  # of the 16 records a station keeps open, those that may be let go
_FLASH_AGAIN_MS = 10000
_LOOK_MS = 200  # at a radio that cannot send
_GARBAGE = 4096  # as in node.py


def _deep_sleep(ms: int) -> None:
    from comatrix_node import power

    power.deep_sleep(ms)


def _aad(kid: bytes, counter: int) -> bytes:
    """RFC 8613 section 5.4."""
    return Binding(kid, counter, b"").aad


class Node(Program):
    """All is made from config.json and the board unless it is handed in; `random(n)` gives 0 <= int < n.

    `board`: memory that survives deep sleep and resets without loss of power (`machine.RTC()` of an ESP32) or None,
    whether this start is a wake-up, and what sleeps deeply for so many ms."""

    def __init__(
        self,
        config: "Config | None" = None,
        link: "Any" = None,
        store: "Any" = None,
        clock: "Any" = None,
        random: "Callable[[int], int]" = random,
        board: "tuple[Any, bool, Callable[[int], None]] | None" = None,
    ) -> None:
        if hasattr(gc, "threshold"):  # not in CPython
            gc.threshold(_GARBAGE)
        from comatrix_node import parts

        config = config or parts.config()
        self.config = config
        rtc, self._woke, self._deep_sleep = board or (parts.board() + (_deep_sleep,))
        self.store = store or parts.store(rtc)
        parts.unload("parts")
        lora_room.unload(lora_room.CONFIGURING)
        self.clock = LongClock(clock or Clock())
        self.sensors = Sensors()
        self.schemas = Schemas()
        self.dropped = self.delivered = self.refused = 0
        self._lost = 0  # readings let go, as told so far
        self._begun = False
        self._memory = Memory(self.store, rtc, self.clock, config.enrolment, self.written)
        self._extra: "bytes | None" = None  # what flash would not take, tried again at
        self._reserve: "Reserve | None" = None
        self._reserve_ms = 0
        self._state(self.store.load())
        self._make(link, random)

    # For the person who writes a node

    def schema(self, fields: "dict[str, tuple[Number, Number, Number]]") -> None:
        """Readings of these words, each from low to high in steps, take the fewest bytes: {word: (low, high, step)}.

        Declare all before the first reading. Raises ValueError: no schema, or too late."""
        if self._begun:
            raise ValueError("declare schemas before the first reading")
        code, numbers = self.schemas.declare(fields)
        self._told().schemas[code] = numbers

    def post(self, readings: "dict[str, Number | None]", alarm: bool = False) -> None:
        """Hand over {word: number} as one record. An alarm goes before all that waits, as soon as the law lets it, and
        is repeated until it is confirmed. Raises ValueError for an unknown word."""
        values = {}
        for word, value in readings.items():
            if value is not None:
                number, integer = scaled(word, value)
                values[number] = integer
        if values:
            self._begin()
            now = self.clock.now()
            parts = self.schemas.split(values)
            for code, part in parts:
                self.station.readings(code, part, now, now, ALARM if alarm else READING)
            if not parts:
                self._record("r", values, None, ALARM if alarm else None)

    def say(self, text: str, room: int = 0) -> None:
        """Queue a text to the default room, or to another one agreed at provisioning. Raises ValueError: too long."""
        most = _MOST_TEXT if room >= 0 else _MOST_TOLD
        if len(text.encode()) > most:
            raise ValueError("a text has at most %d bytes" % most)
        self._begin()
        self._record("m", Text(text, room).body())

    def run_once(self, awake_ms: int = 20000) -> None:
        """Read every sensor once, send, listen after each frame, then sleep deeply until the next is due.

        What is not confirmed is kept: most readings are, by an answer to a later one."""
        self.station.mac.awake = False
        end = self.clock.now() + awake_ms
        self.step(0)
        while self.clock.now() < end and self._soon(end):
            self.step(min(1000, end - self.clock.now()))
        self._sleep()

    # The loop

    def pending(self) -> bool:
        """Whether something still waits for the gateway's word."""
        return not self.station.idle

    def _soon(self, end: int) -> bool:
        """Whether there is something to do before `end`."""
        mac = self.station.mac
        if self.clock.now() < max(mac.listen_until, mac.busy_until):
            return True
        due = self.station.next_deadline()
        return due is not None and due < end

    def step(self, wait_ms: int) -> None:
        """Read what is due, send what is ready, wait for a frame, at most `wait_ms`."""
        self._begin()
        readings = self.sensors.read(self.clock.now())
        if readings:
            self.post(readings)
        self._pump()
        data = self.link.receive(self._pause(wait_ms))
        if data:
            self.station.receive_datagram(data, self.clock.now())
            self._pump()

    def _pause(self, wait_ms: int) -> int:
        now: int = self.clock.now()
        times = [now + wait_ms]
        window = self.station.mac.listen_until
        if window > now:
            times.append(window)  # then a node that sleeps need not listen longer
        next_send = self.station.next_deadline() if self.link.ready() else now + _LOOK_MS
        for due in (next_send, self.sensors.next_due()):
            if due is not None:
                times.append(due)
        return max(0, min(times) - now)

    def _pump(self) -> None:
        now = self.clock.now()
        if self.link.sent():
            self.station.transmitted(now)
        while True:
            self._events(now)
            settings = self.station.settings
            self.link.tune(settings.sf, settings.less_db)
            frames = self.station.datagrams_to_send(now) if self.link.ready() else []
            if not frames and not self._events(now):
                self._make_room()
                return
            for data in frames:
                self._memory.before_sending(self.station, self.station.mac.cost(len(data)))
                self.link.transmit(data)
                gc.collect()

    def _make_room(self) -> None:
        """The code of fragments was loaded for a transfer, and goes with it."""
        if self.station.whole:
            lora_room.unload(lora_room.FRAGMENTS)

    def _events(self, now: int) -> bool:
        """Whether the station may have something to send by what was done about what it told."""
        some = False
        if self._extra is not None and now >= self._reserve_ms:
            self._rekeyed(self._extra, now)
        if self._reserve is not None and now >= self._reserve_ms:
            some = self._store_counter(self._reserve, now)
        while True:
            event = self.station.next_event()
            if event is None:
                return some
            some = True
            self._happened(event, now)

    def _happened(self, event: "Any", now: int) -> None:
        if isinstance(event, Reserve):
            self._store_counter(event, now)
        elif isinstance(event, Delivered):
            self.delivered += 1
            self._tell_lost()
            self._memory.delivered(self.station)
        elif isinstance(event, Refused):
            self.refused += 1
            print("refused by the gateway:", event.kind)
        elif isinstance(event, Time):
            self._time_ms = event.unix_s * 1000 - now
        elif isinstance(event, DescriptionWanted):
            if not [one for one in self.station.records_open.open if one.resource == "d"]:
                self._record("d", None, self._told().body(0))
        elif isinstance(event, Item):
            self._item(event)
        elif isinstance(event, Rekeyed):
            self._rekeyed(event.extra, now)

    def _store_counter(self, reserve: Reserve, now: int) -> bool:
        """Flash takes it, or is asked again in a while: nothing is sent before."""
        if self.save("counter", reserve.limit):
            self._reserve = None
            self.station.reserved(reserve.limit, now)
            return True
        self._reserve = reserve
        self._reserve_ms = now + _FLASH_AGAIN_MS
        return False

    def _rekeyed(self, extra: bytes, now: int) -> None:
        """Flash takes the new context, or the node begins anew: nothing is sent under it before."""
        self.fresh = False
        self.state["counter"] = max(self.counter.limit, self.counter.next)
        if self.save("context", self._check + extra):
            self._extra = None
            self.station.rekeyed(now)
        else:
            self._extra = extra
            self._reserve_ms = now + _FLASH_AGAIN_MS

    def _item(self, item: Item) -> None:
        try:
            arguments = cbor.decode_sequence_untrusted(item.arguments)
        except WireError:
            return
        what: "Any" = item.what
        if what == Item.TEXT:
            what, arguments = (arguments[0] if arguments else ""), []
        self._told().take(Command(item.id, what, arguments))

    def _tell_lost(self) -> None:
        """That readings were let go is a reading of its own, once the gateway is there again."""
        lost = self.station.readings_open.lost + self.dropped - self._lost
        if lost:
            self._lost += lost
            self._record("r", {DROPPED: lost})

    def _record(self, resource: str, value: "Any", body: "bytes | None" = None, priority: "int | None" = None) -> None:
        """Hand over a record. Where too many are open one that is no result is let go, the oldest that never left."""
        if body is None:
            body = cbor.encode(value)
        records = self.station.records_open
        loose = [one for one in records.open if one.resource in "rm" and one.priority != ALARM]
        if resource in "rm" and priority is None and len(loose) >= _MOST_LOOSE:
            unsent = [one for one in loose if one.seq < 0]
            self.dropped += 1
            if not unsent:
                return
            records.delivered(unsent[0])
        try:
            self.station.record(resource, body, self.clock.now(), priority)
        except LoraError:
            print("not sent, too long or too many: a record for", resource)

    # What commands.py asks of a node

    def queue(self, values: "Any", path: str) -> None:
        """A result."""
        self._record(path, values)

    def answers(self, id: int) -> bool:
        """Whether the result of that item is on its way."""
        for one in self.station.records_open.open:
            if one.resource == "c" and cbor.decode_untrusted(one.body)[0] == id:  # type: ignore[index]
                return True
        return False

    def stash(self, now: int) -> bool:
        """Keep all that is open; whether it is safe."""
        return self._memory.stash(self.station)

    # What outlives a reset

    def _state(self, state: "dict[str, Any] | None") -> None:
        if state is None or state["enrolment"] != self.config.enrolment:
            state = {"enrolment": self.config.enrolment, "counter": 1, "command": 0, "context": b""}
            self.fresh = True
        self.state = state

    def _make(self, link: "Any", random: "Callable[[int], int]") -> None:
        config = self.config
        radio = config.link
        assert radio is not None
        self.channel = RadioChannel(radio)
        self.link = link or self._radio()
        self.channel.of(self.link)
        channel: "Any" = self.channel
        mac = Mac(channel, Ledger(radio.duty_ppm, radio.dwell_ms), random, True)
        keys = Keys(config.secret, node_id(config.node), b"", aead, _LINK)

        def derive(extra: bytes) -> Peer:
            return Peer(keys.context(extra), _aad, Window(), extra, derive)

        # What Appendix B.2 made belongs to one secret: after a rotation it is void, while the counter goes on.
        self._check: "bytes" = sha256(config.secret)[:2]
        context = self.state["context"]
        peer = derive(context[2:] if context[:2] == self._check else b"")
        self.counter = Counter(self.state["counter"], self.store.step)
        interval_ms = config.interval_s * 1000
        schemas = self.schemas.by_code
        self.station = Station(
            peer, self.counter, mac, schemas, interval_ms, fresh=self.fresh, random=random, capacity=config.buffer
        )
        from comatrix_node import lora_recall

        self._found = lora_recall.find(self._memory, mac.ledger, self.fresh, self._woke)

    def _radio(self) -> "Any":
        """The link that config.json describes."""
        radio = self.config.link
        assert radio is not None
        if radio.module.startswith("sx"):
            from comatrix_node import link_driver

            return link_driver.on_board(radio, self.channel.airtime_ms, self.clock)
        from comatrix_node import link_lora

        return link_lora.serial(radio, self.channel.airtime_ms, self.clock)

    def _begin(self) -> None:
        """Once all is declared: take up what was kept, and greet the gateway unless this is a waking up."""
        if self._begun:
            return
        self._begun = True
        from comatrix_node import lora_recall

        found, self._found = self._found, None
        if found is None or not lora_recall.take_up(found, self.station, self.state, self.clock.now()):
            self._record("h", None, self._hello())
        lora_room.unload(lora_room.STARTING)

    def _sleep(self) -> None:
        now = self.clock.now()
        due = self.sensors.next_due() or now + self.config.interval_s * 1000
        pause = min(max(1000, due - now), LONGEST_SLEEP_MS)
        self.link.close()
        self._memory.stash(self.station, pause)
        self._deep_sleep(pause)
