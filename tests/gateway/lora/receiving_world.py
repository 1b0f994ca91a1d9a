"""A gateway's LoRa side on a real store, a node's station, and air that carries what the test lets through."""

import asyncio
import random
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from comatrix_lora.frame import Peer
from comatrix_lora.hub import Hub
from comatrix_lora.hub_node import Profile
from comatrix_lora.ledger import Ledger
from comatrix_lora.mac import Channel, Mac
from comatrix_lora.schema import Schema, climate
from comatrix_lora.station import Station
from comatrix_lora.station_events import Rekeyed, Reserve

from comatrix.codec.records import Command
from comatrix.gateway.aead import aead
from comatrix.gateway.directory import Directory
from comatrix.gateway.downlink.items import Item, NewItem, Order
from comatrix.gateway.edges.lora_receiver import LoraReceiver
from comatrix.gateway.edges.store import contexts, mailbox, nodes, records, rooms
from comatrix.gateway.edges.store.lora_reception import LoraReception
from comatrix.gateway.edges.store.mail import Mail
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import NewRecord, Node, Record
from comatrix.gateway.uplink.associations import Associations
from comatrix.gateway.uplink.ingest import Ingest
from comatrix.gateway.uplink.lora_contexts import LoraContexts
from comatrix.session.counter import Counter
from comatrix.session.keys import Keys, node_id
from comatrix.session.oscore import Binding
from comatrix.session.replay import Window

SECRET = bytes(range(16))
WALL_MS = 1_800_000_000_000
INTERVAL_MS = 60_000
STEP_MS = 10
REFUSE = "CREATE TRIGGER refuse BEFORE INSERT ON record BEGIN SELECT raise(ABORT, 'no'); END"


class NodeEnd:
    """The node's station: its flash is the counter's limit. `events`: what it was told."""

    def __init__(
        self,
        number: int,
        secret: bytes = SECRET,
        schemas: dict[int, Schema] | None = None,
        *,
        fresh: bool = False,
    ) -> None:
        self.number = number
        keys = Keys(secret, node_id(number), b"", aead, b"l")

        def derive(extra: bytes) -> Peer:
            return Peer(
                keys.context(extra), lambda kid, counter: Binding(kid, counter, b"").aad, Window(), extra, derive
            )

        sealer = derive(b"")
        chance = random.Random(number)
        self.schemas = schemas or {0: climate()}
        mac = Mac(Channel(7), Ledger(0), lambda n: 0, awake=True)
        self.counter = Counter(1, 32)
        self.station = Station(
            sealer,
            self.counter,
            mac,
            self.schemas,
            INTERVAL_MS,
            jitter_ms=0,
            fresh=fresh,
            random=chance.randrange,
        )
        self.events: list[Any] = []
        self.extras: list[bytes] = []
        self.sent: list[bytes] = []

    def frames(self, now: int) -> list[bytes]:
        """What it transmits now."""
        self._drain(now)
        found = self.station.datagrams_to_send(now)
        self._drain(now)
        found += self.station.datagrams_to_send(now) if not found else []
        self.sent += found
        return found

    def hear(self, data: bytes, now: int) -> None:
        self.station.receive_datagram(data, now)
        self._drain(now)

    def _drain(self, now: int) -> None:
        while (event := self.station.next_event()) is not None:
            if isinstance(event, Reserve):
                self.station.reserved(event.limit, now)
            elif isinstance(event, Rekeyed):
                self.extras.append(event.extra)
                self.station.rekeyed(now)
            else:
                self.events.append(event)

    def told(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class ReceivingWorld:
    """`down`: frames of the gateway, by radio; `up_lost`, `down_lost`: whether the air loses what is sent."""

    def __init__(self, path: Path, radios: tuple[str, ...] = ("roof",)) -> None:
        self.path = path
        self.radio_names = radios
        self.now = WALL_MS
        self.up_lost = self.down_lost = False
        self.transmitted = 0  # by the gateway
        self.down: list[tuple[str, bytes]] = []
        self.stored: list[NewRecord] = []
        self.awaiting: list[tuple[int, bool]] = []
        self.refused: list[str] = []
        self.changed: list[Item] = []
        self.tasks: set[asyncio.Task[Any]] = set()
        self.store = Store.open(path, WALL_MS)
        self.start()

    def start(self) -> None:
        """The gateway begins with what is on disk."""
        self.contexts = LoraContexts(aead)
        self.directory = Directory(self.store, Associations(aead, lambda n: 0, frozenset()), self.contexts)
        self.mail = Mail(
            self.store,
            now_ms=lambda: self.now,
            changed=self.changed.append,
            number_of=lambda body, order: str(order.values[0]) if order.verb == "say" else 3,
            hinders=self._hinders,
        )
        self.macs = {name: Mac(Channel(7), Ledger(0), lambda n: 0, awake=True) for name in self.radio_names}
        storage = LoraReception(self.store)

        self.seen: dict[int, Any] = {}
        self.receiver = LoraReceiver(
            Hub(
                self.contexts.peers_of,
                self.profile,
                self.macs,
                self.contexts.counter_of,
                random=random.Random(1).randrange,
            ),
            self.contexts,
            Ingest(self.directory.room, self.directory.next_seq, self.directory.granted),
            storage,
            self.directory.node,
            self.mail,
            transmit=self._transmit,
            now=lambda: self.now,
            wall_ms=lambda: self.now,
            start=self._start,
            stored=lambda record, row: self.stored.append(record),
            awaits=lambda node, awaits: self.awaiting.append((node, awaits)),
            refused=lambda node, code: self.refused.append(code),
            seen=self.seen,
        )
        self.mail.on_changed(self.receiver.changed)

    def profile(self, number: int) -> Profile:
        """What the store has of a node."""
        node = self.directory.node(number)
        assert node is not None
        return LoraReception(self.store).profile(node)

    def _transmit(self, radio: str, data: bytes) -> None:
        self.transmitted += 1
        self.down.append((radio, data))

    def _hinders(self, number: int, command: Command) -> str | None:
        node = self.directory.node(number)
        return None if node is None else self.receiver.hinders(node, command)

    def restart(self) -> None:
        """It is killed and started again; the same process has the same loop."""
        self.receiver.close()
        self.start()

    def add(self, name: str = "garden", *, listens: bool = False, secret: bytes = SECRET) -> Node:
        """A node on LoRa, provisioned."""

        def job(connection: Any) -> Node:
            room = rooms.add(connection, "!r:x")
            node = nodes.add(connection, name, room.id, now_ms=WALL_MS, link="l", listens=listens)
            contexts.add(connection, node.number, "l", secret)
            return node

        node = self.store.write(job)
        self.directory.changed("node", node.number)
        return node

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def settle(self) -> None:
        """All that was begun is over."""
        while self.tasks:
            await asyncio.gather(*self.tasks)

    async def hear(self, data: bytes, *radios: str) -> None:
        """A frame arrives at these radios, else at the first."""
        for place, radio in enumerate(radios or self.radio_names[:1]):
            self.receiver.receive_frame(radio, data, -90 - place, 7 - place)
        await self.settle()

    async def run(self, node: NodeEnd, ms: int) -> None:
        """Node, gateway and the air between them, for so long."""
        end = self.now + ms
        while self.now < end:
            for data in node.frames(self.now):
                if not self.up_lost:
                    await self.hear(data)
            self.receiver.pump()
            await self.settle()
            for _, data in self.take_down():
                if not self.down_lost:
                    node.hear(data, self.now)
            self.now += STEP_MS

    def take_down(self) -> list[tuple[str, bytes]]:
        """What the gateway sent since the last call."""
        found, self.down = self.down, []
        return found

    def rows(self) -> list[Record]:
        """The log."""
        return self.store.read(lambda connection: records.tail(connection, 1000))

    async def order(self, node: Node, text: str = "") -> None:
        """A person sets something, or says a text."""
        order = Order("say", "", (text,), text) if text else Order("set", "interval", (60,), "interval = 60")
        new = NewItem(node.number, order, "@a:x", self.now, self.now + 10**9)
        await self.mail.apply(lambda connection: [mailbox.add(connection, new, node.enrolment, 32)[0]])
        await self.settle()


def reading(node: NodeEnd, world: ReceivingWorld, value: int) -> None:
    """The node measures a temperature."""
    node.station.readings(0, {0: value}, world.now, world.now)
