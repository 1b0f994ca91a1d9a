"""`comatrix queue`: what waits for the homeserver."""

from datetime import tzinfo
from typing import Any

import click

from comatrix.gateway.cli.connection import call
from comatrix.gateway.cli.context import clock, json_option, place_of, printable, show_json, show_table, zone
from comatrix.gateway.cli.lazy import NamingGroup
from comatrix.gateway.cli.steps import here
from comatrix.gateway.errors import UsageError


@click.group(cls=NamingGroup, invoke_without_command=True)
@click.option("--parked", is_flag=True, help="Only what waits for a person, with its reason.")
@json_option
@click.pass_context
def queue(ctx: click.Context, parked: bool, as_json: bool) -> None:
    """Show what waits for the homeserver; retry or drop what was parked."""
    if ctx.invoked_subcommand is not None:
        return
    place = place_of(ctx)
    found = call(place, "queue.list", {"parked": parked})
    if as_json:
        show_json(found)
        return
    timezone = zone(place)
    rows = [
        (
            one["id"],
            one["room"],
            one["records"],
            clock(one["sealed_ms"], timezone),
            one["state"] + (", in doubt" if one["in_doubt"] else ""),
            one["attempts"],
            one["reason"] or None,
        )
        for one in found["rows"]
    ]
    heads = ("id", "room", "records", "since", "state", "attempts", "reason")
    show_table(heads, rows, "Nothing is parked." if parked else "No event waits for the homeserver.")
    if not parked:
        click.echo(f"{found['waiting']} records wait for their turn.")
        for one in found["rooms"]:
            click.echo(lag_words(one, timezone))
    if any(one["state"] == "parked" for one in found["rows"]):
        click.echo(here("Next: comatrix queue retry ID, or comatrix queue drop ID"))


def lag_words(room: dict[str, Any], timezone: tzinfo) -> str:
    """How far a room is behind, on one line."""
    count, since = room["waiting"], clock(room["oldest_ms"], timezone)
    parts = [f"1 record waits, since {since}" if count == 1 else f"{count} records wait, the oldest since {since}"]
    if room.get("next_ms") is not None:
        parts.append(f"next event expected {clock(room['next_ms'], timezone)}, {room['rate']}")
    if room.get("trouble"):
        parts.append(room["trouble"])
    return printable(f"{room['room']}: {'; '.join(parts)}")


@queue.command("retry")
@click.argument("id", type=int, required=False)
@click.option("--all", "everything", is_flag=True, help="Everything that is parked.")
@json_option
@click.pass_context
def retry(ctx: click.Context, id: int | None, everything: bool, as_json: bool) -> None:
    """Send a parked event again, byte for byte. Where its room can be read it is looked for first; where not, one that
    did arrive may then stand twice in the room."""
    _decide(ctx, "queue.retry", _chosen(id, everything, "retry"), as_json, "Sent again: {}.")


@queue.command("drop")
@click.argument("id", type=int, required=False)
@click.option("--all", "everything", is_flag=True, help="Everything that is parked.")
@json_option
@click.pass_context
def drop(ctx: click.Context, id: int | None, everything: bool, as_json: bool) -> None:
    """Give a parked event up: its records stay in the log and are never posted."""
    _decide(ctx, "queue.drop", _chosen(id, everything, "drop"), as_json, "Dropped: {}.")


def _chosen(id: int | None, everything: bool, verb: str) -> int | None:
    if (id is None) != everything:
        raise UsageError("Say one event's number, or --all.", f"comatrix queue {verb} ID")
    return id


def _decide(ctx: click.Context, op: str, id: int | None, as_json: bool, words: str) -> None:
    found = call(place_of(ctx), op, {"id": id})
    if as_json:
        show_json(found)
    else:
        click.echo(words.format(", ".join(map(str, found["ids"])) or "nothing was parked"))
