"""A station and a hub without air between them: a script hands over frames, or spoils them."""

import random
from typing import Any

from comatrix_lora.frame import Peer
from comatrix_lora.hub import Hub
from comatrix_lora.hub_events import Heard
from comatrix_lora.hub_node import Profile
from comatrix_lora.ledger import Ledger
from comatrix_lora.mac import Channel, Mac
from comatrix_lora.schema import climate
from comatrix_lora.station import Station

from comatrix.session.counter import Counter
from comatrix.session.keys import node_id
from tests.lora.frame_sides import peer
from tests.session.recording import Recorder


class Link:
    """A station and a hub that have met."""

    def __init__(self, number: int = 7, secret: bytes = bytes(range(16)), fresh: bool = False) -> None:
        self.recorder = Recorder()
        self.random = random.Random(number).randrange
        self.node = peer(self.recorder, node_id(number), b"", secret)
        self.gateway = peer(self.recorder, b"", node_id(number), secret)
        counter, own = Counter(1, 32), Counter(1, 256)
        counter.granted(10_000)
        own.granted(10_000)
        self.station = Station(
            self.node,
            counter,
            Mac(Channel(7), Ledger(10_000), lambda n: 0, True),
            {0: climate()},
            600_000,
            fresh=fresh,
            random=self.random,
        )
        self.own = own
        macs = {name: Mac(Channel(7), Ledger(100_000), lambda n: 0, True) for name in ("a", "b")}
        self.hub = Hub(
            lambda wanted: [self.gateway] if wanted == number else [],
            lambda wanted: Profile(600_000, {0: climate()}),
            macs,
            lambda wanted: self.own,
            random=self.random,
        )
        self.now = 0
        if fresh:
            return
        for _ in range(3):
            self.station.record("h", b"\xa0", self.now)
            self.turn()
        assert not self.station.records_open.open

    def turn(self) -> None:
        """The station's frame, its commit, the answer."""
        for data in self.station.datagrams_to_send(self.now):
            [heard] = self.hub.receive_datagram(data, -80, 9, "a", self.now)
            self.hub.committed(heard, self.now)
        self.now += 200
        for _, answer in self.hub.datagrams_to_send(self.now):
            self.station.receive_datagram(answer, self.now)
        self.now += 5_000

    def renewed(self, heard: Heard) -> None:
        """New keys are on the gateway's disk."""
        self.gateway = heard.peer
        self.own = Counter(0, 256)
        self.own.granted(256)

    def state(self) -> Any:
        """All that either end remembers, but for the counts of what was ignored."""
        hub = {
            name: value for name, value in vars(self.hub).items() if name not in ("ignored", "_peers_of", "_profile_of")
        }
        station = {name: value for name, value in vars(self.station).items() if name not in ("ignored", "_now")}
        return frozen(hub), frozen(station), frozen(self.gateway)

    def hear(self, up: bool, data: bytes, radio: str = "a") -> list[Any]:
        if up:
            return self.hub.receive_datagram(data, -80, 9, radio, self.now)
        self.station.receive_datagram(data, self.now)
        return []

    def ignored(self) -> int:
        return self.hub.ignored + self.station.ignored


def frozen(value: Any) -> Any:
    """A copy that compares by content."""
    if isinstance(value, dict):
        return {key: frozen(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [frozen(one) for one in value]
    if isinstance(value, Peer):
        return [value.state(), list(value.answerable), value.long_form.since]
    if type(value).__module__.startswith("comatrix"):
        return [type(value).__name__, frozen(vars(value))] if hasattr(value, "__dict__") else repr(value)
    return bytes(value) if isinstance(value, bytearray) else repr(value) if callable(value) else value
