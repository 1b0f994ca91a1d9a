"""`comatrix status`: how the gateway is."""

from datetime import tzinfo
from typing import Any

import click

from comatrix.gateway.cli.connection import call
from comatrix.gateway.cli.context import clock, json_option, place_of, printable, show_json, zone


@click.command()
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Show how the gateway and its nodes are."""
    place = place_of(ctx)
    found = call(place, "status", {})
    if as_json:
        show_json(found)
        return
    timezone = zone(place)
    for name, value in (_parts(found) | _live(found["live"], timezone)).items():
        click.echo(f"{name:<15} {printable(value)}")
    for trouble in (found["live"] or {}).get("troubles", []):
        click.echo(f"trouble         {printable(trouble)}")
    if found["parked"]:
        click.echo("Next: comatrix queue --parked")
    elif not found["running"]:
        click.echo("Next: comatrix gateway run")


def _parts(found: dict[str, Any]) -> dict[str, object]:
    parts: dict[str, object] = {
        "gateway": f"{'running' if found['running'] else 'not running'} (CoMatrix {found['version']})",
        "homeserver": found["homeserver"],
        "nodes": found["nodes"],
        "records": f"{found['records']} stored, {found['late']} of them late",
        "events": f"{found['posted']} posted, {found['sealed']} on their way, {found['parked']} parked",
        "waiting": f"{found['waiting']} records",
    }
    return parts | {f"paused {room}": why for room, why in found["paused_rooms"].items()}


def _live(live: dict[str, Any] | None, timezone: tzinfo) -> dict[str, object]:
    """What only a running gateway knows; a newer or older one may say other things."""
    if live is None:
        return {}
    shown: dict[str, object] = {"since": clock(live.get("started_ms"), timezone)}
    shown["listening"] = ", ".join(live.get("listening", [])) or None
    counted = ("datagrams_in", "datagrams_out", "received", "acknowledged", "duplicates", "knocks")
    return shown | {name.replace("_", " "): live[name] for name in counted if name in live}
