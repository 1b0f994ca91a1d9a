"""A radio that always wants to send more than it may, in virtual time, alike on CPython and MicroPython.

`python tests/lora/ledger_overload.py DUTY_PPM HOURS SHORTEST_US LONGEST_US SEED` prints the SHA-256 of all
that was sent and of the ledger as it is at the end.
"""

import hashlib
import sys

from comatrix_lora.ledger import ACK, ALARM, BULK, COMMAND, READING, REPLY, Ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HOUR_MS = 3600 * 1000
CLASSES = (ACK, ALARM, COMMAND, READING, REPLY, BULK)


class Generator:
    """A linear congruential generator: the same numbers on every interpreter (constants of Numerical Recipes)."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def __call__(self, n: int) -> int:
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) % n


class Radio:
    """A ledger that is written down before each restart, and a clock that may stand back after a restart."""

    def __init__(self, ledger: Ledger, random: Generator, record: "Callable[[tuple[int, int, int]], None]") -> None:
        self.random = random
        self.ledger = ledger
        self.clock_ms = 1_700_000_000_000  # what the radio takes for the time
        self.true_ms = 0
        self.record = record  # takes true start in ms, airtime in us, class

    def wait(self, ms: int) -> None:
        self.clock_ms += ms
        self.true_ms += ms

    def send(self, wanted: list[tuple[int, int]]) -> None:
        """The one of (class, airtime) that may begin first; of two that may alike, the more urgent."""
        begin, chosen, airtime_us = min([(self.ledger.earliest(self.clock_ms, us, p), p, us) for p, us in wanted])
        self.wait(begin - self.clock_ms)
        self.ledger.spend(begin, airtime_us)
        self.record((self.true_ms, airtime_us, chosen))

    def restart(self) -> None:
        """At once, also while it sends; its clock may have stood still for long, or for ever."""
        kept = self.ledger.dump()
        self.wait((0, 0, self.random(5000), self.random(2 * HOUR_MS))[self.random(4)])
        self.clock_ms -= (0, 0, self.random(10000), self.random(50 * HOUR_MS))[self.random(4)]
        self.ledger = Ledger(self.ledger.duty_ppm)
        assert self.ledger.load_untrusted(kept, self.clock_ms)


def run(
    duty_ppm: int,
    hours: int,
    shortest_us: int,
    longest_us: int,
    seed: int,
    record: "Callable[[tuple[int, int, int]], None]",
) -> Radio:
    """Overload by all classes for so long; a restart every ten hours or so."""
    random = Generator(seed)
    radio = Radio(Ledger(duty_ppm), random, record)
    next_restart_ms = random(20 * HOUR_MS)
    while radio.true_ms < hours * HOUR_MS:
        classes = [p for p in CLASSES if random(2) == 0] or [ACK]
        wanted = [(p, shortest_us + random(longest_us - shortest_us)) for p in classes]
        limits_us = [radio.ledger.limit_us(p) for p in CLASSES]
        wanted = [(p, us) for p, us in wanted if us <= limits_us[p]]
        if wanted:
            radio.send(wanted)
        if random(8) == 0:
            radio.wait(random(20000))
        if radio.true_ms >= next_restart_ms:
            radio.restart()
            next_restart_ms = radio.true_ms + random(20 * HOUR_MS)
    return radio


def run_one_class(
    ledger: Ledger, hours: int, shortest_us: int, longest_us: int, seed: int
) -> list[tuple[int, int, int]]:
    """What is sent under overload by acknowledgements alone, which may fill the whole budget; no restarts."""
    random = Generator(seed)
    sent: list[tuple[int, int, int]] = []
    radio = Radio(ledger, random, sent.append)
    while radio.true_ms < hours * HOUR_MS:
        radio.send([(ACK, shortest_us + random(longest_us - shortest_us))])
        if random(8) == 0:
            radio.wait(random(2000))
    return sent


def digest(duty_ppm: int, hours: int, shortest_us: int, longest_us: int, seed: int) -> str:
    """Of all that was sent, and of the ledger as it is at the end."""
    found = hashlib.sha256()
    # Not kept: a tuple each between what is thrown away leaves a small heap in pieces.
    radio = run(duty_ppm, hours, shortest_us, longest_us, seed, lambda one: found.update(f"{one};".encode()))
    found.update(f"{radio.ledger.used_us(radio.clock_ms)} ".encode() + radio.ledger.dump())
    return found.digest().hex()


if __name__ == "__main__":
    print(digest(*[int(word) for word in sys.argv[1:]]))
