"""`comatrix demo`: the main job, on this machine alone."""

import asyncio

import click


@click.command()
@click.option("--seconds", type=click.IntRange(0, 86_400), default=0, metavar="N", help="End by itself; 0: on Ctrl-C.")
@click.option("--nodes", type=click.IntRange(1, 10), default=3, show_default=True, help="How many nodes.")
@click.option(
    "--interval", type=click.IntRange(1, 3_600), default=4, show_default=True, help="Seconds between readings."
)
@click.option("--loss", type=click.IntRange(0, 90), default=20, show_default=True, help="Per cent lost, each way.")
@click.option("--seed", type=click.IntRange(0, 1_000_000), default=1, show_default=True, help="Of the link's faults.")
@click.option("--lora/--no-lora", default=True, show_default=True, help="One more node, over LoRa with 30 % loss.")
def demo(seconds: int, nodes: int, interval: int, loss: int, seed: int, lora: bool) -> None:
    """Watch MicroPython nodes post readings over a lossy link into a room.

    Starts a homeserver, the gateway and the nodes on loopback, shows the room as it grows, and removes everything.
    """
    from comatrix.gateway.demo.play import Script, play

    script = Script(nodes=nodes, seconds=seconds, interval_s=interval, loss=loss / 100, seed=seed, lora=lora)
    asyncio.run(play(script, click.echo))
