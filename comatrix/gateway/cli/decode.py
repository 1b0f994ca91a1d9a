"""`comatrix decode`: bytes in words, by the functions the gateway itself uses."""

from typing import TYPE_CHECKING, Any

import click
from comatrix_lora.errors import FrameError

from comatrix.codec import coap
from comatrix.errors import CborError
from comatrix.gateway.cli import record_json, record_words
from comatrix.gateway.cli.context import place_of
from comatrix.gateway.cli.explain_cbor import Explained, json_value
from comatrix.gateway.cli.explain_coap import message_json, message_lines
from comatrix.gateway.cli.explain_frame import frame_json, frame_lines
from comatrix.gateway.cli.hexlines import answer_each
from comatrix.gateway.cli.lazy import NamingGroup

if TYPE_CHECKING:
    from comatrix.gateway.cli.frame_keys import FrameKeys

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
hex_argument = click.argument("hex", metavar="HEX")


@click.group(cls=NamingGroup)
def decode() -> None:
    """Explain bytes in words, by the functions the gateway itself uses.

    HEX is hexadecimal digits; `-` reads one HEX a line from standard input. With --json each is answered by one line:
    {"ok": true, "value": ...} or {"ok": false, "error": "..."}. The exit code is 1 if any was refused.
    """


@decode.command("cbor")
@hex_argument
@json_option
@click.option("--foreign", is_flag=True, help="Take indefinite lengths too, as in SenML of other devices.")
@click.option("--sequence", is_flag=True, help="A CBOR sequence (RFC 8742): the value is the list of its items.")
@click.pass_context
def decode_cbor(ctx: click.Context, hex: str, as_json: bool, foreign: bool, sequence: bool) -> None:
    """Explain CBOR (RFC 8949), item by item with byte offsets."""

    def explain(data: bytes) -> tuple[Any, list[str]]:
        told = Explained(data, foreign=foreign, sequence=sequence)
        if told.error:
            if not as_json and told.lines:
                click.echo("\n".join(told.lines))
            raise CborError(told.error)
        value = json_value(told.values) if sequence else json_value(told.values[0])
        return value, told.lines

    _exit(ctx, answer_each(hex, explain, as_json=as_json, help_command="comatrix decode cbor --help"))


@decode.command("coap")
@hex_argument
@json_option
@click.pass_context
def decode_coap(ctx: click.Context, hex: str, as_json: bool) -> None:
    """Explain a CoAP message (RFC 7252): header, each option and its nature, payload."""

    def explain(data: bytes) -> tuple[Any, list[str]]:
        message = coap.decode_untrusted(data)
        return message_json(message), message_lines(message)

    _exit(ctx, answer_each(hex, explain, as_json=as_json, help_command="comatrix decode coap --help"))


@decode.command("record")
@hex_argument
@json_option
@click.option(
    "--resource",
    type=click.Choice(record_json.RESOURCES),
    help="Where it was sent: r readings, m text, c result, h hello, d description; command or answer the other way. "
    "Without it a map is readings, an array with a text last is a text, another array a result.",
)
@click.pass_context
def decode_record(ctx: click.Context, hex: str, as_json: bool, resource: str | None) -> None:
    """Explain a record: what a node or the gateway says, with names and units."""

    def explain(data: bytes) -> tuple[Any, list[str]]:
        value = record_json.decode_untrusted(data, resource)
        return value, record_words.lines(value)

    _exit(ctx, answer_each(hex, explain, as_json=as_json, help_command="comatrix decode record --help"))


@decode.command("frame")
@hex_argument
@json_option
@click.option("--node", "name", metavar="NAME|NUMBER", help="Look into it with this node's keys, which must be here.")
@click.pass_context
def decode_frame(ctx: click.Context, hex: str, as_json: bool, name: str | None) -> None:
    """Explain a LoRa frame: its header and sizes; with the keys of its node also what it says.

    Changes nothing: a frame may be explained before or after the gateway heard it, beside a running gateway or without.
    A run of Appendix B.2 for new keys is read in its order, a frame a line (`-`): the keys of each come from those
    before.
    """
    keys = _keys(ctx, name) if name is not None else None

    def explain(data: bytes) -> tuple[Any, list[str]]:
        try:
            told = frame_json(data, keys)
        except FrameError as error:
            raise ValueError(f"no LoRa frame: {error}") from None
        return told, frame_lines(told)

    _exit(ctx, answer_each(hex, explain, as_json=as_json, help_command="comatrix decode frame --help"))


def _keys(ctx: click.Context, name: str) -> "FrameKeys":
    # Here, so that bytes are explained without the database's code.
    from comatrix.gateway.cli.frame_keys import keys_of

    return keys_of(place_of(ctx).paths.database, name)


def _exit(ctx: click.Context, well: bool) -> None:
    if not well:
        ctx.exit(1)
