"""`comatrix export`: readings for a spreadsheet or another program."""

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, TextIO

import click

from comatrix.gateway.cli.connection import stream
from comatrix.gateway.cli.context import EPOCH, place_of, zone
from comatrix.gateway.config.values import span_ms
from comatrix.gateway.errors import UsageError

COLUMNS = ("time", "node", "word", "value", "unit", "seq", "received", "late")
FORMULA = re.compile(r"[=+\-@\t\r]")  # a spreadsheet would run a text that begins so


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--node", metavar="NAME", help="Only of this node.")
@click.option("--word", metavar="WORD", help="Only this reading, such as temperature.")
@click.option("--since", metavar="WHEN", help='From then on: "7d" ago, "2026-05-01" or "2026-05-01T12:00".')
@click.option("--until", metavar="WHEN", help="Up to then.")
@click.option(
    "--format", "how", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True, help="What a line is."
)
@click.pass_context
def export(
    ctx: click.Context,
    file: Path | None,
    node: str | None,
    word: str | None,
    since: str | None,
    until: str | None,
    how: str,
) -> None:
    """Write readings that are still in the database into FILE or to standard output, in the order they came.

    Times are UTC (ISO 8601); those of --since and --until are in the configured time zone. Values are exact decimals,
    in jsonl as texts. A FILE is there whole, or not at all.
    """
    from comatrix.gateway.clock import wall_ms

    place = place_of(ctx)
    args: dict[str, Any] = {"node": node, "word": word}
    for name, text in (("since_ms", since), ("until_ms", until)):
        if text is not None:
            args[name] = _moment(text, wall_ms(), zone(place))
    with _opened(file) as out:
        rows = map(_told, stream(place, "export", args))
        count = _write_csv(out, rows) if how == "csv" else _write_lines(out, rows)
    click.echo(f"{count:,} readings", err=True)


def _moment(text: str, now_ms: int, timezone: tzinfo) -> int:
    """Unix milliseconds. Raises UsageError."""
    try:
        return max(0, now_ms - span_ms(text))
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        wrong = f'{text!a} is no moment: a span such as "7d", or a date such as "2026-05-01".'
        raise UsageError(wrong, "comatrix export --help") from None
    return max(0, round(((at if at.tzinfo else at.replace(tzinfo=timezone)) - EPOCH).total_seconds() * 1000))


@contextmanager
def _opened(file: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears whole."""
    if file is None:
        yield sys.stdout
        return
    part = file.with_name(file.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            yield out
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _write_csv(out: TextIO, rows: Iterable[dict[str, Any]]) -> int:
    """RFC 4180, but lines end as on this system. -> how many."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for row in rows:
        harmless = {"node": f"'{row['node']}"} if FORMULA.match(row["node"]) else {}
        writer.writerow([(row | harmless)[column] for column in COLUMNS])
        count += 1
    return count


def _write_lines(out: TextIO, rows: Iterable[dict[str, Any]]) -> int:
    """One JSON object a line. -> how many."""
    count = 0
    for row in rows:
        out.write(json.dumps(row) + "\n")
        count += 1
    return count


def _told(row: dict[str, Any]) -> dict[str, Any]:
    times = {"time": _iso(row["measured_ms"]), "received": _iso(row["received_ms"])}
    return {column: (row | times)[column] for column in COLUMNS}


def _iso(at_ms: int) -> str:
    """ "2026-05-01T12:00:00.250Z"; the number itself where no calendar goes so far."""
    try:
        return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at_ms % 1000:03d}Z"
    except (OverflowError, ValueError, OSError):
        return str(at_ms)
