"""Hostile datagrams by the million: `python -m tests.fuzz.dtls_hostile --datagrams N --seed N` (part of `make soak`).

Genuine flights with bits flipped, cut, joined, repeated and swapped, at the node's DTLS client in each of its states.
"""

import argparse
import random
import sys

from comatrix_node.dtls import FINISHING, HELLO, OPEN

from tests.fuzz import dtls_targets as targets

_EACH = 50  # datagrams to one client before the next


def spoiled(chance: random.Random, good: list[bytes]) -> bytes:
    """One of them, no more as it was."""
    data = bytearray(chance.choice(good))
    what = chance.randrange(6)
    if what == 0:
        data = data[: chance.randrange(len(data))]
    elif what == 1:
        data += bytearray(chance.choice(good))
        data[13 + chance.randrange(12)] ^= 1 << chance.randrange(8)
    elif what == 2:
        at = chance.randrange(len(data))
        data[at : at + chance.randrange(1, 9)] = chance.randbytes(chance.randrange(9))
    elif what == 3:
        data = data[:13] + bytearray(chance.randbytes(len(data) - 13))
    for _ in range(chance.randrange(1, 4)):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def attack(datagrams: int, seed: int) -> dict[str, int]:
    """How many were sent to a client in each state. Raises AssertionError where one believed something unproven."""
    chance = random.Random(seed)
    sent = {"hello": 0, "finishing": 0, "open": 0}
    opened, heard = targets.advanced(OPEN)
    # A sealed record that was joined to something, or whose bits were flipped back, is genuine: it may be believed.
    sealed = [one[3:] for one in heard if one[4] == 1]
    flights = [one for state in (HELLO, FINISHING) for one in targets.genuine(state)]
    while sum(sent.values()) < datagrams:
        name, state = chance.choice([("hello", HELLO), ("finishing", FINISHING), ("open", OPEN)])
        good = heard if state == OPEN else flights
        batch = [spoiled(chance, good) for _ in range(_EACH)]
        batch = [one for one in batch if not any(record in one for record in sealed)]
        targets.hear(opened if state == OPEN else targets.advanced(state)[0], batch)
        sent[name] += len(batch)
    return sent


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description="Hostile datagrams at the node's DTLS client.")
    parser.add_argument("--datagrams", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    sent = attack(options.datagrams, options.seed)
    print(*(f"{count:,} {state}" for state, count in sent.items()), "hostile datagrams, none believed", sep=", ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
