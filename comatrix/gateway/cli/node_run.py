"""`comatrix node run`: a node on this computer, in a MicroPython process, where no board is at hand."""

import asyncio
import contextlib
import json
import signal
from pathlib import Path
from typing import Any

import click

from comatrix.gateway.cli.context import place_of
from comatrix.gateway.config.paths import find_paths
from comatrix.gateway.errors import GatewayError, UsageError

LOOK_EVERY_S = 0.2


@click.command()
@click.argument("name")
@click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Its config.json, as `comatrix node add` wrote it (NAME.json).",
)
@click.option(
    "--main",
    "main_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Its program (a weather station that needs no sensor, with a setting `interval` and a method `lamp`).",
)
@click.pass_context
def run(ctx: click.Context, name: str, config_path: Path | None, main_path: Path | None) -> None:
    """Run the node NAME on this computer, in MicroPython, until Ctrl-C: it is one like those on boards.

    What it must not forget is kept beside the gateway's database: the next start goes on, as a board does.
    """
    from comatrix.gateway.demo.interpreter import find
    from comatrix.gateway.demo.node_process import OBEDIENT, lay_out_firmware

    config = _read(config_path or Path(f"{name}.json"), name)
    interpreter = find(report=lambda line: click.echo(line, err=True))
    if main_path is not None:
        main = main_path.read_text(encoding="utf-8")
    else:
        main = OBEDIENT.format(seed=config["node"], interval_s=config["interval_s"])
    state = kept_in(place_of(ctx).paths.state, Path.home())
    lay_out_firmware(state / "firmware")
    (state / name / "output.txt").unlink(missing_ok=True)
    click.echo(f"{name} runs on {interpreter}. Ctrl-C ends it.")
    asyncio.run(_run(interpreter, state / name, state / "firmware", config, main))


def kept_in(state: Path, user_home: Path) -> Path:
    """The folder of nodes that run here: in the gateway's `state`, or at home where that is the service's."""
    own = find_paths(None, {}, user_home).state
    try:
        (state / "run").mkdir(parents=True, exist_ok=True)
    except OSError:
        return own / "run"
    return state / "run"


def _read(path: Path, name: str) -> dict[str, Any]:
    """Raises UsageError: there is none, or it is another node's."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", f"comatrix node add {name} --room ROOM") from None
    except ValueError:
        config = None
    if not isinstance(config, dict) or config.get("name") != name or "gateway" not in config:
        raise UsageError(f"{path} is not the configuration of a node {name} over UDP.", "comatrix node list")
    return config


async def _run(interpreter: Any, folder: Path, firmware: Path, config: dict[str, Any], main: str) -> None:
    """Until it ends, which is an error, or Ctrl-C. Shows what it prints."""
    from comatrix.gateway.demo.node_process import NodeProcess

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    node = await NodeProcess.start(interpreter, folder, firmware, config, main)
    shown = 0
    try:
        while node.running and not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
            output = node.output()
            click.echo(output[shown:], nl=False)
            shown = len(output)
    finally:
        await node.stop()
    if not stop.is_set():
        raise GatewayError("The node's program ended by itself.", "look at what it printed above")
