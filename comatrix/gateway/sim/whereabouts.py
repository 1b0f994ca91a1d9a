"""Where readings are that are not in the room when a run is over: with their node, with the gateway, or nowhere."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from comatrix.codec import cbor
from comatrix.codec.words import lookup
from comatrix.errors import WireError
from comatrix.gateway.edges.store.records import KINDS
from comatrix.gateway.sim.numbering import HUMIDITY, TEMPERATURE, number_of
from comatrix.gateway.sim.scenario import COUNTED

Reading = tuple[int, int]  # node, its running number


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Readings not in the room, by who has them. `lost`: nobody, or a node let them go to have room."""

    nodes: int = 0
    gateway: int = 0
    lost: int = 0


def whereabouts(missing: Iterable[Reading], held: set[Reading], stored: set[Reading]) -> Whereabouts:
    """`held`: by nodes; `stored`: by the gateway, which then sees to them."""
    gone = set(missing)
    gateway = gone & stored
    nodes = (gone - stored) & held
    return Whereabouts(len(nodes), len(gateway), len(gone) - len(gateway) - len(nodes))


def stored(connection: sqlite3.Connection) -> set[Reading]:
    """All that stand in the gateway's log."""
    rows = connection.execute("SELECT node, body FROM record WHERE kind = ?", (KINDS["readings"],))
    found = ((node, count_in(_read(body))) for node, body in rows)
    return {(node, count) for node, count in found if count is not None}


def count_in(values: object) -> int | None:
    """The running number in {word's number: integer}; None: there is none."""
    word = lookup(COUNTED)
    if not isinstance(values, dict) or word is None:
        return None
    if word[0] in values:
        return int(values[word[0]])
    if TEMPERATURE in values and HUMIDITY in values:
        return number_of(values[TEMPERATURE], values[HUMIDITY])
    return None


def _read(body: bytes) -> object:
    try:
        return cbor.decode_untrusted(body)
    except WireError:
        return None
