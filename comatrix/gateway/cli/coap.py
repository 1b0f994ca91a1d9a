"""`comatrix coap`: trying a gateway or a CoAP device by hand."""

import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from comatrix.codec import coap as message
from comatrix.codec.option_numbers import ACCEPT, CONTENT_FORMAT, uint_bytes
from comatrix.gateway.cli.coap_answer import answer_json, show_answer
from comatrix.gateway.cli.coap_dtls import PskSpeaker, psk_speaker
from comatrix.gateway.cli.coap_node import Speaker, speaker
from comatrix.gateway.cli.coap_payload import NAMES, NATIVE, format_number, payload_of
from comatrix.gateway.cli.coap_troubles import check_success, told
from comatrix.gateway.cli.coap_uri import Target, read_uri
from comatrix.gateway.cli.context import place_of, show_json
from comatrix.gateway.cli.lazy import NamingGroup
from comatrix.gateway.edges.coap_client.fresh_keys import make_keys
from comatrix.gateway.edges.coap_client.link import Dtls
from comatrix.gateway.edges.coap_client.observing import Observation
from comatrix.gateway.edges.coap_client.peer import FOREVER_MS, Peer
from comatrix.gateway.edges.coap_client.requests import Asking
from comatrix.gateway.edges.coap_client.security import Opened, Plain
from comatrix.gateway.edges.dtls.client import Client
from comatrix.gateway.errors import GatewayError, UsageError

F = TypeVar("F", bound=Callable[..., Any])
TAKEOVER = (
    "New keys will stand in place of those the board of {name} has (RFC 8613, Appendix B.2). The board is refused at "
    "its next message and makes new ones by itself, at most once an hour; nothing it measured is lost, but a command "
    "that is on air to it then ends as lost."
)

_SHARED = (
    click.option("--node", "node_name", metavar="NAME",
                 help="Speak for this node: by coaps:// with the key it has, by coap:// under OSCORE with new keys "
                 "that replace those of its board."),
    click.option("--yes", is_flag=True, help="With --node and coap://: do not ask whether its keys may be replaced."),
    click.option("--psk-identity", "identity", metavar="NAME",
                 help="coaps://: who one is, without --node."),
    click.option("--psk-file", type=click.Path(path_type=Path), metavar="FILE",
                 help="coaps://: a file with the key in hexadecimal, or a node's configuration file, which has both."),
    click.option("--non", is_flag=True, help="Send it non-confirmable: once, and nothing repeats it."),
    click.option("--timeout", "timeout_s", type=click.FloatRange(0.1, 3600), default=20.0, show_default=True,
                 metavar="SECONDS", help="How long to wait for each answer."),
    click.option("--json", "as_json", is_flag=True, help="JSON instead of words, one object an answer."),
)  # fmt: skip
accept_option = click.option(
    "--accept", metavar="FORMAT", help=f"The format the answer shall have: {', '.join(NAMES[1:])}, or its number."
)


def shared(command: F) -> F:
    """The options of every request."""
    for option in reversed(_SHARED):
        command = option(command)
    return command


@click.group(cls=NamingGroup)
def coap() -> None:
    """Try a gateway or a CoAP device by hand.

    An answer that is a refusal (4.xx, 5.xx) is shown and ends with exit code 1; no answer with 3.
    """


@coap.command("get")
@click.argument("uri")
@accept_option
@shared
@click.pass_context
def get(ctx: click.Context, /, uri: str, accept: str | None, as_json: bool, **given: Any) -> None:
    """Ask for a resource, in blocks where it is long.

    \b
    comatrix coap get coap://192.168.1.30/.well-known/core
    comatrix coap get coap://127.0.0.1/t --node garden
    comatrix coap get coaps://192.168.1.30/t --psk-file shed.json
    """
    target = read_uri(uri)
    who = _who(ctx, target, "get", given)
    with _asking(target, who, **given) as asking:
        _finish(asking, asking.ask(message.GET, _options(target, accept)), target, "get", as_json)


@coap.command("post")
@click.argument("uri")
@click.argument("payload", nargs=-1)
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Send the bytes of this file as they are.")  # fmt: skip
@click.option("--format", "format", metavar="FORMAT", default=NATIVE, show_default=True,
              help=f"What the payload is: {', '.join(NAMES)}, or the number of a Content-Format.")  # fmt: skip
@click.option("--hex", "hexadecimal", is_flag=True, help="The payload is typed in hexadecimal.")
@shared
@click.pass_context
def post(ctx: click.Context, /, uri: str, payload: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Send a payload to a resource, in blocks where it is longer than 1,024 bytes.

    `-` reads it from standard input, as it is. native takes NAME=VALUE of the vocabulary, or JSON with the wire's
    numbers; cbor and senml+cbor take JSON and make CBOR of it; everything else is sent as typed. What begins with - is
    typed after --.

    \b
    comatrix coap post coap://192.168.1.2:5684/r temperature=21.4 humidity=45.2
    comatrix coap post coap://192.168.1.2:5684/r --format senml+cbor '[{"n": "temperature", "u": "Cel", "v": 21.4}]'
    comatrix coap post coap://192.168.1.2:5684/r --format 42 --hex 03670110
    """
    target = read_uri(uri)
    who = _who(ctx, target, "post", given)
    format, file, hexadecimal = given.pop("format"), given.pop("file"), given.pop("hexadecimal")
    options = _options(target, None)
    number = format_number(format)
    if number is not None:
        options.append((CONTENT_FORMAT, uint_bytes(number)))
    body = payload_of(payload, file, format, hexadecimal=hexadecimal)
    if isinstance(who, PskSpeaker):
        body = who.record(body, number)
    with _asking(target, who, **given) as asking:
        _finish(asking, asking.ask(message.POST, options, body), target, "post", as_json)


@coap.command("observe")
@click.argument("uri")
@accept_option
@click.option("--for", "span_s", type=click.FloatRange(0.1), metavar="SECONDS", help="End after so long.")
@shared
@click.pass_context
def observe(
    ctx: click.Context, /, uri: str, accept: str | None, span_s: float | None, as_json: bool, **given: Any
) -> None:
    """Show a resource whenever it changes (RFC 7641), until Ctrl-C.

    Registers again when what was told is older than it may be, and says at the end that it is over.
    """
    target = read_uri(uri)
    who = _who(ctx, target, "observe", given)
    with _asking(target, who, **given) as asking:
        until = asking.peer.now() + (FOREVER_MS if span_s is None else int(span_s * 1000))
        observation = Observation(asking, _options(target, accept))
        try:
            for answer in observation.answers(until):
                _show(answer, as_json=as_json, protected=asking.security.protected, at=True)
                check_success(answer, target, "observe")
        finally:
            stood = observation.stands
            observation.cancel()
        if not stood:
            raise GatewayError("It is told once: the other side lets nobody observe it (any more).", "")


def _who(ctx: click.Context, target: Target, method: str, given: dict[str, Any]) -> Speaker | PskSpeaker | None:
    """For whom it is asked; what it needs of the options is taken. Raises UsageError, StoreError."""
    database = place_of(ctx).paths.database
    name, identity, file = (given.pop(key) for key in ("node_name", "identity", "psk_file"))
    if target.scheme == "coaps":
        return psk_speaker(database, name, identity, file)
    if identity is not None or file is not None:
        raise UsageError("--psk-identity and --psk-file are for coaps://.", f"comatrix coap {method} --help")
    return None if name is None else speaker(database, name)


def _options(target: Target, accept: str | None) -> list[tuple[int, bytes]]:
    options = list(target.options)
    number = None if accept is None else format_number(accept)
    return options if number is None else [*options, (ACCEPT, uint_bytes(number))]


@contextmanager
def _asking(
    target: Target, who: Speaker | PskSpeaker | None, *, yes: bool, non: bool, timeout_s: float
) -> Iterator[Asking]:
    """The peer, spoken to with the keys of whoever speaks."""
    if isinstance(who, Speaker) and not yes:
        _ask_for_takeover(who)
    timeout_ms = int(timeout_s * 1000)
    secure = Dtls(Client(who.identity, who.key)) if isinstance(who, PskSpeaker) else None
    with told(target, timeout_s, who), Peer(target.host, target.port, secrets.randbelow, secure) as peer:
        peer.connect(peer.now() + timeout_ms)
        asking = Asking(peer, timeout_ms, confirmable=not non, security=Plain(protected=secure is not None))
        if isinstance(who, Speaker):
            asking.security = make_keys(peer, who.secret, who.number, who.first, who.seqs, peer.now() + timeout_ms)
        yield asking


def _ask_for_takeover(node: Speaker) -> None:
    """Raises UsageError where nobody can be asked."""
    text = TAKEOVER.format(name=node.name)
    if not sys.stdin.isatty():
        raise UsageError(text, f"the same command with --yes, if {node.name} may be replaced so")
    click.echo(text, err=True)
    click.confirm("Go on?", abort=True, err=True)


def _finish(asking: Asking, answer: Opened, target: Target, method: str, as_json: bool) -> None:
    _show(answer, as_json=as_json, protected=asking.security.protected)
    check_success(answer, target, method)


def _show(answer: Opened, *, as_json: bool, protected: bool, at: bool = False) -> None:
    if as_json:
        show_json(answer_json(answer, protected=protected))
        return
    if at:
        click.echo(time.strftime("%H:%M:%S  "), nl=False)
    show_answer(answer)
    sys.stdout.flush()
