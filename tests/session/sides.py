"""A node's client with its disk, and a gateway's receiving side, in one virtual time; every seal is recorded."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from comatrix.codec import cbor
from comatrix.codec.records import Hello, Readings, encode, read_answer_untrusted
from comatrix.gateway.model import NewRecord, Node, SecurityContext, WindowMove
from comatrix.gateway.uplink.associations import Rekeyed as RekeyedContext
from comatrix.session.client import Client, Delivered, Refused, Rekeyed, Reserve
from comatrix.session.counter import Counter
from comatrix.session.endpoint import Endpoint
from comatrix.session.exchange import Parameters
from comatrix.session.keys import Keys, node_id
from tests.session.recording import NODE, SECRET, Recorder
from tests.support.gateway_world import NODE_ADDRESS, GatewayWorld, MemoryDisk

Copy = tuple[dict[int, SecurityContext], list[NewRecord]]


class OrderedDisk(MemoryDisk):
    """As the real store: what is asked is done in the order it was asked; a context that is gone is not moved."""

    async def reserve(self, context: int, reserved: int) -> None:
        self.sync()
        await super().reserve(context, reserved)

    async def rekey(self, made: RekeyedContext, window: WindowMove) -> int:
        self.sync()
        return await super().rekey(made, window)

    async def hello(self, node: int, hello: Hello, window: WindowMove | None, now_ms: int) -> None:
        self.sync()
        await super().hello(node, hello, window, now_ms)

    def move(self, window: WindowMove) -> None:
        if window.context in self.contexts:
            super().move(window)


class NodeDisk:
    """What a node has stored. `extra` None: its state is lost or was never made."""

    def __init__(self) -> None:
        self.counter = 1
        self.extra: bytes | None = None


class NodeSide:
    """A node in virtual time. It says hello first, then posts `queue`, one record after the other.

    While its state is lost nothing is stored: a crash must find it lost again, or it would go on under its old key.
    """

    def __init__(self, disk: NodeDisk, random: Callable[[int], int], recorder: Recorder, step: int = 4) -> None:
        self.disk = disk
        self.random = random
        self.recorder = recorder
        self.step = step
        self.queue: list[int] = []
        self.delivered: list[int] = []
        self.sent: list[bytes] = []
        self.value: int | None = None  # the reading being sent
        self.boot()

    def boot(self) -> None:
        """A start on what is stored; what was being sent is forgotten with the memory it was in."""
        if self.value is not None:
            self.queue.remove(self.value)
        keys = Keys(SECRET, node_id(NODE), b"", self.recorder.aead)
        endpoint = Endpoint(self.random, Parameters(ack_timeout_ms=200, max_retransmit=2, response_wait_ms=2000))
        counter = Counter(self.disk.counter, self.step)
        self.client = Client(endpoint, "gateway", keys, counter, self.disk.extra, (200, 5000))
        self.limit = self.disk.counter
        self.greeted = False
        self.value = None

    def lose_state(self) -> None:
        """The stored state is gone, and the node starts."""
        self.disk.counter, self.disk.extra = 1, None
        self.boot()

    def work(self, now: int) -> list[bytes]:
        """Begin what can begin, take what happened; the datagrams to send."""
        while True:
            event = self.client.next_event()
            if event is not None:
                self._happened(event, now)
            elif not self._begin(now):
                break
        out = [data for data, _ in self.client.datagrams_to_send(now)]
        self.sent += out
        return out

    def _begin(self, now: int) -> bool:
        if self.client.open is not None or (self.greeted and not self.queue):
            return False
        if not self.greeted:
            self.client.post("h", lambda now: encode(Hello()), now)
        else:
            value = self.value = self.queue[0]
            self.client.post("r", lambda now: encode(Readings({0: value})), now)
        return True

    def _happened(self, event: object, now: int) -> None:
        if isinstance(event, Reserve):
            self.limit = event.limit
            if not self.client.lost:
                self.disk.counter = event.limit
            self.client.reserved(event.limit, now)
        elif isinstance(event, Rekeyed):
            self.disk.counter, self.disk.extra = self.limit, event.extra
        elif isinstance(event, Refused):
            raise AssertionError(f"refused: {event.code:#x}")
        elif isinstance(event, Delivered) and event.path == "h":
            self.greeted = True
            highest = read_answer_untrusted(event.payload).highest
            if highest is not None:
                self.client.counter.skip_below(highest + 1)
        elif isinstance(event, Delivered):
            self.value = None
            self.delivered.append(self.queue.pop(0))


class World:
    """Both sides. Datagrams wait in `to_gateway` and `to_node` until a script delivers, doubles or drops them."""

    def __init__(self, seed: int = 1) -> None:
        self.recorder = Recorder()
        self.disk = OrderedDisk()
        self.disk.provision(NODE, SECRET)
        self.gateway = GatewayWorld(self.disk, {NODE: Node(NODE, "garden", 1, 1)}, seed, self.recorder.aead)
        self.node = NodeSide(NodeDisk(), Random(seed + 1).randrange, self.recorder)
        self.to_gateway: list[bytes] = []
        self.to_node: list[bytes] = []

    @property
    def now(self) -> int:
        return self.gateway.now

    def settle(self) -> None:
        """Both sides' datagrams come onto the air."""
        self.to_gateway += self.node.work(self.now)
        self.to_node += self.gateway.take()

    def deliver_to_gateway(self, data: bytes) -> None:
        self.gateway.receive(data, NODE_ADDRESS)
        self.settle()

    def deliver_to_node(self, data: bytes) -> None:
        self.node.client.receive_datagram(data, "gateway", self.now)
        self.settle()

    def pass_time(self, ms: int) -> None:
        """Time passes until `ms` are over or something is on the air; timers that are due run."""
        end = self.now + ms
        while not (self.to_gateway or self.to_node):
            deadlines = [self.node.client.next_deadline(), self.gateway.server.next_deadline()]
            due = min((one for one in deadlines if one is not None and one <= end), default=None)
            self.gateway.now = end if due is None else max(self.now, due)
            self.node.client.handle_timer(self.now)
            self.gateway.server.handle_timer(self.now)
            self.settle()
            if due is None:
                return

    def exchange(self, until: Callable[[], bool], limit_ms: int = 4 * 3_600_000) -> None:
        """A lossless link from now on, until something holds."""
        end = self.now + limit_ms
        self.settle()
        while not until():
            assert self.now < end, "it never happened"
            if self.to_gateway:
                self.deliver_to_gateway(self.to_gateway.pop(0))
            elif self.to_node:
                self.deliver_to_node(self.to_node.pop(0))
            else:
                self.pass_time(1000)

    def copy_database(self) -> Copy:
        """A backup of what is on the gateway's disk now."""
        return dict(self.disk.contexts), list(self.disk.records)

    def restore_gateway(self, copy: Copy) -> None:
        """The gateway starts on a backup: no window of it can be trusted."""
        contexts, records = copy
        self.disk.contexts = {key: replace(context, missing=True) for key, context in contexts.items()}
        self.disk.records = list(records)
        self.gateway.restart()

    def readings(self) -> list[int]:
        """The readings on the gateway's disk in the order they came."""
        found = [cbor.decode_untrusted(record.body) for record in self.disk.records if record.kind == "readings"]
        return [one[0] for one in found if isinstance(one, dict)]
