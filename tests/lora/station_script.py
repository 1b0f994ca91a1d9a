"""A station and a hub over a bad link from a seed, without a medium, alike on CPython and MicroPython.

`python -m tests.lora.station_script PERIODS SEED` prints what arrived, and the SHA-256 of every frame and event.
"""

import hashlib
import sys

from comatrix_lora.hub import Hub
from comatrix_lora.hub_events import Heard
from comatrix_lora.hub_node import Profile
from comatrix_lora.ledger import ALARM, READING, Ledger
from comatrix_lora.mac import Channel, Mac
from comatrix_lora.rules import Command
from comatrix_lora.schema import climate
from comatrix_lora.station import Station
from comatrix_lora.station_events import Item, Reserve

from comatrix.session.counter import Counter
from comatrix.session.keys import node_id
from tests.lora.script_parts import Generator, peer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


PERIOD_MS = 600000
SCHEMAS = {0: climate()}


class Run:
    """A third of all frames is lost, some are damaged. The node is reset now and then."""

    def __init__(self, seed: int) -> None:
        self.random = Generator(seed)
        self.hash = hashlib.sha256()
        self.now = 0
        self.ledger = Ledger(10000)
        self.limit = 1
        self.station = self.boot()
        gateway = peer(b"", node_id(7))
        counter = Counter(0, 256)
        counter.granted(1 << 20)
        radios = {"a": Mac(Channel(9, limit=115), Ledger(100000), self.random, True)}
        self.hub = Hub(
            lambda number: [gateway] if number == 7 else [],
            lambda number: Profile(PERIOD_MS, SCHEMAS),
            radios,
            lambda number: counter,
            None,
            True,
        )
        self.arrived: list[str] = []
        self.sent = self.item = 0

    def boot(self) -> Station:
        mac = Mac(Channel(9, limit=115), self.ledger, self.random)
        return Station(peer(node_id(7), b""), Counter(self.limit, 32), mac, SCHEMAS, PERIOD_MS)

    def note(self, *what: "Any") -> None:
        self.hash.update(str(what).encode())

    def step(self) -> None:
        """Everything due now."""
        for data in self.station.datagrams_to_send(self.now):
            self.kept = self.station.kept(self.now)
            self.sent += 1
            self.now += self.station.mac.ms(len(data))
            self.note(self.now, data, self.kept)
            if self.random(3):
                for event in self.hub.receive_datagram(self.damaged(data), -90, 5, "a", self.now):
                    self.committed(event)
        for _, data in self.hub.datagrams_to_send(self.now):
            self.now += self.hub.radios["a"].ms(len(data))
            self.note(self.now, data)
            if self.random(3):
                self.station.receive_datagram(self.damaged(data), self.now)
        while self.happened(self.station.next_event()):
            pass

    def damaged(self, data: bytes) -> bytes:
        if self.random(20):
            return data
        place = self.random(len(data))
        return data[:place] + bytes((data[place] ^ 1 << self.random(8),)) + data[place + 1 :]

    def committed(self, heard: Heard) -> None:
        for record in heard.records:
            values = [record.values[word] for word in sorted(record.values)] if record.values is not None else []
            self.arrived.append(record.resource + str(record.seq))
            self.note(record.seq, record.resource, values, record.body, record.age_ms)
        self.hub.committed(heard, self.now, Command(self.now // 3600000 + 1, 1), self.now // 1000)

    def happened(self, event: "Any") -> bool:
        if isinstance(event, Reserve):
            self.limit = event.limit
            self.station.reserved(event.limit, self.now)
        elif isinstance(event, Item):
            self.item = event.id
            self.station.record("c", bytes((0x81, 0x18, event.id & 0xFF)), self.now)
        elif event is not None:
            self.note(type(event).__name__, [event.__dict__[name] for name in sorted(event.__dict__)])
        return event is not None

    def until(self, end: int) -> None:
        while self.now < end:
            self.step()
            due = [one for one in (self.station.next_deadline(), self.hub.next_deadline(self.now)) if one is not None]
            self.now = min(max(min([min(due) if due else end, end]), self.now + 1), max(end, self.now + 1))
            for posted in self.hub.posted(self.now):
                self.note(posted.seq, posted.late)

    def period(self, number: int) -> None:
        values = {0: 2000 + self.random(400), 1: 400 + self.random(40)}
        self.station.readings(0, values, self.now, self.now, READING if self.random(9) else ALARM)
        if number % 7 == 3:
            self.station.record("m", b"\x81\x65hello", self.now)
        if number == 5:
            self.station.record("d", bytes(range(256)) * 4, self.now)
        if number % 13 == 12:
            kept = self.station.kept(self.now)
            self.station = self.boot()
            self.station.restore(kept, self.now)
        self.until((number + 1) * PERIOD_MS)


def run(periods: int, seed: int) -> "tuple[str, str]":
    """-> (a line of counts, the hexadecimal hash)."""
    made = Run(seed)
    for number in range(periods):
        made.period(number)
    made.until(periods * PERIOD_MS + 40 * PERIOD_MS)
    kinds = "".join(sorted([one[0] for one in made.arrived]))
    counts = [f"{kind} {kinds.count(kind)}" for kind in "rmcd"]
    doubled = len(made.arrived) - len(set(made.arrived))
    line = f"sent {made.sent} item {made.item} doubled {doubled} " + " ".join(counts)
    return line, made.hash.digest().hex()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]] or [60, 1]
    for text in run(given[0], given[1]):
        print(text)
