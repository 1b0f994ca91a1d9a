"""`comatrix alarm`: have a room told when a reading leaves a limit."""

from typing import Any

import click

from comatrix.gateway.cli.connection import call
from comatrix.gateway.cli.context import clock, json_option, place_of, printable, show_json, show_table, zone
from comatrix.gateway.cli.lazy import NamingGroup
from comatrix.gateway.cli.steps import here

SAID = {"<": "below", ">": "above"}
NEGATIVE = {"ignore_unknown_options": True}  # "-5" is a limit


@click.group(cls=NamingGroup)
def alarm() -> None:
    """Have a node's room told when a reading leaves a limit, and when it is back."""


@alarm.command("set", context_settings=NEGATIVE)
@click.argument("node")
@click.argument("word")
@click.argument("limit", nargs=-1, required=True, metavar="below|above LIMIT")
@click.option("--hysteresis", metavar="VALUE", help="How far back a reading must be until it is over (5 % of LIMIT).")
@json_option
@click.pass_context
def set_(
    ctx: click.Context, /, node: str, word: str, limit: tuple[str, ...], hysteresis: str | None, as_json: bool
) -> None:
    """Set a limit: `comatrix alarm set garden battery below 3.3V`. A second one of the other side stands beside it."""
    args = {"node": node, "word": word, "limit": list(limit), "hysteresis": hysteresis}
    found = call(place_of(ctx), "alarm.set", args)
    if as_json:
        show_json(found)
    else:
        click.echo(_line(found))
        click.echo(here(f"Next: comatrix alarm list {found['node']}"))


@alarm.command("list")
@click.argument("node", required=False)
@json_option
@click.pass_context
def list_(ctx: click.Context, /, node: str | None, as_json: bool) -> None:
    """Show the limits and how each stands."""
    place = place_of(ctx)
    found = call(place, "alarm.list", {"node": node})
    if as_json:
        show_json(found)
        return
    timezone = zone(place)
    rows = [
        (
            one["node"],
            one["word"],
            f"{SAID[one['comparison']]} {_quantity(one, 'limit')}",
            _quantity(one, "hysteresis"),
            one["state"] if one["value"] is None else f"{one['state']}: {_quantity(one, 'value')}",
            "" if one["since_ms"] is None else clock(one["since_ms"], timezone),
            one["set_by"] or one["origin"],
        )
        for one in found
    ]
    head = ("node", "reading", "limit", "hysteresis", "state", "since", "by")
    show_table(head, rows, "No alarm is set. To set one: comatrix alarm set NODE battery below 3.3V")


@alarm.command("off")
@click.argument("node")
@click.argument("word", required=False)
@json_option
@click.pass_context
def off(ctx: click.Context, /, node: str, word: str | None, as_json: bool) -> None:
    """Switch the alarms of a reading off, or without WORD all of a node."""
    found = call(place_of(ctx), "alarm.off", {"node": node, "word": word})
    if as_json:
        show_json(found)
    else:
        for one in found:
            click.echo(f"off: {_line(one)}")
            if one["instead"] is not None:
                side = f"{one['word']} {SAID[one['comparison']]} {_quantity(one, 'instead')}"
                click.echo(f"The configuration's limit holds again: {side}")


def _line(one: dict[str, Any]) -> str:
    """One alarm on one line."""
    limit = f"{SAID[one['comparison']]} {_quantity(one, 'limit')}"
    return printable(f"{one['node']}: {one['word']} {limit}, hysteresis {_quantity(one, 'hysteresis')}")


def _quantity(one: dict[str, Any], key: str) -> str:
    return f"{one[key]} {one['unit']}".rstrip()
