"""One node's readings over a link that loses both ways, in virtual time, alike on CPython and MicroPython.

`python tests/lora/history_simulation.py SF LOSS_PERCENT BURST READINGS SEED` prints the figures, and a hash of all
that was sent and delivered. BURST is the mean length of a loss; 0: every frame is lost or not by itself.
"""

import hashlib
import sys

from comatrix_lora.airtime import airtime_us
from comatrix_lora.history import Chosen, History
from comatrix_lora.received import Received, carried_untrusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PERIOD_MS = 600000
LIMIT = 51  # the longest frame of EU868 at SF12
DATA, ACK = 15, 14


class Generator:
    """A linear congruential generator: the same numbers on every interpreter (constants of Numerical Recipes)."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def __call__(self, n: int) -> int:
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) % n


class Loss:
    """Gilbert-Elliott: the bad state loses all, the good one nothing. Probabilities in millionths."""

    def __init__(self, random: Generator, percent: int, burst: int) -> None:
        self.random = random
        self.percent = percent
        self.leave = 1000000 // burst if burst else 0
        self.enter = self.leave * percent // (100 - percent)
        self.bad = random(100) < percent

    def __call__(self) -> bool:
        if not self.leave:
            return self.random(100) < self.percent
        lost = self.bad
        self.bad = self.random(1000000) >= self.leave if lost else self.random(1000000) < self.enter
        return lost


class Weather:
    """Temperature in 0.01 degrees and humidity in 0.1 %: they wander, and once in 200 readings a door is opened."""

    def __init__(self, random: Generator) -> None:
        self.random = random
        self.temperature, self.humidity = 2000, 450

    def __call__(self) -> tuple[int, ...]:
        wide = 20 if self.random(200) == 0 else 1
        self.temperature += wide * (self.random(41) - 20)
        self.humidity += wide * (self.random(21) - 10)
        self.temperature = min(max(self.temperature, -4000), 8500)
        self.humidity = min(max(self.humidity, 0), 1000)
        return self.temperature, self.humidity


def fits(older: tuple[int, ...], newer: tuple[int, ...]) -> bool:
    """Whether an older reading is told in 9 and 7 bits of difference."""
    return -255 <= older[0] - newer[0] <= 255 and -64 <= older[1] - newer[1] <= 63


def frame_size(values: list[tuple[int, ...]], aged: bool) -> int:
    """A DATA frame of WIRE section 8; with ages: 2 bytes for how far behind it is, and 2 for every age."""
    size = DATA + (2 if len(values) > 1 else 0) + (2 + 2 * len(values) if aged else 0)
    for index in range(1, len(values)):
        size += 2 if fits(values[index], values[index - 1]) else 5
    return size


class Simulation:
    """Figures: `up_us`, `down_us` on air, `frames`, `acks`, `older` entries and how many of them were `escapes`."""

    def __init__(self, sf: int, percent: int, burst: int, seed: int, capacity: int = 128) -> None:
        random = Generator(seed)
        self.air_of_readings = (0, 0)
        self.costs = [airtime_us(size, sf) for size in range(256)]
        self.up: Callable[[], bool] = Loss(random, percent, burst)
        self.down: Callable[[], bool] = Loss(random, percent, burst)
        self.weather = Weather(random)
        self.history = History(frame_size, PERIOD_MS, capacity)
        self.gateway = Received(PERIOD_MS)
        self.transcript = hashlib.sha256()
        self.counter = self.now = 0
        self.made: dict[int, tuple[int, ...]] = {}
        self.posted: list[tuple[int, object, bool]] = []
        self.stored: dict[int, object] = {}
        self.delays: list[int] = []  # periods from a reading to its arrival
        self.up_us = self.down_us = self.frames = self.acks = self.older = self.escapes = self.most_open = 0

    def cost(self, size: int) -> int:
        return self.costs[size]

    def reading(self) -> None:
        """One period: a reading is made and sent."""
        values = self.weather()
        self.made[self.counter] = values
        self.history.add(self.counter, values, self.now)
        self.most_open = max(self.most_open, len(self.history.records))
        self._send(self.history.next_frame(self.counter, self.now, self.cost, LIMIT))

    def drain(self) -> None:
        """One period: no reading is made, open ones go again."""
        self._send(self.history.repeat(self.counter, self.now, self.cost, LIMIT))

    def _send(self, chosen: Chosen | None) -> None:
        counter, self.counter = self.counter, self.counter + 1
        if chosen is not None:
            size = frame_size(chosen.values, chosen.ages_s is not None)
            self.frames += 1
            self.up_us += self.costs[size]
            self._count_escapes(chosen.values)
            self.transcript.update(f"{counter} {chosen.seqs} {chosen.ask};".encode())
            if not self.up():
                self._arrived(counter, chosen)
        self._post()
        self.now += PERIOD_MS

    def _count_escapes(self, values: list[tuple[int, ...]]) -> None:
        self.older += len(values) - 1
        for index in range(1, len(values)):
            self.escapes += not fits(values[index], values[index - 1])

    def _arrived(self, counter: int, chosen: Chosen) -> None:
        seqs = carried_untrusted(counter, chosen.behind, chosen.oldest, chosen.bitmap)
        for index in self.gateway.receive(counter, seqs, chosen.values, self.now):
            if seqs[index] in self.stored:
                raise ValueError("stored twice")
            self.stored[seqs[index]] = chosen.values[index]
            self.delays.append(counter - seqs[index])
        if chosen.ask:
            self.acks += 1
            self.down_us += self.costs[ACK]
            base, bitmap = self.gateway.ack(counter, seqs)
            if not self.down():
                self.history.acked(counter, base, bitmap)

    def other_frames(self, count: int) -> None:
        """The node's counter is used for something else; the gateway hears what is not lost."""
        for _ in range(count):
            if not self.up():
                self.gateway.heard(self.counter)
            self.counter += 1

    def reboot(self, step: int) -> None:
        """The node starts anew with its open readings, and its counter at the next reserved step."""
        kept = self.history.open()
        self.history = History(frame_size, PERIOD_MS, self.history.capacity)
        self.history.restore(kept)
        self.counter = (self.counter // step + 1) * step

    def restart(self) -> None:
        """The gateway starts anew with what it stored; what it held is posted by whoever stored it."""
        for item in self.gateway.deliverable(self.now + 10 * PERIOD_MS):
            self.posted.append(item)
        self.gateway = Received(PERIOD_MS, 3, sorted(self.stored)[-512:], self.gateway.posted)

    def _post(self) -> None:
        for item in self.gateway.deliverable(self.now):
            self.transcript.update(f"{item[0]} {item[2]};".encode())
            self.posted.append(item)

    def run(self, readings: int) -> None:
        """That many readings, then what is open until nothing is."""
        for _ in range(readings):
            self.reading()
        self.air_of_readings = (self.up_us, self.down_us)
        while self.history.records or self.gateway.next_deadline() is not None:
            self.drain()

    def problems(self) -> list[str]:
        """What is not as promised: every reading once, with its values, in order but for those marked late."""
        found = []
        if self.history.dropped or self.history.refused:
            found.append(f"dropped {self.history.dropped}, refused {self.history.refused}")
        if sorted([item[0] for item in self.posted]) != sorted(self.made):
            found.append(f"posted {len(self.posted)} of {len(self.made)}")
        if any(self.made.get(seq) != record for seq, record, _ in self.posted):
            found.append("other values")
        highest = -1
        for seq, _, late in self.posted:
            if (seq < highest) != late:
                found.append(f"order at {seq}")
            highest = max(highest, seq)
        return found

    def late(self) -> int:
        return len([item for item in self.posted if item[2]])

    def ratios(self, readings: int) -> tuple[float, float]:
        """Airtime while readings were made, up and with acks, beside one 15-byte frame a reading on a lossless link."""
        up, down = self.air_of_readings
        return up / (readings * self.costs[DATA]), (up + down) / (readings * self.costs[DATA])


def main() -> None:
    sf, percent, burst, readings, seed = [int(word) for word in sys.argv[1:6]]
    simulation = Simulation(sf, percent, burst, seed)
    simulation.run(readings)
    print(simulation.problems(), simulation.frames, simulation.acks, simulation.up_us, simulation.down_us)
    print(simulation.older, simulation.escapes, simulation.most_open, simulation.late())
    print(simulation.transcript.digest().hex())


if __name__ == "__main__":
    main()
