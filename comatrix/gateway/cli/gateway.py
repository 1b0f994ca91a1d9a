"""`comatrix gateway`: the process that does the work."""

from dataclasses import replace

import click

from comatrix.gateway.cli.connection import is_running
from comatrix.gateway.cli.context import place_of
from comatrix.gateway.cli.lazy import NamingGroup
from comatrix.gateway.errors import UsageError


@click.group(cls=NamingGroup)
def gateway() -> None:
    """Run the gateway."""


@gateway.command("run")
@click.option("--log-format", type=click.Choice(["text", "json"]), help="Instead of [gateway] log_format.")
@click.pass_context
def run(ctx: click.Context, log_format: str | None) -> None:
    """Run the gateway until Ctrl-C or SIGTERM. Everything it logs goes to standard error."""
    place = place_of(ctx)
    settings = place.settings()
    if is_running(place):
        raise UsageError(f"A gateway runs already ({place.paths.socket}).", "comatrix status")
    if log_format is not None:
        settings = replace(settings, gateway=replace(settings.gateway, log_format=log_format))
    from comatrix.gateway.running import run as serve

    serve(settings, place.paths)
