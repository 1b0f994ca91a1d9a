"""`comatrix node flash`: from a board at a USB port to its first hello."""

import asyncio
import time
from pathlib import Path
from typing import Any

import click

from comatrix.gateway.cli import node_set
from comatrix.gateway.cli.asking import agreed, wifi_password
from comatrix.gateway.cli.connection import Place, call, is_running
from comatrix.gateway.cli.context import json_option, place_of, printable, show_json
from comatrix.gateway.cli.node_image import write_image
from comatrix.gateway.cli.node_progress import FlashProgress
from comatrix.gateway.clock import monotonic_ms
from comatrix.gateway.edges.flashing import finding
from comatrix.gateway.edges.flashing.flasher import Boards, Telling
from comatrix.gateway.edges.radio.port import open_port
from comatrix.gateway.edges.radio.port_words import shared_with
from comatrix.gateway.errors import GatewayError, UsageError
from comatrix.gateway.flashing import pins, wanted
from comatrix.gateway.flashing.about import Board
from comatrix.gateway.flashing.bringing import Changes

LOOK_S = 1.0
STATION = "simulated_station.py"


@click.command()
@click.argument("port", required=False)
@click.option("--node", "name", metavar="NAME", help="The node it becomes: NAME.json, as `comatrix node add` wrote it.")
@click.option(
    "--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="That file, under another name."
)
@click.option("--main", "program", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Its main.py.")
@click.option(
    "--board", "board_name", metavar="BOARD", help="Whose pins pins.py has; else what MicroPython says it is."
)
@click.option("--wifi", metavar="SSID", help="The network it joins; asks for the password.")
@click.option(
    "--firmware", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Where the .mpy files are."
)
@click.option(
    "--image", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="MicroPython for an ESP32 (.bin)."
)
@click.option("--erase", is_flag=True, help="Delete all that is on the board first. Asks.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", "wait_s", type=click.IntRange(0), default=60, show_default=True, help="Seconds for its hello.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
@click.pass_context
def flash(
    ctx: click.Context, /, port: str | None, name: str | None, file: Path | None, as_json: bool, **given: Any
) -> None:
    """Put the node on the board at PORT: only files that differ are written, then it starts.

    Without PORT it lists the boards at this machine's USB. Unplugged halfway it goes on where it was.

    \b
    comatrix node flash
    comatrix node flash /dev/ttyUSB0 --node garden --wifi home
    comatrix node flash /dev/ttyUSB0 --image ESP32_GENERIC-20250415-v1.25.0.bin
    """
    if port is None:
        list_boards(as_json)
        return
    progress = FlashProgress(quiet=as_json)
    if given["image"] is not None:
        write_image(port, given["image"], erase=given["erase"], yes=given["yes"], say=progress.say)
        return
    values = node_values(name, file)
    if values is None:
        check_without_node(port, given)
    if values and given["wifi"]:
        values = wanted.changed(values, interval_s=None, gateway=None, wifi=(given["wifi"], wifi_password()))
    if given["erase"] and not given["dry_run"]:
        erase_first(port, given, values, progress.say)
    board, changes, config = run_flash(port, values, given, progress)
    place = place_of(ctx)
    heard = (
        None if given["dry_run"] else hello(place, config["name"], port, given["wait_s"], progress.say, config["_seen"])
    )
    if as_json:
        lists = {"write": changes.write, "delete": changes.delete, "same": changes.same}
        show_json({"port": port, "board": board.words, "node": config["name"], **lists, "heard": heard})


def list_boards(as_json: bool) -> None:
    """What is at the USB ports, and what to type next."""
    found = finding.boards()
    if as_json:
        show_json([one.shown() for one in found])
        return
    for one in found:
        click.echo(f"{one.port or one.drive or '-'}  {one.vendor:04x}:{one.product:04x}  {printable(one.name)}")
    if not found:
        raise GatewayError("No board is at USB here. Is the cable one that carries data?", "sudo dmesg | tail")
    ports = [one for one in found if one.port]
    if not ports:
        raise found[0].to_do()
    click.echo(f"next: comatrix node flash {ports[0].port} --node NAME")


def node_values(name: str | None, file: Path | None) -> dict[str, Any] | None:
    """The node's configuration, or None: the board keeps its own. Raises UsageError."""
    if name is None and file is None:
        return None
    path = file or Path(f"{name}.json")
    if not path.is_file():
        asked = f"comatrix node add {name or path.stem} --room '#garden:example.org'"
        raise UsageError(f"{path} is not here; `comatrix node add` writes it (`node rotate` for a known node).", asked)
    values = wanted.config_untrusted(path.read_bytes(), str(path))
    if name is not None and values["name"] != name:
        raise UsageError(
            f"{path} is of the node {printable(values['name'])}, not {name}.", f"comatrix node show {name}"
        )
    return values


def check_without_node(port: str, given: dict[str, Any]) -> None:
    """The board keeps its own config.json. Raises UsageError: not with these options."""
    if given["erase"]:
        text = "--erase deletes the board's config.json: say which node it becomes."
        raise UsageError(text, f"comatrix node flash {port} --erase --node NAME")
    if given["wifi"]:
        text = "--wifi is for a node's file; a board that has one already is told so:"
        raise UsageError(text, f"comatrix node config {port} --wifi {given['wifi']}")


def erase_first(port: str, given: dict[str, Any], values: dict[str, Any] | None, say: Any) -> None:
    """Delete all, once a person agreed, and nothing that is known now keeps the node from being put there."""
    from comatrix.gateway.cli.node_board import erase_board

    node_set.compiled_set(node_set.set_of(values or {}), given["firmware"])
    pins.chosen(pins.tables(node_set.FIRMWARE / "boards"), given["board_name"], "")
    if not given["yes"]:
        agreed(
            f"Delete every file of the board at {port}, its counters too?", f"comatrix node flash {port} --erase --yes"
        )
    say(f"Deleted {len(erase_board(port, for_node=True))} files.")


def run_flash(
    port: str, values: dict[str, Any] | None, given: dict[str, Any], progress: FlashProgress
) -> tuple[Board, Changes, dict[str, Any]]:
    """What was done, and the configuration that is on the board now; `_seen` in it: when flashing ended."""
    chosen: dict[str, Any] = {}

    def files(board: Board, on_board: bytes | None, has_program: bool) -> dict[str, bytes]:
        own = wanted.config_untrusted(on_board, "config.json on the board") if on_board else None
        if values is None and own is None:
            raise UsageError("The board has no config.json yet.", f"comatrix node flash {port} --node NAME")
        config = wanted.with_board_wifi(values, own) if values is not None else own
        assert config is not None
        chosen.update(config)
        goal = node_set.compiled_set(node_set.set_of(config), given["firmware"])
        table = pins.chosen(pins.tables(node_set.FIRMWARE / "boards"), given["board_name"], board.machine)
        if table is not None:
            progress.say(f"Pins of {table.title}.")
            goal[wanted.PINS] = table.module()
        if config != own:
            goal[wanted.CONFIG] = wanted.config_bytes(config)
        if given["program"] is not None:
            goal[wanted.PROGRAM] = given["program"].read_bytes()
        elif not has_program:
            progress.say(
                f"No main.py on the board: it gets {STATION}, which needs no sensor (--main FILE for your own)."
            )
            goal[wanted.PROGRAM] = node_set.example(STATION)
        return goal

    telling = Telling(progress.say, progress.starts, progress.wrote)
    try:
        board, changes = asyncio.run(
            Boards(open_port, monotonic_ms, shared_with).flash(port, files, given["dry_run"], telling)
        )
    finally:
        progress.finish()
    verb = "would be written" if given["dry_run"] else "written and verified"
    progress.say(
        f"{len(changes.write)} files ({changes.bytes:,} bytes) {verb}, {len(changes.same)} are as they should be."
    )
    return board, changes, {**chosen, "_seen": time.time_ns() // 1_000_000}


def hello(place: Place, name: str, port: str, wait_s: int, say: Any, since_ms: int) -> bool | None:
    """Whether the gateway heard the node since; None where nobody waited. Raises GatewayError: it did not."""
    if not wait_s:
        return None
    if not is_running(place):
        say("The board runs. The gateway does not, so nobody hears it yet. Next: comatrix gateway run")
        return None
    say(f"The board starts; waiting up to {wait_s} s for {name}'s hello ...")
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        seen = call(place, "node.show", {"name": name})["last_seen_ms"]
        if seen is not None and seen >= since_ms - 1000:
            say(f"{name} says hello: the gateway hears it.")
            return True
        time.sleep(LOOK_S)
    raise GatewayError(
        f"{name} was not heard within {wait_s} s. Has it joined the Wi-Fi, and does it reach the gateway?",
        f"comatrix node console {port}",
    )
