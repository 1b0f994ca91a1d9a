"""`comatrix command`: tell a node something, and see what became of it."""

import time
from typing import Any

import click

from comatrix.gateway.cli.connection import Place, call
from comatrix.gateway.cli.context import clock, json_option, place_of, printable, show_json, show_table, zone
from comatrix.gateway.cli.lazy import NamingGroup
from comatrix.gateway.cli.steps import here
from comatrix.gateway.downlink import states

LOOK_EVERY_S = 0.5

ttl_option = click.option("--ttl", metavar="SPAN", help='How long it may wait, as "10min" ([commands] ttl).')
wait_option = click.option("--wait", "wait", is_flag=True, help="Show each state until the last; 1 unless confirmed.")


@click.group(cls=NamingGroup)
def command() -> None:
    """Tell a node something at its next contact, and see what became of it."""


@command.command("set")
@click.argument("node")
@click.argument("name")
@click.argument("value")
@ttl_option
@wait_option
@json_option
@click.pass_context
def set_(
    ctx: click.Context, /, node: str, name: str, value: str, ttl: str | None, wait: bool, as_json: bool
) -> None:  # fmt: skip
    """Change a setting of a node: `comatrix command set garden interval 5min`."""
    _add(ctx, {"verb": "set", "node": node, "name": name, "words": [value], "ttl": ttl}, wait, as_json)


@command.command("get")
@click.argument("node")
@click.argument("name")
@ttl_option
@wait_option
@json_option
@click.pass_context
def get(ctx: click.Context, /, node: str, name: str, ttl: str | None, wait: bool, as_json: bool) -> None:
    """Ask a node for the value a setting has there."""
    _add(ctx, {"verb": "get", "node": node, "name": name, "words": [], "ttl": ttl}, wait, as_json)


@command.command("call")
@click.argument("node")
@click.argument("name")
@click.argument("words", nargs=-1, metavar="[ARGUMENTS]...")
@ttl_option
@wait_option
@json_option
@click.pass_context
def call_(
    ctx: click.Context, /, node: str, name: str, words: tuple[str, ...], ttl: str | None, wait: bool, as_json: bool
) -> None:
    """Call a method of a node: `comatrix command call garden relay on`."""
    _add(ctx, {"verb": "call", "node": node, "name": name, "words": list(words), "ttl": ttl}, wait, as_json)


@command.command("say")
@click.argument("node")
@click.argument("text")
@ttl_option
@wait_option
@json_option
@click.pass_context
def say(ctx: click.Context, /, node: str, text: str, ttl: str | None, wait: bool, as_json: bool) -> None:
    """Send a node a text, for its display."""
    _add(ctx, {"verb": "say", "node": node, "words": [text], "ttl": ttl}, wait, as_json)


@command.command("list")
@click.argument("node", required=False)
@click.option("--all", "everything", is_flag=True, help="The newest of any state, not only those that wait.")
@json_option
@click.pass_context
def list_(ctx: click.Context, /, node: str | None, everything: bool, as_json: bool) -> None:
    """Show what waits for nodes."""
    place = place_of(ctx)
    found = call(place, "command.list", {"node": node, "all": everything})
    if as_json:
        show_json(found)
        return
    timezone = zone(place)
    rows = [
        (
            one["number"],
            one["node"],
            one["shown"],
            clock(one["created_ms"], timezone),
            one["state"].replace("_", " "),
            one["attempts"],
            one["sender"],
        )
        for one in found
    ]
    show_table(("#", "node", "command", "since", "state", "attempts", "by"), rows, "No command waits for a node.")


@command.command("show")
@click.argument("number", type=click.IntRange(1))
@json_option
@click.pass_context
def show(ctx: click.Context, /, number: int, as_json: bool) -> None:
    """Show what became of a command."""
    found = call(place_of(ctx), "command.show", {"number": number})
    if as_json:
        show_json(found)
    else:
        click.echo(_line(found))


@command.command("cancel")
@click.argument("number", type=click.IntRange(1))
@json_option
@click.pass_context
def cancel(ctx: click.Context, /, number: int, as_json: bool) -> None:
    """Take back a command that has not left yet."""
    found = call(place_of(ctx), "command.cancel", {"number": number})
    if as_json:
        show_json(found)
    else:
        click.echo(_line(found))


def _add(ctx: click.Context, args: dict[str, Any], wait: bool, as_json: bool) -> None:
    place = place_of(ctx)
    found = call(place, "command.add", args)
    if wait:
        found = _followed(place, found, as_json)
    if as_json:
        show_json(found)
    elif not wait:
        click.echo(_line(found))
        click.echo(here(f"Next: comatrix command show {found['number']}"))
    if wait and found["state"] != states.CONFIRMED:
        ctx.exit(1)


def _followed(place: Place, found: dict[str, Any], quiet: bool) -> dict[str, Any]:
    """Each state as it comes, until a final one."""
    said = ""
    while True:
        line = _line(found)
        if line != said and not quiet:
            click.echo(line)
        said = line
        if states.final(found["state"]):
            return found
        time.sleep(LOOK_EVERY_S)
        found = call(place, "command.show", {"number": found["number"]})


def _line(found: dict[str, Any]) -> str:
    """One command on one line."""
    parts = [f"#{found['number']} {found['node']}: {found['shown']}", found["state"].replace("_", " ")]
    if found["attempts"] and not states.final(found["state"]):
        parts.append(f"attempt {found['attempts']}")
    if found["value"] is not None:
        parts.append(f"the node says {found['value']}")
    if found["reason"]:
        parts.append(found["reason"])
    return printable(" - ".join(parts))
