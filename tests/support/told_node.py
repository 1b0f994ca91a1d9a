"""A node's own program with one thing of each kind to be told, on a board that can be reset, and what it did."""

import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.support.board import Board, BoardRtc, Reset
from tests.support.commanding import Commanding

sys.path.insert(0, str(Path(__file__).parent / "platform"))

from comatrix_node.config import parse
from comatrix_node.node import Node
from comatrix_node.store import FlashStore
from comatrix_node.store_rtc import RtcStore

NUMBER = 7
INTERVAL, LEVEL, LABEL, PULSE, DOSE, SULK = range(6)  # as the program declares them
Program = Callable[["ToldNode"], None]


def garden(world: "ToldNode") -> None:
    """The program."""
    node, did = world.node, world.did
    world.interval = node.setting("interval", unit="s", low=5, high=86400, default=10, on_change=world.changed)
    world.level = node.setting("level", unit="m", low=0, high=2.5, digits=2, default=1.25)
    world.label = node.setting("label", default="plot")
    node.sensor("count", every_s=world.interval)(world.count)

    @node.method("pulse", ("seconds", "s", 1, 60))
    def pulse(seconds: int) -> int:
        did.append(("pulse", seconds))
        return seconds * 10

    @node.method("dose", "valve", ("litres", "l", 0, 25, 1))
    def dose(valve: str, litres: float) -> str:
        did.append(("dose", valve, litres))
        return "tank at 40 %"

    @node.method("sulk")
    def sulk() -> None:
        world.sulks()

    @node.on_text
    def show(text: str) -> None:
        did.append(("show", text))


class ToldNode:
    """Virtual time. `did`: what the program did in the world, whatever the board forgot of it."""

    addr = "gateway"
    interval: Any
    level: Any
    label: Any

    def __init__(self, program: Program = garden, rtc: str = "none", seed: int = 1, **config: object) -> None:
        self.random = Random(seed)
        self.secret = self.random.randbytes(16)
        self.gateway = Commanding(NUMBER, self.secret, self.random)
        self.board = Board()
        self.program = program
        self.rtc = rtc
        self.config = config
        self.time = 0
        self.loss = 0.0
        self.resets = self.counted = 0
        self.did: list[tuple[object, ...]] = []
        self.sulks: Callable[[], None] = lambda: None
        self.refuses: Exception | None = None  # on_change does
        self.boot()

    # The board

    def boot(self) -> None:
        """The program starts, with what flash and RTC memory hold."""
        values: dict[str, object] = {
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
        self.node = Node(parse({**values, **self.config}), self, store, self, self.random.randrange)
        self.program(self)

    def reset(self) -> None:
        """What RAM held is gone, and RTC memory where it does not last."""
        self.resets += 1
        self.board.cut = None
        if self.rtc == "lost":
            self.board.memory = b""
        self.boot()

    def run(self, ms: int) -> None:
        """Time passes."""
        end = self.time + ms
        while self.time < end:
            try:
                self.node.step(min(500, end - self.time))
            except Reset:
                self.reset()

    # The node's link and clock

    def send(self, data: bytes) -> None:
        """Of the link: one datagram goes out, or is lost."""
        if self.random.random() >= self.loss:
            self.gateway.receive(data, self.time)

    def receive(self, wait_ms: int) -> bytes | None:
        """Of the link: the next answer, or time passes."""
        for answer in self.gateway.take(self.time):
            if self.random.random() >= self.loss:
                return answer
        self.time += max(1, wait_ms)
        return None

    def close(self) -> None:
        """Of the link."""

    def now(self) -> int:
        """Of the clock."""
        return self.time

    # The world

    def changed(self, seconds: int) -> None:
        """The program's on_change."""
        if self.refuses:
            raise self.refuses
        self.did.append(("interval", seconds))

    def count(self) -> int:
        """The program's sensor."""
        self.counted += 1
        return self.counted

    def results(self) -> list[list[object]]:
        """What the gateway was told: [id, status, value], what is not said left out."""
        return [list(one.body()) for one in self.gateway.results]  # type: ignore[call-overload]

    def tell(self, what: int | str, *arguments: object) -> list[object]:
        """Put an item into the mailbox, and post a reading whose answer brings it; its result without the id."""
        known = len(self.gateway.results)
        self.gateway.told(what, *arguments)
        self.node.post({"temperature": 20})
        self.run(3000)
        (result,) = self.results()[known:]
        return result[1:]
