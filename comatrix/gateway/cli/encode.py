"""`comatrix encode`: the inverse of `comatrix decode`."""

import json
from typing import Any, NoReturn

import click

from comatrix.codec import records
from comatrix.errors import ComatrixError
from comatrix.gateway.cli import record_json
from comatrix.gateway.cli.hexlines import json_line, lines_of
from comatrix.gateway.cli.lazy import NamingGroup
from comatrix.gateway.errors import UsageError

HELP = "comatrix encode record --help"


@click.group(cls=NamingGroup)
def encode() -> None:
    """Make the bytes of a record: the inverse of `comatrix decode`."""


@encode.command("record", context_settings={"ignore_unknown_options": False})
@click.argument("words", nargs=-1, required=True, metavar="JSON|-|readings NAME=VALUE...|text TEXT")
@click.option("--seq", type=click.IntRange(0), help="The record's number, where it is not the message's own counter.")
@click.option("--age", "age_s", type=click.IntRange(0), default=0, help="Readings: seconds since they were measured.")
@click.option("--room", type=int, default=0, help="Text: the room's small integer, 0 the default room.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def encode_record(
    ctx: click.Context, words: tuple[str, ...], seq: int | None, age_s: int, room: int, as_json: bool
) -> None:
    """Print the bytes of a record in hexadecimal.

    \b
    comatrix encode record readings temperature=21.37 humidity=45.2 --seq 20
    comatrix encode record text "hello" --room 1
    comatrix encode record '{"record": "result", "seq": 21, "id": 5}'

    JSON is what `comatrix decode record --json` prints, whole or its value; `-` reads one a line from standard input.
    """
    if words[0] in ("readings", "text"):
        given = _readings(words[1:], age_s) if words[0] == "readings" else _text(words[1:], room)
        inputs = iter([json.dumps(given | {"seq": seq})])
    elif len(words) == 1:
        inputs = lines_of(words[0])
    else:
        raise UsageError(f"A record is JSON, -, or begins with readings or text, not {words[0]!r}.", HELP)
    if not _answer_each(inputs, as_json, one=words != ("-",)):
        ctx.exit(1)


def _answer_each(inputs: Any, as_json: bool, *, one: bool) -> bool:
    well = True
    for text in inputs:
        try:
            made = record_json.encode(_value(text)).hex()
        except ComatrixError as error:
            if one and not as_json:
                raise
            well = False
            click.echo(json_line({"ok": False, "error": str(error)}) if as_json else f"error: {error}", err=not as_json)
        else:
            click.echo(json_line({"ok": True, "value": made}) if as_json else made)
    return well


def _value(text: str) -> object:
    """A JSON line; of what `decode --json` prints, its value. Raises UsageError."""
    try:
        value = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"not JSON: {error}", HELP) from None
    return value["value"] if isinstance(value, dict) and value.get("ok") is True else value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _readings(words: tuple[str, ...], age_s: int) -> dict[str, Any]:
    shown = []
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise UsageError(f"A reading is NAME=VALUE, not {word!r}.", HELP)
        number, raw = record_json.scaled(name, text)
        shown.append({"word": number, "raw": raw})
    if not shown:
        raise UsageError("Readings need at least one NAME=VALUE.", HELP)
    return {"record": "readings", "age_s": age_s, "readings": shown}


def _text(words: tuple[str, ...], room: int) -> dict[str, Any]:
    if not words:
        raise UsageError("A text record needs its text.", HELP)
    return {"record": "text", "room": room, "text": " ".join(words)[: records.MAX_TEXT + 1]}
