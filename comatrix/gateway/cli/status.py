"""`comatrix status`: how the gateway is."""

from typing import Any

import click

from comatrix.gateway.cli.connection import call
from comatrix.gateway.cli.context import json_option, place_of, printable, show_json


@click.command()
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Show how the gateway and its nodes are."""
    found = call(place_of(ctx), "status", {})
    if as_json:
        show_json(found)
        return
    for name, value in _parts(found).items():
        click.echo(f"{name:<15} {printable(value)}")
    if found["parked"]:
        click.echo("Next: comatrix queue --parked")
    elif not found["running"]:
        click.echo("Next: comatrix gateway run")


def _parts(found: dict[str, Any]) -> dict[str, object]:
    parts: dict[str, object] = {
        "gateway": f"{'running' if found['running'] else 'not running'} (CoMatrix {found['version']})",
        "homeserver": found["homeserver"],
        "nodes": found["nodes"],
        "records": f"{found['records']} ({found['late']} late)",
        "events": f"{found['posted']} posted, {found['sealed']} on their way, {found['parked']} parked",
        "waiting": f"{found['waiting']} records",
    }
    parts |= {f"paused {room}": why for room, why in found["paused_rooms"].items()}
    return parts | {name.replace("_", " "): value for name, value in (found["live"] or {}).items()}
