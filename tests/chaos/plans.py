"""How each life of the gateway ends: at random, or at a named step of a record's way."""

import random
from dataclasses import dataclass

from tests.chaos.gateway_process import STRACE, Tamper

# step -> (the system call at whose entry SIGKILL comes, the highest count drawn)
AT_A_CALL = {
    "received": ("recvfrom", 260),
    "writing the log": ("pwrite64", 500),
    "before the sync": ("fdatasync", 80),
    "after the sync, before the answer": ("sendto", 200),
    "sealed, before it was sent": ("connect", 20),
}
AT_AN_EVENT = {"event sent, not stored": "before", "event stored, not answered": "after"}
ELSE = ("at random", "while starting", "while stopped", "asked to end")
STEPS = (*AT_A_CALL, *AT_AN_EVENT, *ELSE)
# Without strace: whatever needs it becomes a kill at random.
WEIGHTS = {"at random": 4, "while starting": 2}


@dataclass(frozen=True, slots=True)
class Plan:
    """One life. `delay_s` counts from the first answer, or from the start for "while starting"."""

    step: str
    tamper: Tamper | None
    trap: str  # "", "before" or "after"
    count: int
    delay_s: float
    bad: float  # the share of events that fail


def draw(generator: random.Random) -> Plan:
    """The next life."""
    step = generator.choices(STEPS, [WEIGHTS.get(one, 2) for one in STEPS])[0]
    bad = generator.choice((0.0, 0.0, 0.2, 0.6))
    tamper = None
    if step in AT_A_CALL:
        call, most = AT_A_CALL[step]
        if STRACE is None:
            step = "at random"
        else:
            # Small counts are drawn more often: the start and the first commits have edges of their own.
            tamper = Tamper(call, 1 + int(most * generator.random() ** 2))
    delay_s = generator.uniform(0, 0.35) if step == "while starting" else generator.uniform(0, 0.9)
    return Plan(step, tamper, AT_AN_EVENT.get(step, ""), generator.randrange(1, 12), delay_s, bad)
