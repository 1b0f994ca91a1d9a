"""`comatrix tail`: what nodes sent."""

from datetime import tzinfo
from typing import Any

import click

from comatrix.errors import WireError
from comatrix.gateway.cli import record_json, record_words
from comatrix.gateway.cli.connection import stream
from comatrix.gateway.cli.context import clock, json_option, place_of, show_json, zone
from comatrix.gateway.cli.steps import here

RESOURCE_OF_KIND = {kind: resource for resource, kind in record_json.KIND_OF_RESOURCE.items()}


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Wait for more until Ctrl-C; the gateway must run.")
@click.option("--lines", "-n", "limit", type=click.IntRange(0, 1000), default=20, show_default=True, help="How many.")
@click.option("--node", metavar="NAME", help="Only of this node.")
@json_option
@click.pass_context
def tail(ctx: click.Context, follow: bool, limit: int, node: str | None, as_json: bool) -> None:
    """Show what nodes sent, oldest first. With --json one object a line."""
    place = place_of(ctx)
    timezone = zone(place)
    nothing = True
    for item in stream(place, "tail", {"follow": follow, "limit": limit, "node": node}):
        nothing = False
        said = _said(item)
        if as_json:
            show_json({**item, "value": said})
        else:
            click.echo(_line(item, said, timezone))
    if nothing and not as_json:
        click.echo(here("Nothing came yet. Next: comatrix node list"))


def _said(item: dict[str, Any]) -> dict[str, Any] | None:
    try:
        said = record_json.decode_untrusted(bytes.fromhex(item["body"]), RESOURCE_OF_KIND.get(item["kind"]))
    except WireError:
        return None
    return said | {"seq": item["seq"]}


def _line(item: dict[str, Any], said: dict[str, Any] | None, timezone: tzinfo) -> str:
    words = [item["body"]] if said is None else [line.strip() for line in record_words.lines(said)[1:]]
    late = " (late)" if item["late"] else ""
    what = "" if item["kind"] == "readings" else f"{item['kind']}: "
    return f"{clock(item['measured_ms'], timezone)}  {item['name']} #{item['seq']}  {what}{', '.join(words)}{late}"
