"""A gateway of one node over LoRa, its disk a dictionary: what the firmware's LoRa tests hand their frames to."""

from typing import Any

from comatrix_lora.frame import Peer
from comatrix_lora.hub import Hub
from comatrix_lora.hub_events import Heard
from comatrix_lora.hub_node import Profile
from comatrix_lora.ledger import Ledger
from comatrix_lora.mac import Channel, Mac
from comatrix_lora.rules import Command
from comatrix_lora.schema import Schema, climate

from comatrix.codec import cbor
from comatrix.gateway.aead import aead
from comatrix.session.counter import Counter
from comatrix.session.keys import Keys, node_id
from comatrix.session.oscore import Binding
from comatrix.session.replay import Window

NODE = 7
SECRET = bytes(range(16))
UNIX_S = 1_800_000_000


class LoraGateway:
    """`rows`: seq -> (resource, values or body); `posted`, `late`: the values of readings as they go on, in order and
    after younger ones."""

    def __init__(
        self,
        channel: Channel,
        random: Any,
        interval_ms: int,
        schemas: dict[int, Schema] | None = None,
        duty_ppm: int = 100_000,
    ) -> None:
        self.rows: dict[int, tuple[str, Any]] = {}
        self.posted: list[dict[int, Any]] = []
        self.late: list[dict[int, Any]] = []
        self.waiting: list[Command] = []
        self.results: list[list[Any]] = []
        self.wants_description = False
        self.up = True
        self.counter = Counter(0, 256)
        self.counter.granted(1 << 30)
        self.profile = Profile(interval_ms, schemas or {0: climate()})
        keys = Keys(SECRET, b"", node_id(NODE), aead, b"l")

        def derive(extra: bytes) -> Peer:
            return Peer(keys.context(extra), lambda kid, n: Binding(kid, n, b"").aad, Window(), extra, derive)

        self.peer = derive(b"")
        self.keys_made = 0
        radios = {"gw": Mac(channel, Ledger(duty_ppm), random, True)}
        self.hub = Hub(
            lambda number: [self.peer] if number == NODE else [],
            lambda n: self.profile,
            radios,
            lambda n: self.counter,
            random=random,
        )

    def receive(self, frame: bytes, now: int, snr_db: int = 5) -> None:
        """A frame came; what it brings is on disk at once."""
        if not self.up:
            return
        for heard in self.hub.receive_datagram(frame, -90, snr_db, "gw", now):
            if isinstance(heard, Heard):
                self._store(heard, now)

    def _store(self, heard: Heard, now: int) -> None:
        assert heard.problem is None, heard.problem
        if heard.rekeyed is not None:
            self.keys_made += 1
            self.peer = heard.peer
            self.counter = Counter(0, 256)
            self.counter.granted(1 << 30)
        heard.records = [record for record in heard.records if record.seq not in self.rows]
        for record in heard.records:
            self.rows[record.seq] = (record.resource, record.body if record.values is None else record.values)
            if record.resource == "c":
                self._result(record.body)
        describe = self.wants_description and not self.bodies("d")
        item = self.waiting[0] if self.waiting else None
        self.hub.committed(heard, now, item, UNIX_S + now // 1000, describe)

    def _result(self, body: bytes) -> None:
        result: Any = cbor.decode_untrusted(body)
        self.results.append(result)
        if self.waiting and self.waiting[0].id == result[0]:
            self.waiting.pop(0)
            self.hub.withdraw(NODE)

    def tell(self, command: Command, now: int) -> None:
        """An item for the node, which listens."""
        self.waiting.append(command)
        self.hub.offer(NODE, self.waiting[0], now)

    def frames(self, now: int) -> list[bytes]:
        """What is to be transmitted now."""
        for posted in self.hub.posted(now):
            (self.late if posted.late else self.posted).append(self.rows[posted.seq][1])
        found = [data for _, data in self.hub.datagrams_to_send(now)]
        return found if self.up else []

    def next_deadline(self, now: int) -> int | None:
        """When `frames` is to be called again."""
        return self.hub.next_deadline(now)

    def by_seq(self) -> list[Any]:
        """The values of the readings on disk, in the order of their seqs."""
        return [self.rows[seq][1] for seq in sorted(self.rows) if isinstance(self.rows[seq][1], dict)]

    def bodies(self, resource: str) -> list[Any]:
        """The CBOR of a resource's records, in the order of their seqs."""
        rows = [self.rows[seq] for seq in sorted(self.rows)]
        return [cbor.decode_untrusted(body) for kind, body in rows if kind == resource and isinstance(body, bytes)]
