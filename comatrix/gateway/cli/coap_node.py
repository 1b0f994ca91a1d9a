"""Speaking for a node of the registry: its secret, and numbers for records that its board will never use."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from comatrix.gateway.cli.node_lookup import look_up
from comatrix.gateway.edges.store import known, records
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import UDP, Node, SecurityContext

BLOCKS = 2  # how far back numbers are looked for, 1,024 a block
ROOM_BELOW = 1000  # so many records can be sent by hand before the board was ever heard


@dataclass(frozen=True, slots=True)
class Speaker:
    """`first`: the counter to begin with; `seqs`: the numbers records may have, ascending."""

    name: str
    number: int
    secret: bytes = field(repr=False)
    first: int
    seqs: Iterable[int]


def speaker(database: Path, name: str) -> Speaker:
    """The node called so, if it speaks OSCORE over UDP. Raises UsageError, StoreError."""

    def read(connection: sqlite3.Connection, node: Node, living: list[SecurityContext]) -> tuple[int, Iterable[int]]:
        _check(node)
        return free_seqs(connection, node, max((one.highest for one in living), default=-1))

    node, living, (first, seqs) = look_up(database, name, "nodes", read)
    newest = max(living, key=lambda one: one.generation)
    return Speaker(node.name, node.number, newest.secret, first, seqs)


def free_seqs(connection: sqlite3.Connection, node: Node, heard: int) -> tuple[int, Iterable[int]]:
    """-> `first` and `seqs` of a Speaker. `heard`: the highest counter under the keys it has, -1 for none.

    Numbers below the highest that is stored, and not stored themselves: the board, which counts up, is past them.
    Anything above would be a number it is going to use: its record would be taken for a copy, and lost. A board that
    was never heard begins with a hello and is told where to go on: there the first is high, and leaves room below it.
    """
    whose = node.number, node.enrolment
    highest = records.highest_seq(connection, whose)
    if highest < 0 and heard < 0:
        return ROOM_BELOW, count(ROOM_BELOW)
    if highest < 0:
        return 0, range(heard)
    first = max(0, (highest // known.BLOCK - BLOCKS + 1) * known.BLOCK)
    stored = set(known.newest(connection, whose, BLOCKS))
    return 0, [seq for seq in range(first, highest) if seq not in stored]


def _check(node: Node) -> None:
    if node.security == "plain":
        raise UsageError(
            f"{node.name} is a plain node: whoever sends from {node.address} is it. Leave --node out.",
            f"comatrix node show {node.name}",
        )
    if node.security != "oscore":
        raise UsageError(f"{node.name} does not speak OSCORE.", f"comatrix node show {node.name}")
    if node.link != UDP:
        raise UsageError(f"{node.name} comes over LoRa, not over UDP.", f"comatrix node show {node.name}")
