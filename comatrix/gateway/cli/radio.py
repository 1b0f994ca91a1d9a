"""`comatrix radio`: what has to do with LoRa, each command in a module of its own."""

import click

from comatrix.gateway.cli.lazy import LazyGroup

HERE = "comatrix.gateway.cli"
COMMANDS = {
    "airtime": (f"{HERE}.radio_airtime:airtime", "Tell how long a message is on air, and how many an hour may carry."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def radio() -> None:
    """What has to do with LoRa radios."""
