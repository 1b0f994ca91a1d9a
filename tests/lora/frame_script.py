"""Frames, rules and schemas over a bad link from a seed, alike on CPython and MicroPython.

`python -m tests.lora.frame_script [FRAMES SEED]` prints how many frames were sent, heard, silent and read, and the
SHA-256 of every frame, of what was read of it and of what both sides remember.
"""

import hashlib
import sys

from comatrix_lora.errors import FrameError
from comatrix_lora.frame import Peer, open_untrusted
from comatrix_lora.rules import Ack, Aged, Command, Data, Fragment, History, Record, Rule, decode_untrusted
from comatrix_lora.schema import MISSING, OUT_OF_RANGE, climate, encode_older, from_list_untrusted, readings_untrusted

from comatrix.session.keys import node_id
from tests.lora.script_parts import Generator, peer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from comatrix_lora.frame import Opened
    from comatrix_lora.schema import Values


CLIMATE = climate()
STATION = from_list_untrusted([0, -4000, 8500, 1, 1, 0, 1000, 1, 3, 3000, 11000, 1, 2, 0, 500, 5])
SCHEMAS = {0: CLIMATE, 20: STATION}


def reading(random: Generator, before: "Values") -> "Values":
    """The next reading: near the one before, sometimes far away or without a value."""
    if not random(10):
        return {0: MISSING, 1: OUT_OF_RANGE}
    if not random(5):
        return {0: random(12501) - 4000, 1: random(1001)}
    found: Values = {}
    for word in (0, 1):
        near = before[word]
        found[word] = (near if isinstance(near, int) else 400) + random(140) - 70
    return found


def uplink(random: Generator) -> Rule:
    """A rule that a node sends."""
    schema_number = 0 if random(3) else 20
    schema = SCHEMAS[schema_number]
    readings = [reading(random, {0: 2137, 1: 452})]
    values = schema.pack(readings[0])
    kind = random(5)
    if kind == 0:
        return Data(schema_number, values, bool(random(2)))
    if kind == 1:
        return Aged(schema_number, random(256), [random(65536)], values)
    if kind == 2:
        return Record("h", b"\xa1\x05" + bytes((random(24),)))
    if kind == 3:
        return Fragment("d", random(256), 0, 10, random(256), bytes((random(256),)) * 20)
    for _ in range(1 + random(8)):
        readings.append(reading(random, readings[-1]))
        values += encode_older(schema, readings[-2], readings[-1])
    return History(schema_number, random(256), random(256), values, True)


def downlink(random: Generator) -> Rule:
    """A rule that a gateway sends."""
    command = Command(1 + random(65535), random(32), b"\x18\x1e")
    if random(2):
        return command
    return Ack(random(256), random(256), 1800000000 + random(100000) if random(2) else None, command)


class Run:
    """A node and a gateway; what each hears goes into one hash."""

    def __init__(self, seed: int) -> None:
        self.random = Generator(seed)
        self.hash = hashlib.sha256()
        self.node = peer(node_id(7), b"")
        self.gateway = peer(b"", node_id(7))
        self.counters = [1, 1]
        self.counts = [0, 0, 0, 0]

    def counter(self, side: int) -> int:
        self.counters[side] += 1 if self.random(20) else 32
        return self.counters[side]

    def step(self) -> None:
        if not self.random(40):
            window = self.node.window
            self.node = peer(node_id(7), b"")
            self.node.window = window
        opened = self.carry(self.gateway, self.node.seal_request(self.counter(0), uplink(self.random).encode()))
        if opened is not None and opened.counter is not None:
            own = self.counter(1) if self.random(2) else None
            plain = downlink(self.random).encode()
            self.carry(self.node, self.gateway.seal_response(opened.counter, plain, own))
        for one in (self.node, self.gateway):
            self.hash.update(str(one.state()).encode())

    def carry(self, hearer: Peer, frame: bytes) -> "Opened | None":
        """A third is lost, a tenth is damaged, a tenth is heard twice."""
        self.counts[0] += 1
        self.hash.update(frame)
        luck = self.random(30)
        if luck < 10:
            return None
        if luck < 13:
            place = self.random(len(frame))
            frame = frame[:place] + bytes((frame[place] ^ 1 << self.random(8),)) + frame[place + 1 :]
        if luck > 26:
            self.hear(hearer, frame)
        return self.hear(hearer, frame)

    def hear(self, hearer: Peer, frame: bytes) -> "Opened | None":
        try:
            opened = open_untrusted(frame, lambda number: [hearer] if number == hearer.node else [])[1]
        except FrameError:
            self.counts[2] += 1
            return None
        self.counts[1] += 1
        self.hash.update(opened.plain)
        self.read(decode_untrusted(opened.plain))
        return opened if opened.request is None else None

    def read(self, rule: Rule) -> None:
        assert rule == decode_untrusted(rule.encode())
        if isinstance(rule, (Data, History, Aged)):
            self.counts[3] += 1
            for values in readings_untrusted(SCHEMAS[rule.schema], rule.values):
                self.hash.update(str([values[word] for word in sorted(values)]).encode())


def run(frames: int, seed: int) -> "tuple[str, str]":
    """-> (a line of counts, the hexadecimal hash)."""
    made = Run(seed)
    for _ in range(frames):
        made.step()
    sent, heard, silent, read = made.counts
    return f"sent {sent} heard {heard} silent {silent} read {read}", made.hash.digest().hex()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]] or [300, 1]
    for text in run(given[0], given[1]):
        print(text)
