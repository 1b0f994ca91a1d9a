"""The node's own program on a board that is reset, fills up and forgets, against a gateway that is no better off.

Virtual time. Each reading has a number of its own; the world knows which ones somebody was promised.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

from comatrix.codec import cbor
from comatrix.codec.words import scaled
from comatrix.gateway.model import NewRecord, SecurityContext
from comatrix.gateway.model import Node as NodeRow
from comatrix.gateway.uplink.admission import Rates
from tests.session.recording import Recorder
from tests.session.sides import OrderedDisk
from tests.support.air_watch import AirWatch
from tests.support.board import Board, BoardRtc, Reset
from tests.support.gateway_world import UNHURRIED, GatewayWorld

sys.path.insert(0, str(Path(__file__).parent / "platform"))

from comatrix_node.config import parse
from comatrix_node.node import Node
from comatrix_node.store import FlashStore
from comatrix_node.store_rtc import RtcStore

NUMBER = 7
COUNT = scaled("count", 0)[0]
Copy = tuple[dict[int, SecurityContext], list[NewRecord]]


class Fire:
    """`rtc`: "none", "kept" through a reset, or "lost" by it."""

    addr = "gateway"

    def __init__(self, rtc: str = "none", seed: int = 1, rates: Rates = UNHURRIED) -> None:
        self.rtc = rtc
        self.random = Random(seed)
        self.secret = self.random.randbytes(16)
        self.disk = OrderedDisk()
        self.disk.provision(NUMBER, self.secret)
        nodes = {NUMBER: NodeRow(NUMBER, "garden", 1, 1)}
        self.gateway = GatewayWorld(self.disk, nodes, seed, Recorder().aead, rates)
        self.watch = AirWatch(NUMBER)
        self.board = Board()
        self.loss = 0.0
        self.posted = 0
        self.acknowledged: set[int] = set()
        self.kept: set[int] = set()  # in flash, by the word of `stash`
        self.resets = self.deliveries = 0
        self.restored = self.unread = self.lost = False  # the database; what is kept in flash; the state in flash
        self.boot()

    # The board

    def boot(self, *, awoken: bool = False) -> None:
        """The program starts, with what flash and RTC memory hold. `awoken`: from deep sleep, so without a hello."""
        self.watch.learn(self.secret)
        values = {
            "v": 1,
            "node": NUMBER,
            "name": "garden",
            "secret": self.secret.hex(),
            "enrolment": 1,
            "gateway": "192.0.2.1",
            "interval_s": 10,
            "ack_timeout_ms": 500,
        }
        flash = FlashStore("state", self.board)
        store = flash if self.rtc == "none" else RtcStore(BoardRtc(self.board), flash)
        self.node = Node(parse(values), self, store, self, self.random.randrange)
        self.node.greeted = awoken and not self.node.fresh

    def reset(self) -> None:
        """What RAM held is gone."""
        self.resets += 1
        self.board.cut = None
        if self.rtc == "lost":
            self.board.memory = b""
        self.boot()

    def surviving(self, act: Callable[[], None]) -> None:
        """Do it; should the board be reset meanwhile, it starts again."""
        try:
            act()
        except Reset:
            self.reset()

    # The node's link and clock

    def send(self, data: bytes) -> None:
        """Of the link: one datagram goes out, or is lost."""
        self.watch(data)
        if self.random.random() >= self.loss:
            self.gateway.receive(data)

    def receive(self, wait_ms: int) -> bytes | None:
        """Of the link: the next answer, or time passes."""
        for answer in self.gateway.take():
            if self.random.random() >= self.loss:
                return answer
        self.gateway.now += max(1, wait_ms)
        self.gateway.server.handle_timer(self.gateway.now)
        return None

    def close(self) -> None:
        """Of the link."""

    def now(self) -> int:
        """Of the clock."""
        return self.gateway.now

    # What happens

    def post(self) -> None:
        """The next reading, unless RAM is full of them."""
        if len(self.node.waiting) < 20:
            self.posted += 1
            self.node.post({"count": self.posted})

    def run(self, ms: int) -> None:
        """Time passes. What the node is told is noted."""
        end = self.gateway.now + ms
        while self.gateway.now < end:
            self.surviving(self.step)

    def step(self) -> None:
        """One turn of the node's loop. Raises Reset."""
        node, before = self.node, list(self.node.waiting)
        delivered = node.delivered
        try:
            node.step(500)
        finally:
            assert not node.refused, "a good record was refused"
            if node.delivered > delivered:
                self.deliveries += 1
                self.acknowledged |= {item.values[COUNT] for item in before if item not in node.waiting}

    def sleep(self, ms: int) -> None:
        """Deep sleep: RAM is gone, but for what `stash` says is safe."""

        def asleep() -> None:
            numbers = {item.values[COUNT] for item in self.node.waiting}
            if self.node.stash(self.gateway.now + ms):
                self.kept |= numbers
            self.gateway.now += ms
            self.boot(awoken=True)

        self.surviving(asleep)

    def back_up(self) -> Copy:
        """A copy of the gateway's database."""
        return dict(self.disk.contexts), list(self.disk.records)

    def restore(self, copy: Copy) -> None:
        """The gateway starts on a copy: none of its windows and counters can be trusted."""
        contexts, records = copy
        self.restored = True
        self.gateway.take()  # nobody is told any more of what is gone
        self.disk.contexts = {key: replace(context, missing=True) for key, context in contexts.items()}
        self.disk.records = list(records)
        there = set(self.on_disk())
        self.acknowledged &= there  # the rest was in the database that is gone
        self.kept = {number for number in self.kept if number in there or number in self.unsent()}
        self.gateway.restart()
        if self.secret not in {context.secret for context in self.disk.contexts.values()}:
            self.rotate()  # the copy knows nothing of the node's present secret: its operator makes a new one

    def rotate(self) -> None:
        """A new secret, at the gateway now and on the board from its next start."""
        self.secret = self.random.randbytes(16)
        self.disk.provision(NUMBER, self.secret)
        self.gateway.restart()

    def unsent(self) -> set[int]:
        """What waits in the node's RAM."""
        return {item.values[COUNT] for item in self.node.waiting}

    # What must hold

    def on_disk(self) -> list[int]:
        """The numbers of the readings in the gateway's log, by seq."""
        found = []
        for record in sorted(self.disk.records, key=lambda record: record.seq):
            values = cbor.decode_untrusted(record.body)
            assert isinstance(values, dict)
            found.append(values[COUNT])
        return found

    def heal(self) -> None:
        """All faults end, the board starts once more, and everything that waits gets through."""
        self.loss = 0.0
        self.board.full = self.board.cut = None
        self.board.unreadable = self.disk.broken = self.disk.hold = False
        self.disk.sync()
        self.reset()
        self.post()
        for _ in range(40):
            self.run(300_000)
            if not self.node.pending():
                return
        raise AssertionError("the node and its gateway never found together again")

    def check(self) -> None:
        """The promises."""
        found = self.on_disk()
        assert len(found) == len(set(found)), f"doubled: {found}"
        # Who lost the counter goes on above what the gateway has and what is kept: with either the order is gone.
        if not self.unread and not (self.lost and self.restored):
            assert found == sorted(found), f"out of order: {found}"
        assert self.acknowledged <= set(found), f"acknowledged and lost: {self.acknowledged - set(found)}"
        assert self.kept <= set(found), f"kept in flash and lost: {self.kept - set(found)}"
        assert self.posted in found
