"""`comatrix radio probe`: which module answers at a port, and whether it passes all byte values."""

import asyncio
from collections.abc import Callable
from typing import Any

import click

from comatrix.gateway.cli.context import json_option, printable, show_json
from comatrix.gateway.edges.radio.probing import find, try_all_bytes
from comatrix.gateway.errors import GatewayError, Unreachable
from comatrix.gateway.radio.probe import Found

BAUDS = (115200, 9600)
MEANING = {
    "BAND": "frequency in Hz",
    "PARAMETER": "spreading factor, bandwidth code, coding rate, preamble",
    "NETWORKID": "network",
    "ADDRESS": "address",
    "CRFOP": "power in dBm",
    "IPR": "baud",
    "MODE": "0 listens, 1 sleeps, 2 saves power",
    "NWM": "0 point to point, 1 LoRaWAN",
    "P2P": "frequency:spreading factor:bandwidth:coding rate:preamble:power",
    "BAUD": "baud",
}


@click.command()
@click.argument("port")
@click.option("--baud", type=click.IntRange(min=1), help="Speed of the port; else 115200 and 9600 are tried.")
@click.option("--peer", metavar="PORT2", help="A second module: it sends all byte values, PORT must hear them.")
@json_option
def probe(port: str, baud: int | None, peer: str | None, as_json: bool) -> None:
    """Find out which module answers at PORT (a device, or tcp://host:port), and how it is set.

    Nothing is changed, except that PORT2 is set as PORT is. PORT2 sends with the power and
    frequency that PORT is set to: have the antennas on.

    \b
    comatrix radio probe /dev/ttyUSB0
    comatrix radio probe /dev/ttyUSB0 --peer /dev/ttyUSB1
    """
    if peer == port:
        raise click.UsageError("PORT2 is a second module: give it another port.")
    report = (lambda text: click.echo(text, err=True)) if as_json else click.echo
    result = asyncio.run(_probed(port, baud, peer, report))
    if as_json:
        show_json(result)
    else:
        _tell(result)
    if result["hears_peer"] is False:
        raise GatewayError(f"{port} did not hear {peer}; are the antennas on?", f"comatrix radio probe {peer}")


async def _probed(port: str, baud: int | None, peer: str | None, report: Callable[[str], Any]) -> dict[str, Any]:
    found, speed = await _found(port, baud, report)
    result: dict[str, Any] = {
        "port": port,
        "baud": speed,
        "kind": found.kind,
        "version": found.version,
        "parameters": found.parameters,
        "peer": peer,
        "hears_peer": None,
        "binary_safe": None,
        "failed": [],
    }
    if peer is None:
        return result
    other, peer_speed = await _found(peer, baud, report)
    if other.kind != found.kind:
        raise GatewayError(f"{port} is a {found.kind}, {peer} a {other.kind}: these do not hear each other")
    if found.settings is None:
        raise GatewayError(
            f"{port} is not set up for sending without a network (AT+NWM=0)", f"comatrix radio probe {port}"
        )
    report(f"{peer} is set as {port} is, and sends.")
    passed = await try_all_bytes((port, speed), (peer, peer_speed), found, report)
    result["hears_peer"], result["failed"] = passed.hears, list(passed.failed)
    result["binary_safe"] = not passed.failed if passed.hears else None
    return result


async def _found(port: str, baud: int | None, report: Callable[[str], Any]) -> tuple[Found, int]:
    """The module and the speed it answers at. Raises GatewayError."""
    speeds = (baud,) if baud is not None else BAUDS[:1] if port.startswith("tcp://") else BAUDS
    for speed in speeds:
        report(f"Asking {port}" + ("" if port.startswith("tcp://") else f" at {speed} baud") + " ...")
        if (found := await find(port, speed)) is not None:
            report(f"{port}: {found.kind}, firmware {printable(found.version)}")
            return found, speed
    tried = " or ".join(map(str, speeds))
    text = f"{port}: nothing that we know answers at {tried} baud; is it powered, are RX and TX crossed?"
    raise Unreachable(text, f"comatrix radio probe {port} --baud 57600")


def _tell(result: dict[str, Any]) -> None:
    for name, value in result["parameters"].items():
        click.echo(f"  {name} {printable(value)}  ({MEANING[name]})")
    if result["peer"] is None:
        click.echo("All byte values: not tested: needs --peer")
    elif result["binary_safe"]:
        click.echo("All byte values: passed. Frames may travel as they are.")
    elif result["hears_peer"]:
        click.echo("All byte values: NOT passed. Frames must travel as base64, which costs a third more bytes.")
