"""What every command shares: where the gateway's files are, and how things are shown."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, TypeVar

import click

from comatrix.gateway.cli.connection import Place
from comatrix.gateway.cli.steps import here
from comatrix.gateway.clock import zone as named_zone

F = TypeVar("F", bound=Callable[..., Any])
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of words.")


def place_of(ctx: click.Context) -> Place:
    """The gateway the command is about."""
    return Place.of(ctx.find_root().obj)


def show_json(value: object) -> None:
    """One JSON value on one line, ASCII."""
    click.echo(json.dumps(value, allow_nan=False))


def show_table(heads: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Aligned columns under their heads; `empty` where there are no rows."""
    if not rows:
        click.echo(here(empty))
        return
    cells = [[head.upper() for head in heads], *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def printable(cell: object) -> str:
    """A cell on one line; what a node or homeserver sent cannot move the cursor. None is a dash."""
    return "-" if cell is None else "".join(c if c.isprintable() else "?" for c in str(cell))


def zone(place: Place) -> tzinfo:
    """The configured time zone."""
    return named_zone(place.timezone())


def clock(at_ms: int | None, timezone: tzinfo) -> str | None:
    """Unix milliseconds -> "2026-01-31 14:05:10" there."""
    if at_ms is None:
        return None
    try:
        return (EPOCH + timedelta(milliseconds=at_ms)).astimezone(timezone).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError):
        return "time unknown"
