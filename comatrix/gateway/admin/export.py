"""Readings of any span, for another program: streamed in the order they came, a page of the log at a time."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

from comatrix.codec import records as said
from comatrix.codec import vocab
from comatrix.gateway.admin import arguments
from comatrix.gateway.admin.collaborators import Args, Collaborators
from comatrix.gateway.admin.nodes import find
from comatrix.gateway.edges.store import nodes, records, series
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import Record
from comatrix.gateway.plotting import asking
from comatrix.gateway.uplink.formats.pack import apart
from comatrix.gateway.uplink.typed import OUT_OF_RANGE, decimal_string, decode

PAGE = 256  # records read at once: a few ms of the loop
LATEST_MS = (1 << 53) - 1

Row = dict[str, Any]


class ExportOperations:
    """export."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def export(self, args: Args) -> AsyncGenerator[Row, None]:
        """{node, word, since_ms, until_ms}, each may be missing -> one item a reading.

        `value` is a decimal text, exact, or "out of range"; the span is of the times they were measured at.
        """
        name, word_name = arguments.maybe_text(args, "node"), arguments.maybe_text(args, "word")
        since_ms = arguments.whole(args, "since_ms", 0, LATEST_MS, 0)
        until_ms = arguments.whole(args, "until_ms", 0, LATEST_MS, LATEST_MS)
        read = self._given.store.read
        node = None if name is None else find(read(nodes.all_nodes), name).number
        word = None if word_name is None else _word(word_name)
        # What was measured since then also came since then.
        last = read(lambda connection: series.first_since(connection, since_ms)) - 1
        while page := read(partial(_page, last=last)):
            for whole, called in page:
                for record in apart(whole):
                    if node in (None, record.node) and since_ms <= record.measured_ms <= until_ms:
                        for row in _rows(record, called, word):
                            yield row
            last = page[-1][0].id
            await asyncio.sleep(0)


def _page(connection: sqlite3.Connection, last: int) -> list[tuple[Record, str]]:
    """Records behind row `last` with their node's name."""
    known = {node.number: node.name for node in nodes.all_nodes(connection, revoked=True)}
    found = records.after(connection, last, PAGE)
    return [(record, known.get(record.node, f"node {record.node}")) for record in found]


def _rows(record: Record, name: str, word: int | None) -> list[Row]:
    what = decode(record) if record.kind == "readings" else None
    if not isinstance(what, said.Readings):
        return []
    shown: dict[int, int | None] = {**what.values, **dict.fromkeys(what.beyond)}
    return [_row(record, name, number, raw) for number, raw in shown.items() if word in (None, number)]


def _row(record: Record, name: str, number: int, raw: int | None) -> Row:
    known = vocab.by_number(number)
    digits = known.digits if known else 0
    return {
        "measured_ms": record.measured_ms,
        "received_ms": record.received_ms,
        "node": name,
        "seq": record.seq,
        "word": known.name if known else f"word_{number}",
        "value": OUT_OF_RANGE if raw is None else decimal_string(raw, digits),
        "unit": known.senml_unit if known else None,
        "late": record.late,
    }


def _word(name: str) -> int:
    """Raises UsageError."""
    word = asking.word(name)
    if word is None:
        raise UsageError(f"Nothing is measured that is called {name!a}.", "comatrix export --help")
    return word.number
