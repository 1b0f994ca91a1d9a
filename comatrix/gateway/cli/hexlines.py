"""HEX arguments and lines: one answer a line, a bad one never ends the rest."""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from comatrix.errors import WireError

T = TypeVar("T")


def read_hex(text: str) -> bytes:
    """Hexadecimal digits, blanks between bytes allowed -> bytes. Raises ValueError in words."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        shown = text if len(text) <= 32 else text[:29] + "..."
        raise ValueError(f"not hexadecimal: {shown!a}") from None


def lines_of(argument: str) -> Iterator[str]:
    """The argument; for "-" each line of standard input. Bytes that are no text become what no reader accepts."""
    if argument != "-":
        yield argument
        return
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace").strip()


def json_line(value: object) -> str:
    """One line of JSON in ASCII, without NaN or Infinity."""
    return json.dumps(value, allow_nan=False)


def answer_each(
    argument: str, explain: Callable[[bytes], tuple[Any, list[str]]], *, as_json: bool, help_command: str
) -> bool:
    """Explains the argument, or each line of input; True if every one could be. `explain` -> (JSON value, lines)."""
    well = True
    for text in lines_of(argument):
        try:
            value, lines = explain(read_hex(text))
        except (ValueError, WireError) as error:
            well = False
            _refuse(str(error), as_json, "" if argument == "-" else help_command)
        else:
            click.echo(json_line({"ok": True, "value": value}) if as_json else "\n".join(lines))
    return well


def _refuse(words: str, as_json: bool, next_step: str) -> None:
    if as_json:
        click.echo(json_line({"ok": False, "error": words}))
        return
    click.echo(f"error: {words}", err=True)
    if next_step:
        click.echo(f"next: {next_step}", err=True)
