"""A node that starts without state and loses it again, over a bad link from a seed, alike on CPython and MicroPython.

`python -m tests.lora.rekeying_script LIVES SEED` prints what arrived, and the SHA-256 of every frame and event.
"""

import hashlib
import sys

from comatrix_lora.hub import Hub
from comatrix_lora.hub_node import Profile
from comatrix_lora.ledger import Ledger
from comatrix_lora.mac import Channel, Mac
from comatrix_lora.schema import climate
from comatrix_lora.station import Station
from comatrix_lora.station_events import Rekeyed, Reserve

from comatrix.session.counter import Counter
from comatrix.session.keys import node_id
from tests.lora.script_parts import Generator, peer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


SCHEMAS = {0: climate()}


class Run:
    """A third of all frames is lost. `stored`: the bytes that either end has on its disk."""

    def __init__(self, seed: int) -> None:
        self.random = Generator(seed)
        self.hash = hashlib.sha256()
        self.now = 0
        self.gateway = peer(b"", node_id(7), b"")
        self.own = Counter(0, 256)
        self.stored = [b"", b""]
        self.seqs: list[int] = []
        radios = {"a": Mac(Channel(9), Ledger(100000), self.random, True)}
        profile = Profile(600000, SCHEMAS)
        self.hub = Hub(
            lambda number: [self.gateway], lambda number: profile, radios, lambda number: self.own, random=self.random
        )

    def note(self, *what: "Any") -> None:
        self.hash.update(str(what).encode())

    def life(self) -> None:
        """From a start without anything until a text is confirmed."""
        mac = Mac(Channel(9), Ledger(10000), self.random)
        station = Station(peer(node_id(7), b"", b""), Counter(1, 32), mac, SCHEMAS, 600000, fresh=True)
        station.record("m", b"\x81\x65hello", self.now)
        while not station.idle:
            self.step(station)
            due = [one for one in (station.next_deadline(), self.hub.next_deadline(self.now)) if one is not None]
            self.now = max(min(due) if due else 0, self.now + 1)
        self.note(station.counter.next, self.stored)

    def step(self, station: Station) -> None:
        for data in station.datagrams_to_send(self.now):
            self.now += station.mac.ms(len(data))
            self.note(self.now, data)
            for heard in self.hub.receive_datagram(data, -90, 5, "a", self.now) if self.random(3) else []:
                self.store(heard)
        for _, data in self.hub.datagrams_to_send(self.now):
            self.now += self.hub.radios["a"].ms(len(data))
            self.note(self.now, data)
            if self.random(3):
                station.receive_datagram(data, self.now)
        event = station.next_event()
        while event is not None:
            if isinstance(event, Reserve):
                station.reserved(event.limit, self.now)
            elif isinstance(event, Rekeyed):
                self.stored[0] = event.extra
                station.rekeyed(self.now)
            event = station.next_event()

    def store(self, heard: "Any") -> None:
        if heard.rekeyed is not None:
            self.gateway, self.own, self.stored[1] = heard.peer, Counter(0, 256), heard.rekeyed
        self.seqs += [record.seq for record in heard.records]
        self.hub.committed(heard, self.now)


def run(lives: int, seed: int) -> "tuple[str, str]":
    """-> (a line of what came, the hexadecimal hash)."""
    made = Run(seed)
    agreed = 0
    for _ in range(lives):
        made.life()
        agreed += made.stored[0] == made.stored[1]
    rising = made.seqs == sorted(set(made.seqs))
    return f"agreed {agreed} texts {len(made.seqs)} rising {rising}", made.hash.digest().hex()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]] or [5, 1]
    for text in run(given[0], given[1]):
        print(text)
