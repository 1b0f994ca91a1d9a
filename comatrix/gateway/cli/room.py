"""`comatrix room`: where nodes post."""

import click

from comatrix.gateway.cli.connection import call
from comatrix.gateway.cli.context import json_option, place_of, show_json, show_table
from comatrix.gateway.cli.lazy import NamingGroup
from comatrix.gateway.cli.steps import here


@click.group(cls=NamingGroup)
def room() -> None:
    """Create and list rooms."""


@room.command("create")
@click.argument("name")
@click.option("--invite", multiple=True, metavar="@USER", help="Who owns the room with the gateway; may be repeated.")
@click.option(
    "--alias", metavar="WORD", help='The room\'s address #WORD:server. Made from NAME if left out; "" for none.'
)
@click.option("--no-federate", is_flag=True, help="Keep the room on this homeserver for ever.")
@json_option
@click.pass_context
def create(
    ctx: click.Context, name: str, invite: tuple[str, ...], alias: str | None, no_federate: bool, as_json: bool
) -> None:
    """Create an unencrypted private room in which the invited may do everything."""
    args = {"name": name, "invite": list(invite), "alias": alias, "federate": not no_federate}
    made = call(place_of(ctx), "room.create", args)
    if as_json:
        show_json(made)
        return
    click.echo(f"Created {made['room']} ({made['room_id']}).")
    if not made.get("invited", invite):
        click.echo("Nobody is invited: only the gateway's account can see it, and invite others.")
    click.echo(here(f"Next: comatrix node add garden --room '{made['room']}'"))


@room.command("list")
@json_option
@click.pass_context
def list_rooms(ctx: click.Context, as_json: bool) -> None:
    """List the rooms nodes are bound to."""
    found = call(place_of(ctx), "room.list", {})
    if as_json:
        show_json(found)
        return
    rows = [(one["room"], ", ".join(one["nodes"]) or None, _state(one)) for one in found]
    show_table(
        ("room", "nodes", "state"), rows, "No rooms yet. Next: comatrix room create NAME --invite @you:example.org"
    )


def _state(one: dict[str, object]) -> str:
    if one["encrypted"]:
        return "encrypted: nothing is posted"
    return f"paused: {one['paused']}" if one["paused"] else "ok"
