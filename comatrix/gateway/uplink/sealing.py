"""Waiting records of one lane -> the frozen content of one event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Protocol

from comatrix.gateway.model import Node, Record
from comatrix.gateway.uplink.rendering import event_content
from comatrix.gateway.uplink.typed import canonical_json

MAX_CONTENT_BYTES = 60_000  # homeservers refuse 65,536 with everything around it
MAX_RECORDS = 200
MAX_INTEGER = 1 << 53

EVENT_TYPE = "m.room.message"


class Render(Protocol):
    """rendering.event_content, or something like it."""

    def __call__(
        self, records: Sequence[Record], nodes: Mapping[int, Node], *, txn_id: str, timezone: tzinfo, own_voice: bool
    ) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Draft:
    """The bytes to send, and the records they show."""

    content: bytes
    members: tuple[Record, ...]


def txn_id(instance: str, row_id: int, kind: str) -> str:
    """Never repeats: `instance` is random, new after a restore, and a row id is never given twice."""
    return f"{instance}.{row_id}.{kind}"


def compose(
    records: Sequence[Record],
    nodes: Mapping[int, Node],
    *,
    txn_id: str,
    timezone: tzinfo,
    own_voice: bool = False,
    limit_bytes: int = MAX_CONTENT_BYTES,
    render: Render = event_content,
) -> Draft:
    """The oldest records that fit, halving, at least one. `own_voice`: the node's own user says it.

    Raises ValueError if they cannot be JSON for Matrix.
    """
    members = sorted(records, key=lambda record: record.id)
    while True:
        content = canonical(render(in_order(members), nodes, txn_id=txn_id, timezone=timezone, own_voice=own_voice))
        if len(content) <= limit_bytes or len(members) == 1:
            return Draft(content, tuple(members))
        members = members[: len(members) // 2]


def in_order(records: Sequence[Record]) -> list[Record]:
    """By arrival, each node's own by seq: one that came late but still waits stands in its place."""
    by_seq = sorted(records, key=lambda record: (record.enrolment, record.seq))
    own = {node: iter([record for record in by_seq if record.node == node]) for node in {r.node for r in records}}
    return [next(own[record.node]) for record in sorted(records, key=lambda record: record.id)]


def canonical(content: dict[str, Any]) -> bytes:
    """Canonical JSON. Raises ValueError for a float, a great integer or a lone surrogate."""
    _refuse_untransportable(content)
    return canonical_json(content)


def _refuse_untransportable(value: object) -> None:
    """Homeservers answer 400 to floats and to integers a double cannot hold."""
    if isinstance(value, dict):
        for part in value.values():
            _refuse_untransportable(part)
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_untransportable(part)
    elif isinstance(value, float):
        raise ValueError(f"a float in an event's content: {value!r}")
    elif isinstance(value, int) and not -MAX_INTEGER < value < MAX_INTEGER:
        raise ValueError(f"an integer beyond 2^53 in an event's content: {value}")
