"""One node in virtual time on the gateway's receiving side, over a wire that can be cut."""

import sys
from pathlib import Path
from typing import Any

from comatrix.codec import cbor
from comatrix.gateway.model import Node as NodeRow
from tests.support.gateway_world import GatewayWorld, MemoryDisk

sys.path.insert(0, str(Path(__file__).parent / "platform"))

from comatrix_node.config import parse
from comatrix_node.node import Node

SECRET = bytes(range(16))


class FakeClock:
    """Virtual milliseconds."""

    def __init__(self, world: GatewayWorld) -> None:
        self.world = world

    def now(self) -> int:
        return self.world.now


class Wire:
    """The link between node and gateway. `up` False: everything is lost. `receive` lets virtual time pass."""

    addr = "gateway"

    def __init__(self, world: GatewayWorld) -> None:
        self.world = world
        self.up = True
        self.sent = 0
        self.drop_answers = 0

    def send(self, data: bytes) -> None:
        self.sent += 1
        if self.up:
            self.world.receive(data)

    def receive(self, wait_ms: int) -> bytes | None:
        answers = self.world.take()
        if answers and self.drop_answers:
            self.drop_answers -= 1
            answers = []
        if not answers:
            self.world.now += max(1, wait_ms)
            return None
        first, *rest = answers
        self.world.sent = [(data, (0, ("192.0.2.7", 5683))) for data in rest]
        return first

    def close(self) -> None:
        """Nothing to let go of."""


class MemoryStore:
    """What outlives a reset of the node; every save is kept."""

    step = 8

    def __init__(self) -> None:
        self.state: dict[str, Any] | None = None
        self.files: dict[str, bytes] = {}
        self.saves = 0

    def load(self) -> dict[str, Any] | None:
        return None if self.state is None else dict(self.state)

    def save(self, state: dict[str, Any]) -> None:
        self.state = dict(state)
        self.saves += 1

    def keep(self, data: bytes, name: str = "waiting") -> None:
        self.files[name] = data

    def kept(self, name: str = "waiting") -> bytes | None:
        return self.files.get(name)

    def forget(self) -> None:
        self.files.pop("waiting", None)


class Bench:
    """One node on one gateway."""

    def __init__(self) -> None:
        self.disk = MemoryDisk()
        self.disk.provision(7, SECRET)
        self.world = GatewayWorld(self.disk, {7: NodeRow(7, "garden", 1, 1)})
        self.wire = Wire(self.world)
        self.store = MemoryStore()

    def boot(self, secret: bytes = SECRET, **more: Any) -> Node:
        """Start the node, as after a reset."""
        values = {
            "v": 1,
            "node": 7,
            "name": "garden",
            "secret": secret.hex(),
            "enrolment": 1,
            "gateway": "192.0.2.1:5683",
            "interval_s": 10,
            "ack_timeout_ms": 500,
        }
        return Node(parse({**values, **more}), self.wire, self.store, FakeClock(self.world))

    def run(self, node: Node, until_ms: int) -> None:
        """Let virtual time pass."""
        end = self.world.now + until_ms
        while self.world.now < end:
            node.step(min(500, end - self.world.now))

    def readings(self) -> list[dict[int, int]]:
        """The readings on the gateway's disk, in the order they came."""
        found = [cbor.decode_untrusted(record.body) for record in self.disk.records if record.kind == "readings"]
        return [one for one in found if isinstance(one, dict)]
