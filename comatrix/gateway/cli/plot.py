"""`comatrix plot`: a node's readings as a picture."""

import base64
from pathlib import Path

import click

from comatrix.gateway.cli.connection import call
from comatrix.gateway.cli.context import json_option, place_of, show_json


@click.command()
@click.argument("node")
@click.argument("word")
@click.option("--span", metavar="SPAN", default="24h", show_default=True, help='How far back: "90min", "24h", "7d".')
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; else named after what it shows."
)
@json_option
@click.pass_context
def plot(ctx: click.Context, node: str, word: str, span: str, out: Path | None, as_json: bool) -> None:
    """Draw a reading of a node: `comatrix plot garden temperature --span 7d`."""
    found = call(place_of(ctx), "plot", {"node": node, "word": word, "span": span})
    path = Path(found["filename"]) if out is None else out
    path.write_bytes(base64.b64decode(found["png"]))
    if as_json:
        show_json({"file": str(path), "summary": found["summary"]})
    else:
        click.echo(f"{found['summary']}\nWrote {path}")
