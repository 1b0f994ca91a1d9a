"""`comatrix node`: provisioning."""

from pathlib import Path
from typing import Any

import click

from comatrix.gateway.cli.connection import call
from comatrix.gateway.cli.context import clock, json_option, place_of, printable, show_json, show_table, zone
from comatrix.gateway.cli.lazy import LazyGroup
from comatrix.gateway.cli.node_file import check_free, qr_code, write_configuration
from comatrix.gateway.cli.steps import here
from comatrix.gateway.provisioning import check_name

out_option = click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Where to write its config.json (NAME.json)."
)
qr_option = click.option("--qr", is_flag=True, help="Show the configuration, with its secret, as a QR code too.")
gateway_option = click.option(
    "--gateway-address",
    metavar="HOST:PORT",
    help="Where the node finds this gateway ([gateway] address, or this machine's own address).",
)
interval_option = click.option(
    "--interval", "interval_s", type=click.IntRange(1, 604_800), metavar="SECONDS",
    help="How often it reads its sensors: 60 unless said, or what it has so far.",
)  # fmt: skip
observe_option = click.option(
    "--observe",
    is_flag=True,
    help="It stays awake and is told of commands at once; not for nodes that sleep. With new keys say it again.",
)
radio_option = click.option(
    "--radio", metavar="NAME", help="It comes over LoRa, to this radio of the configuration ([radios.NAME])."
)
module_option = click.option(
    "--module", metavar="MODULE",
    help="Its own radio: rylr998, rylr896, rak3172, sx1262, ... (unless said, the same as the gateway's).",
)  # fmt: skip


identity_option = click.option(
    "--psk-identity", metavar="TEXT", help="Over DTLS: what it calls itself in the handshake (its name)."
)
HERE = "comatrix.gateway.cli"
AT_A_PORT = {
    "flash": (f"{HERE}.node_flash:flash", "Put the node on a board, and wait until it says hello."),
    "run": (f"{HERE}.node_run:run", "Run the node on this computer, where no board is at hand."),
    "console": (f"{HERE}.node_board:console", "Show what a board prints, and type to it."),
    "config": (f"{HERE}.node_board:config", "Show or change a board's configuration."),
    "erase": (f"{HERE}.node_board:erase", "Delete every file of a board."),
}


@click.group(cls=LazyGroup, lazy=AT_A_PORT)
def node() -> None:
    """Provision, show and revoke nodes."""


@node.command("add")
@click.argument("name")
@click.option("--room", required=True, metavar="ROOM", help="The room it posts to: '#garden:example.org'.")
@click.option("--post", metavar="HOW", help='How often: "every", "change" or a span as "15min" ([posting] post).')
@click.option("--plain", metavar="ADDRESS", help="No encryption: whoever sends from this IP address is the node.")
@click.option("--security", type=click.Choice(("oscore", "dtls")), help="How it is encrypted: oscore unless said.")
@identity_option
@gateway_option
@radio_option
@module_option
@interval_option
@observe_option
@out_option
@qr_option
@json_option
@click.pass_context
def add(ctx: click.Context, /, name: str, out: Path | None, qr: bool, as_json: bool, **given: Any) -> None:
    """Make a node's number and keys and write its configuration as a file only you can read.

    `comatrix node flash --node NAME` puts it on a board.
    """
    place, path = place_of(ctx), out or Path(f"{name}.json")
    check_name(name, (one["name"] for one in call(place, "node.list", {})))  # first: its file is there then too
    check_free(path, f"comatrix node add {name} --room '{given['room']}' --out OTHER.json")
    made = call(place, "node.add", {"name": name, **_asked(given)})
    _deliver(made, path, qr, as_json)


@node.command("rotate")
@click.argument("name")
@identity_option
@gateway_option
@radio_option
@module_option
@interval_option
@observe_option
@out_option
@qr_option
@json_option
@click.pass_context
def rotate(ctx: click.Context, /, name: str, out: Path | None, qr: bool, as_json: bool, **given: Any) -> None:
    """Make new keys for a node and write its new configuration.

    The old keys are taken until the node was heard with the new ones.
    """
    path = out or Path(f"{name}.json")
    check_free(path, f"comatrix node rotate {name} --out OTHER.json")
    made = call(place_of(ctx), "node.rotate", {"name": name, **_asked(given)})
    _deliver(made, path, qr, as_json)


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    """Options as the operation names them."""
    named = {("gateway" if key == "gateway_address" else key): value for key, value in given.items()}
    return {key: value for key, value in named.items() if value is not None}


def _deliver(made: dict[str, Any], path: Path, qr: bool, as_json: bool) -> None:
    said, configuration = made["node"], made["configuration"]
    write_configuration(path, configuration, said["name"])
    for warning in made["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    way = {key: configuration[key] for key in ("gateway", "lora") if key in configuration}
    if as_json:
        show_json({"node": said, "file": str(path), **way, "warnings": made["warnings"]})
    else:
        click.echo(f"Node {said['number']} {said['name']} posts to {said['room']} ({said['post']}).")
        click.echo(f"It finds this gateway {_way_words(**way)}.")
        if "psk" in configuration:
            identity, psk = configuration["psk_identity"], configuration["psk"]
            click.echo(f"Another DTLS client than ours wants: identity {identity}, key {psk} (hex).")
        click.echo(f"Wrote {path}: put it on the board, then delete it.")
        click.echo(here(f"next: comatrix node flash PORT --node {said['name']}"))
    if qr:
        click.echo(qr_code(configuration), nl=False, err=as_json)


def _way_words(gateway: str = "", lora: dict[str, Any] | None = None) -> str:
    if lora is None:
        return f"at {gateway}"
    return f"over LoRa: {lora['module']}, {lora['frequency_hz'] / 1e6:g} MHz, SF{lora['sf']}"


@node.command("list")
@click.option("--revoked", is_flag=True, help="Revoked ones too.")
@json_option
@click.pass_context
def list_nodes(ctx: click.Context, revoked: bool, as_json: bool) -> None:
    """List nodes and when each was last heard."""
    place = place_of(ctx)
    found = call(place, "node.list", {"revoked": revoked})
    if as_json:
        show_json(found)
        return
    timezone = zone(place)
    rows = [
        (
            one["number"],
            one["name"] + (" (revoked)" if one["revoked"] else " (blocked)" if one["blocked"] else ""),
            one["room"],
            one["post"],
            one["security"],
            clock(one["last_seen_ms"], timezone),
            one["records"],
        )
        for one in found
    ]
    heads = ("number", "name", "room", "post", "security", "last heard", "records")
    show_table(heads, rows, "No nodes yet. Next: comatrix node add garden --room '#garden:example.org'")


@node.command("show")
@click.argument("name")
@json_option
@click.pass_context
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """Show one node, by name or number. Its keys are never shown."""
    place = place_of(ctx)
    found = call(place, "node.show", {"name": name})
    if as_json:
        show_json(found)
        return
    _show_parts(found, place)


@node.command("rename")
@click.argument("name")
@click.argument("new")
@json_option
@click.pass_context
def rename(ctx: click.Context, name: str, new: str, as_json: bool) -> None:
    """Give a node another name; what it sent and its keys stay as they are."""
    found = call(place_of(ctx), "node.rename", {"name": name, "new": new})
    if as_json:
        show_json(found)
    else:
        click.echo(f"Node {found['number']} is called {found['name']} now.")


@node.command("move")
@click.argument("name")
@click.option("--room", required=True, metavar="ROOM", help="The room it posts to from now on.")
@json_option
@click.pass_context
def move(ctx: click.Context, name: str, room: str, as_json: bool) -> None:
    """Bind a node to another room; what it sent before goes where it was bound then."""
    found = call(place_of(ctx), "node.move", {"name": name, "room": room})
    if as_json:
        show_json(found)
    else:
        click.echo(f"Node {found['number']} {found['name']} posts to {found['room']} now.")


@node.command("bind")
@click.argument("name")
@click.argument("number", type=click.IntRange(1, 65_535))
@click.option("--room", required=True, metavar="ROOM", help="The room that number means to the node.")
@json_option
@click.pass_context
def bind(ctx: click.Context, name: str, number: int, room: str, as_json: bool) -> None:
    """Give a node a further room for its texts, by a number: `node.say("hello", room=NUMBER)`."""
    found = call(place_of(ctx), "node.bind", {"name": name, "number": number, "room": room})
    if as_json:
        show_json(found)
    else:
        click.echo(f"Room {number} of node {found['number']} {found['name']} is {found['rooms'][str(number)]} now.")


@node.command("grant")
@click.argument("name", metavar="FROM")
@click.argument("to", metavar="TO")
@json_option
@click.pass_context
def grant(ctx: click.Context, name: str, to: str, as_json: bool) -> None:
    """Let node FROM send texts to node TO: `node.tell(NUMBER, "hello")`. The room of FROM reads them too."""
    found = call(place_of(ctx), "node.grant", {"name": name, "to": to})
    if as_json:
        show_json(found)
    else:
        click.echo(f"Node {found['number']} {found['name']} may send texts to {_nodes(found['tells'])}.")


@node.command("ungrant")
@click.argument("name", metavar="FROM")
@click.argument("to", metavar="TO")
@json_option
@click.pass_context
def ungrant(ctx: click.Context, name: str, to: str, as_json: bool) -> None:
    """Take that back, and withdraw the texts that still wait for TO."""
    found = call(place_of(ctx), "node.ungrant", {"name": name, "to": to})
    if as_json:
        show_json(found)
    else:
        told = _nodes(found["tells"]) or "no node"
        click.echo(f"Node {found['number']} {found['name']} may send texts to {told} now.")


@node.command("revoke")
@click.argument("name")
@json_option
@click.pass_context
def revoke(ctx: click.Context, name: str, as_json: bool) -> None:
    """Forget a node's keys for ever: nothing it sends is taken any more."""
    found = call(place_of(ctx), "node.revoke", {"name": name})
    if as_json:
        show_json(found)
    else:
        click.echo(f"Node {found['number']} {found['name']} is revoked. Its number is never given again.")


@node.command("block")
@click.argument("name", metavar="NAME|NUMBER")
@json_option
@click.pass_context
def block(ctx: click.Context, name: str, as_json: bool) -> None:
    """Stop hearing a node: what it sends is dropped unread, without an answer, until `unblock`.

    Its keys stay, and it keeps its records until it is heard again.
    """
    found = call(place_of(ctx), "node.block", {"name": name})
    if as_json:
        show_json(found)
    else:
        click.echo(f"Node {found['number']} {found['name']} is blocked. To hear it again: ", nl=False)
        click.echo(here(f"comatrix node unblock {found['name']}"))


@node.command("unblock")
@click.argument("name", metavar="NAME|NUMBER")
@json_option
@click.pass_context
def unblock(ctx: click.Context, name: str, as_json: bool) -> None:
    """Hear a blocked node again."""
    found = call(place_of(ctx), "node.unblock", {"name": name})
    if as_json:
        show_json(found)
    else:
        click.echo(f"Node {found['number']} {found['name']} is heard again.")


def _nodes(found: list[dict[str, Any]]) -> str:
    """ "2 cellar, 3 shed"."""
    return ", ".join(f"{one['number']} {one['name']}" for one in found)


def _levels(found: dict[str, dict[str, Any]]) -> str:
    """ "roof: 12 frames, the last at -91 dBm, 7 dB"."""
    return "; ".join(
        f"{name}: {one['frames']} frames, the last at {one['rssi_dbm']} dBm, SNR {one['snr_db']} dB"
        for name, one in sorted(found.items())
    )


def _show_parts(found: dict[str, Any], place: Any) -> None:
    timezone = zone(place)
    battery = found["battery_cv"]
    wake = found["wake_interval_s"]
    keys = [
        f"generation {key['generation']} {key['state']}, "
        + ("never heard" if key["highest_counter"] is None else f"heard up to counter {key['highest_counter']}")
        for key in found["keys"]
    ]
    parts = {
        "number": found["number"],
        "name": found["name"],
        "room": found["room"],
        "further rooms": ", ".join(f"{number}: {room}" for number, room in found["rooms"].items()) or None,
        "may tell": _nodes(found["tells"]) or None,
        "told by": _nodes(found["told_by"]) or None,
        "post": found["post"],
        "security": found["security"],
        "keys": "; ".join(keys) or None,
        "PSK identities": ", ".join(found["psk_identities"]) or None,
        "enrolment": found["enrolment"],
        "provisioned": clock(found["created_ms"], timezone),
        "last heard": clock(found["last_seen_ms"], timezone),
        "link": found["link"] + (", always listening" if found["listens"] else ""),
        "address": found["address"],
        "radios": _levels(found["levels"]) or None,
        "firmware": found["firmware"],
        "wakes every": None if wake is None else f"{wake} s",
        "battery": None if battery is None else f"{battery / 100:.2f} V",
        "records": f"{found['records']} ({found['late']} late)",
        "given up by it": found["dropped"],
        "revoked": "yes" if found["revoked"] else "no",
        "blocked": "yes: nothing it sends is read" if found["blocked"] else "no",
    }
    for name, value in parts.items():
        if value is not None:
            click.echo(f"{name:<15} {printable(value)}")
