"""`comatrix radio`: what has to do with LoRa, each command in a module of its own."""

import click

from comatrix.gateway.cli.lazy import LazyGroup

HERE = "comatrix.gateway.cli"
COMMANDS = {
    "airtime": (f"{HERE}.radio_airtime:airtime", "Tell how long a message is on air, and how many an hour may carry."),
    "probe": (f"{HERE}.radio_probe:probe", "Find out which module answers at a port, and how it is set."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def radio() -> None:
    """Tell what a LoRa message costs on air, and find out what modules can do."""
