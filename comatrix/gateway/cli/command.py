"""`comatrix command`: tell a node something, and see what became of it."""

import time
from typing import Any

import click

from comatrix.gateway.cli.connection import Place, call, is_running
from comatrix.gateway.cli.context import clock, json_option, place_of, printable, show_json, show_table, zone
from comatrix.gateway.cli.lazy import NamingGroup
from comatrix.gateway.cli.steps import here
from comatrix.gateway.downlink import states
from comatrix.gateway.errors import Unreachable, UsageError

LOOK_EVERY_S = 0.5
NEGATIVE = {"ignore_unknown_options": True}  # -5 is a value

ttl_option = click.option("--ttl", metavar="SPAN", help='How long it may wait, as "10min" ([commands] ttl).')
wait_option = click.option(
    "--wait", is_flag=True, help="Show each state until the last; exit code 1 unless the node confirmed it."
)


@click.group(cls=NamingGroup)
def command() -> None:
    """Tell a node something at its next contact, and see what became of it."""


@command.command("set", context_settings=NEGATIVE)
@click.argument("node")
@click.argument("name")
@click.argument("value", nargs=-1, required=True)
@ttl_option
@wait_option
@json_option
@click.pass_context
def set_(ctx: click.Context, /, value: tuple[str, ...], **given: Any) -> None:
    """Change a setting of a node: `comatrix command set garden interval 5min`."""
    _add(ctx, "set", words=list(value), **given)


@command.command("get")
@click.argument("node")
@click.argument("name")
@ttl_option
@wait_option
@json_option
@click.pass_context
def get(ctx: click.Context, /, **given: Any) -> None:
    """Ask a node for the value a setting has there."""
    _add(ctx, "get", **given)


@command.command("call", context_settings=NEGATIVE)
@click.argument("node")
@click.argument("name")
@click.argument("value", nargs=-1)
@ttl_option
@wait_option
@json_option
@click.pass_context
def call_(ctx: click.Context, /, value: tuple[str, ...], **given: Any) -> None:
    """Call a method of a node: `comatrix command call garden relay on`."""
    _add(ctx, "call", words=list(value), **given)


@command.command("say", context_settings=NEGATIVE)
@click.argument("node")
@click.argument("text", nargs=-1, required=True)
@ttl_option
@wait_option
@json_option
@click.pass_context
def say(ctx: click.Context, /, text: tuple[str, ...], **given: Any) -> None:
    """Send a node a text, for its display."""
    _add(ctx, "say", words=list(text), **given)


@command.command("list")
@click.argument("node", required=False)
@click.option("--all", "everything", is_flag=True, help="The newest 100 of any state, not only those that wait.")
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


def _add(ctx: click.Context, verb: str, /, *, wait: bool, as_json: bool, **args: Any) -> None:
    place = place_of(ctx)
    if wait and not is_running(place):
        raise UsageError("No gateway runs that could hand it to the node: nothing to wait for.", "comatrix gateway run")
    found = call(place, "command.add", {"verb": verb, **args})
    if wait:
        found = _followed(place, found, quiet=as_json)
    if as_json:
        show_json(found)
    elif not wait:
        click.echo(_line(found))
        click.echo(here(f"Next: comatrix command show {found['number']}"))
    if wait and found["state"] != states.CONFIRMED:
        ctx.exit(1)


def _followed(place: Place, found: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
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
        if not is_running(place):
            raise Unreachable("The gateway stopped; the command waits.", f"comatrix command show {found['number']}")
        found = call(place, "command.show", {"number": found["number"]})


def _line(found: dict[str, Any]) -> str:
    """One command on one line."""
    parts = [f"#{found['number']} {found['node']}: {found['shown']}", found["state"].replace("_", " ")]
    if found["attempts"] and not states.final(found["state"]):
        parts.append(f"attempt {found['attempts']}")
    if found["reason"]:
        parts.append(found["reason"])
    elif found["told"]:
        parts.append(f"the node says {found['told']}")
    return printable(" - ".join(parts))
