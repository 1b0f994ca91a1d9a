"""A node's keys and schemas for LoRa frames, read beside a running gateway: nothing is changed, and no key shown."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from comatrix_lora.counters import TRIALS
from comatrix_lora.frame import TAG, nonce
from comatrix_lora.header import EXTRA, Header
from comatrix_lora.schema import Schema

from comatrix.gateway.aead import aead
from comatrix.gateway.cli.node_lookup import look_up
from comatrix.gateway.edges.store import descriptions
from comatrix.gateway.model import Node, SecurityContext
from comatrix.gateway.uplink.node_schemas import schemas_of
from comatrix.session.keys import Keys, node_id
from comatrix.session.oscore import Binding, Context

LINK = b"l"
MOST_RUNS = 64  # values of R1, of R2 and of new keys that are remembered
AHEAD = 256 * TRIALS  # how far from what is stored a counter is looked for, both ways


@dataclass(frozen=True, slots=True)
class Found:
    """What a frame held. `counter`: the sender's own, `request`: of the request it answers; None: there is none."""

    counter: int | None
    request: int | None
    plain: bytes


@dataclass(frozen=True, slots=True)
class _Sides:
    """One context: to read what the node sends, and what the gateway sends; the counters near which both are."""

    at_gateway: Context
    at_node: Context
    node_counter: int
    gateway_counter: int


class FrameKeys:
    """The keys of one node, `name` and `number` its own; `schemas`: how its readings are packed, by code.

    What goes under keys of Appendix B.2 that are not stored is opened after the frames that made them: R1 stands in
    request #1, R2 in response #1, R3 in request #2."""

    def __init__(self, name: str, number: int, living: list[SecurityContext], schemas: Mapping[int, Schema]) -> None:
        self.name = name
        self.number = number
        self.schemas = schemas
        highest = max((one.highest for one in living), default=-1)  # a node has one counter for all its links
        self._sides = [_sides(number, one, _extra(one), highest) for one in living]
        self._living = living
        self._highest = highest
        self._firsts: list[bytes] = []  # R1, the newest first
        self._seconds = [_extra(one)[:EXTRA] for one in living if _extra(one)]  # R2

    def open(self, header: Header, data: bytes) -> Found | None:
        """The content of a frame of this node, heard before or not; None where its keys do not fit.

        Tries every counter with these low bytes that is near what is stored.
        """
        sealed = data[header.size :]
        for extra, sides in self._candidates(header) if len(sealed) > TAG else ():
            context = sides.at_gateway if header.up else sides.at_node
            theirs = sides.node_counter if header.up else sides.gateway_counter
            ours = sides.gateway_counter if header.up else sides.node_counter
            for found in _openings(context, header, theirs, ours):
                try:
                    plain = context.recipient.open(*found[2], sealed)
                except ValueError:
                    continue
                self._learn(header, extra, sides)
                return Found(found[0], found[1], plain)
        return None

    def _candidates(self, header: Header) -> Iterator[tuple[bytes, _Sides]]:
        """(what Appendix B.2 adds to the ID Context, the keys) that such a frame may be under."""
        if not header.step:
            yield from ((b"", sides) for sides in self._sides)
            return
        if header.step == 2:
            extras = [second + header.extra for second in self._seconds]
        else:
            extras = [header.extra] if header.up else [header.extra + first for first in self._firsts]
        for extra in extras:
            for one in self._living:
                yield extra, _sides(self.number, one, extra, self._highest)

    def _learn(self, header: Header, extra: bytes, sides: _Sides) -> None:
        """Later frames of the run go under what this one, which is authentic, says."""
        if header.step == 2:
            self._sides = [*self._sides[: len(self._living)], sides, *self._sides[len(self._living) :]]
            del self._sides[len(self._living) + MOST_RUNS :]
        elif header.step:
            known = self._firsts if header.up else self._seconds
            known[:] = [header.extra, *(one for one in known if one != header.extra)][:MOST_RUNS]


def keys_of(database: Path, name: str) -> FrameKeys:
    """The keys of the node called so. Raises UsageError, StoreError."""

    def read(connection: sqlite3.Connection, node: Node, living: list[SecurityContext]) -> bytes | None:
        return descriptions.body(connection, node.number)

    node, living, description = look_up(database, name, "keys", read)
    return FrameKeys(node.name, node.number, living, schemas_of(description))


def _extra(stored: SecurityContext) -> bytes:
    """One secret gives keys for each link; what Appendix B.2 made is of its own link alone."""
    return stored.id_context if stored.link == LINK.decode() else b""


def _sides(number: int, stored: SecurityContext, extra: bytes, highest: int) -> _Sides:
    """The keys that a stored secret gives with these bytes of Appendix B.2."""
    of_lora = stored.link == LINK.decode()
    return _Sides(
        Keys(stored.secret, b"", node_id(number), aead, LINK).context(extra),
        Keys(stored.secret, node_id(number), b"", aead, LINK).context(extra),
        highest,
        stored.tx_reserved if of_lora else 0,
    )


def _openings(
    context: Context, header: Header, theirs: int, ours: int
) -> Iterator[tuple[int | None, int | None, tuple[bytes, bytes]]]:
    """(counter, request, (nonce, AAD)) of all the header may stand for. `theirs`, `ours`: counters near which."""
    if not header.resp:
        for counter in _near(theirs, header.counter, whole=header.long):
            bound = nonce(context.recipient_base, counter), _aad(context.recipient_id, counter)
            yield counter, None, bound
    elif header.request is None:
        for request in _near(ours, header.counter, whole=header.long):
            yield None, request, (nonce(context.sender_base, request), _aad(context.sender_id, request))
    else:
        for counter in _near(theirs, header.counter, whole=header.long):
            for request in _near(ours, header.request, whole=False):
                yield counter, request, (nonce(context.recipient_base, counter), _aad(context.sender_id, request))


def _near(known: int, named: int, *, whole: bool) -> list[int]:
    """Counters with the low byte `named`, the nearest to `known` first; or that one counter."""
    if whole:
        return [named]
    first = max(0, known - AHEAD)
    return sorted(range(first + (named - first) % 256, known + AHEAD, 256), key=lambda one: abs(one - known))


def _aad(kid: bytes, counter: int) -> bytes:
    return Binding(kid, counter, b"").aad
