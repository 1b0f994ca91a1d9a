"""`comatrix node console`, `erase` and `config`: a board at a USB port."""

import asyncio
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Iterator
from typing import Any

import click

from comatrix.gateway.cli.asking import agreed, wifi_password
from comatrix.gateway.cli.connection import call
from comatrix.gateway.cli.context import json_option, place_of, printable, show_json
from comatrix.gateway.clock import monotonic_ms
from comatrix.gateway.edges.flashing.flasher import BAUD, Boards, config_of
from comatrix.gateway.edges.radio.port import open_port
from comatrix.gateway.edges.radio.port_words import shared_with
from comatrix.gateway.errors import GatewayError, UsageError
from comatrix.gateway.flashing import board_files, wanted
from comatrix.gateway.flashing.about import about, check_node

LEAVE = b"\x1d"  # Ctrl-]


@click.command()
@click.argument("port")
def console(port: str) -> None:
    """Show what the board at PORT prints, and hand it what you type.

    Ctrl-C stops its program, Ctrl-D starts it anew, Ctrl-] ends the console.
    """
    click.echo(f"{port}: Ctrl-] ends this; Ctrl-C stops the board's program, Ctrl-D starts it anew.", err=True)
    asyncio.run(_console(port))


async def _console(port: str) -> None:
    opened = await open_port(port, BAUD)
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def end(reason: str) -> None:
        if not ended.done():
            ended.set_result(reason)

    def typed() -> None:
        data = os.read(sys.stdin.fileno(), 1024)
        if not data or LEAVE in data:
            end("")
        else:
            opened.write(data)

    loop = asyncio.get_running_loop()
    opened.start(_print, end)
    with _raw_terminal():
        loop.add_reader(sys.stdin.fileno(), typed)
        try:
            reason = await ended
        finally:
            loop.remove_reader(sys.stdin.fileno())
            opened.close()
    if reason:
        raise GatewayError(f"{port}: {reason}.", f"comatrix node console {port}")


def _print(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@contextlib.contextmanager
def _raw_terminal() -> Iterator[None]:
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@click.command()
@click.argument("port")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def erase(port: str, yes: bool, as_json: bool) -> None:
    """Delete every file of the board at PORT; MicroPython stays. Asks first.

    The node's counters go too: with the same config.json it agrees on a fresh key before it sends anything.
    """
    if not yes:
        agreed(f"Delete every file of the board at {port}?", f"comatrix node erase {port} --yes")
    gone = erase_board(port)
    if as_json:
        show_json({"port": port, "deleted": gone})
    else:
        click.echo(f"Deleted {len(gone)} files. Next: comatrix node flash {port} --node NAME")


def erase_board(port: str, *, for_node: bool = False) -> list[str]:
    """Which files there were. `for_node`: only where the node would run. Raises PortError, BoardError."""

    async def work() -> list[str]:
        async with Boards(open_port, monotonic_ms, shared_with).at(port) as (link, board):
            if for_node:
                check_node(board)
            return await link.run(board_files.erase())

    return asyncio.run(work())


@click.command("config")
@click.argument("port")
@click.option("--room", metavar="ROOM", help="The room it posts to (as `comatrix node move`).")
@click.option("--interval", "interval_s", type=click.IntRange(1, 604_800), help="Seconds between readings.")
@click.option("--gateway", metavar="HOST[:PORT]", help="Where it finds the gateway.")
@click.option("--wifi", metavar="SSID", help="The network it joins; asks for the password.")
@json_option
@click.pass_context
def config(ctx: click.Context, /, port: str, room: str | None, wifi: str | None, as_json: bool, **given: Any) -> None:
    """Show the configuration of the board at PORT, or change it without flashing. Secrets are never shown.

    \b
    comatrix node config /dev/ttyUSB0
    comatrix node config /dev/ttyUSB0 --interval 600 --wifi home
    """
    network = None
    if wifi is not None:
        network = wifi, wifi_password()
    values, was = asyncio.run(_configure(port, given["interval_s"], given["gateway"], network))
    if room is not None:
        call(place_of(ctx), "node.move", {"name": values["name"], "room": room})
    if as_json:
        show_json({**wanted.shown(values), "changed": values != was, **({"room": room} if room else {})})
        return
    for key, value in wanted.shown(values).items():
        click.echo(f"{printable(key):<15} {printable(value)}")
    if values != was:
        click.echo("Changed; the board starts anew.")
    if room is not None:
        click.echo(f"Node {printable(values['name'])} posts to {room} now.")


async def _configure(
    port: str, interval_s: int | None, gateway: str | None, network: tuple[str, str] | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    async with Boards(open_port, monotonic_ms, shared_with).at(port) as (link, _):
        board = await link.run(about())
        data = await config_of(link)
        if data is None:
            raise UsageError("The board has no config.json yet.", f"comatrix node flash {port} --node NAME")
        was = wanted.config_untrusted(data, "config.json on the board")
        values = wanted.changed(was, interval_s=interval_s, gateway=gateway, wifi=network)
        if values != was:
            await link.run(board_files.write(board, wanted.CONFIG, wanted.config_bytes(values), lambda *_: None))
        await link.start_program()
        return values, was
