"""`comatrix radio`: modules that send and hear LoRa."""

import click

from comatrix.gateway.cli.lazy import LazyGroup

HERE = "comatrix.gateway.cli"
COMMANDS = {
    "probe": (f"{HERE}.radio_probe:probe", "Find out which module answers at a port, and how it is set."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def radio() -> None:
    """Find out what LoRa modules can do."""
