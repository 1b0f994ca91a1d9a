"""A gateway's receiving side in virtual time, with a store in memory that can be told to fail or to crash."""

from collections.abc import Callable, Coroutine
from random import Random
from typing import TYPE_CHECKING, Any

from comatrix.codec.records import Hello
from comatrix.gateway.aead import aead
from comatrix.gateway.edges.receiver import Receiver
from comatrix.gateway.edges.store.contexts import merged
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import Appended, Duplicate, NewRecord, Node, SecurityContext, WindowMove
from comatrix.gateway.uplink.address_proof import AddressProof
from comatrix.gateway.uplink.admission import Admission, Rates
from comatrix.gateway.uplink.associations import Address, Associations, Rekeyed
from comatrix.gateway.uplink.carrying import Mail, NoMail
from comatrix.gateway.uplink.formats.reading import Profile
from comatrix.gateway.uplink.ingest import Ingest
from comatrix.gateway.uplink.recent import Recent
from comatrix.gateway.uplink.storage import Told
from comatrix.session.server import Knock, Server
from comatrix.session.serving import ServingEndpoint

if TYPE_CHECKING:
    from comatrix.session.oscore import AeadFactory

UNHURRIED = Rates(node=60_000_000, address=60_000_000, address_burst=1_000_000, answers=60_000_000)
WALL_MS = 1_700_000_000_000
NODE_ADDRESS: Address = (0, ("192.0.2.7", 5683))


class MemoryDisk:
    """What is on disk. `hold`: commits wait until `sync`; `broken`: they fail."""

    def __init__(self) -> None:
        self.records: list[NewRecord] = []
        self.contexts: dict[int, SecurityContext] = {}
        self.hellos: list[Hello] = []
        self.last_key = 0  # never given twice
        self.broken = False
        self.hold = False
        self._held: list[Callable[[], None]] = []

    def append(self, record: NewRecord | None, window: WindowMove | None, done: Callable[[Told], None]) -> None:
        """Commit now, or when `sync` is called."""

        def commit() -> None:
            done(self._commit(record, window))

        if self.hold:
            self._held.append(commit)
        else:
            commit()

    def sync(self) -> None:
        """The commits that were held reach the disk."""
        held, self._held = self._held, []
        for commit in held:
            commit()

    def lose(self) -> None:
        """A crash: what was held never happened."""
        self._held.clear()

    def _commit(self, record: NewRecord | None, window: WindowMove | None) -> Told:
        if self.broken:
            return StoreError("full")
        if window is not None:
            self.move(window)
        if record is None:
            return Appended(None)
        key = record.node, record.enrolment, record.seq
        if any((known.node, known.enrolment, known.seq) == key for known in self.records):
            return Duplicate()
        self.records.append(record)
        return Appended(len(self.records))

    def move(self, window: WindowMove) -> None:
        """The window of a context, beside what is stored: commits that were held come after younger ones."""
        if window.context in self.contexts:
            stored = self.contexts[window.context]
            highest, mask = merged((stored.highest, stored.mask), (window.highest, window.mask))
            self._change(window.context, highest=highest, mask=mask)

    async def reserve(self, context: int, reserved: int) -> None:
        self._check()
        self._change(context, tx_reserved=reserved)

    async def settle(self, context: int) -> None:
        self._check()
        self._bury(context)

    def _bury(self, context: int) -> None:
        heard = self.contexts[context]
        for old, one in list(self.contexts.items()):
            if one.node == heard.node and one.generation < heard.generation:
                del self.contexts[old]

    async def rekey(self, made: Rekeyed, window: WindowMove) -> int:
        self._check()
        own = [one for one in self.contexts.values() if one.node == made.node]
        same = max((one.generation for one in own if one.secret == made.secret), default=0)
        newer = sorted((one for one in own if one.generation > same), key=lambda one: one.generation)
        key = self._new_key()
        generation = max((one.generation for one in own), default=0) + 1
        self.contexts[key] = SecurityContext(
            key, made.node, "u", generation, made.secret, made.extra, window.highest, window.mask
        )
        for place, one in enumerate(newer, 1):
            self._change(one.id, generation=generation + place)
        self._bury(key)
        return key

    async def hello(self, node: int, hello: Hello, window: WindowMove | None, now_ms: int) -> None:
        self._check()
        self.hellos.append(hello)
        if window is not None:
            self.move(window)

    def provision(self, number: int, secret: bytes) -> None:
        """A fresh context for a node."""
        key = self._new_key()
        own = [one.generation for one in self.contexts.values() if one.node == number]
        self.contexts[key] = SecurityContext(key, number, "u", max(own, default=0) + 1, secret)

    def _new_key(self) -> int:
        self.last_key = max(self.last_key, *self.contexts, 0) + 1
        return self.last_key

    def _check(self) -> None:
        if self.broken:
            raise StoreError("full")

    def _change(self, context: int, **parts: Any) -> None:
        from dataclasses import replace

        if context in self.contexts:  # it may have died meanwhile
            self.contexts[context] = replace(self.contexts[context], **parts)


class GatewayWorld:
    """Give it datagrams with `receive`, take its answers from `sent`. `restart` keeps only what is on `disk`."""

    def __init__(
        self,
        disk: MemoryDisk,
        nodes: dict[int, Node],
        seed: int = 1,
        aead: "AeadFactory" = aead,
        rates: Rates = UNHURRIED,
        start: Callable[[Coroutine[Any, Any, None]], object] | None = None,
        mail: Mail | None = None,
    ) -> None:
        self.mail = mail or NoMail()
        self._start = start or _run
        self.disk = disk
        self.rates = rates
        self.nodes = nodes
        self.intervals: dict[int, int] = {}  # node -> how often it wakes, s
        self.profiles: dict[str, Profile] = {}
        self.grants: set[tuple[int, ...]] = set()  # (sender, receiver)
        self.now = 0
        self.wall_shift_ms = 0  # somebody sets the gateway's clock
        self.sent: list[tuple[bytes, Address]] = []
        self.knocks: list[Knock] = []
        self._random = Random(seed)
        self._aead = aead
        self.restart()

    def restart(self) -> None:
        """A new process on the same disk."""
        self.disk.lose()
        self.associations = associations = Associations(self._aead, self._random.randrange, frozenset({9}))
        for node in self.nodes.values():
            contexts = [one for one in self.disk.contexts.values() if one.node == node.number]
            associations.load(node, sorted(contexts, key=lambda one: -one.generation))
        stored = [(one.node, one.counter, one.digest, one.received_ms) for one in self.disk.records]
        self.admission = Admission(self.rates, self._knock)
        self.server = Server(ServingEndpoint(self._random.randrange), associations)
        self.receiver = Receiver(
            self.server,
            associations,
            Ingest(lambda node, number: None, self._next_seq, lambda *pair: pair in self.grants, self.profiles),
            self.disk,
            self.nodes.get,
            Recent(stored),
            self.admission,
            self.mail,
            AddressProof(self._random.randrange),
            highest_seq=self._highest_seq,
            monotonic_ms=lambda: self.now,
            wall_ms=lambda: WALL_MS + self.now + self.wall_shift_ms,
            flush=self._flush,
            start=self._start,
            stored=lambda record, row: None,
            knock=self._knock,
            interval_s=self.intervals.get,
        )

    def receive(self, data: bytes, addr: Address = NODE_ADDRESS) -> None:
        """One datagram arrives."""
        self.receiver.receive_datagram(data, addr, self.now)
        self._flush()

    def take(self) -> list[bytes]:
        """The answers since the last call."""
        sent, self.sent = self.sent, []
        return [data for data, _ in sent]

    def _knock(self, knock: Knock, now: int) -> None:
        self.knocks.append(knock)

    def _flush(self) -> None:
        self.sent += self.server.datagrams_to_send(self.now)

    def _highest_seq(self, node: Node) -> int:
        return max((one.seq for one in self.disk.records if one.node == node.number), default=-1)

    def _next_seq(self, number: int) -> int:
        return self._highest_seq(self.nodes[number]) + 1


def _run(work: Coroutine[Any, Any, None]) -> None:
    """A memory store never waits, so its coroutines run through at once."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("a coroutine of the memory store waited")
