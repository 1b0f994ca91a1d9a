"""An answer as a person reads it: the code in words, CBOR in diagnostic notation, links as a table."""

import json
import re
from collections.abc import Sequence
from typing import Any

import click

from comatrix.codec import coap
from comatrix.codec.option_numbers import CONTENT_FORMAT, uint
from comatrix.gateway.cli.context import printable, show_table
from comatrix.gateway.cli.explain_cbor import Explained, diagnostic, json_value
from comatrix.gateway.cli.explain_coap import CODE_NAMES, FORMATS, message_json
from comatrix.gateway.edges.coap_client.security import Opened

LINK_FORMAT = 40
JSON_FORMATS = (50, 110)
CBOR_FORMATS = (60, 63, 112)
LINK = re.compile(r'<([^>]*)>((?:;[^;,="]+(?:=(?:"(?:[^"\\]|\\.)*"|[^;,"]*))?)*)')
ATTRIBUTE = re.compile(r';([^;,="]+)(?:=("(?:[^"\\]|\\.)*"|[^;,"]*))?')


def code_words(code: int) -> str:
    """0x84 -> "4.04 Not Found"."""
    text = coap.code_text(code)
    return f"{text} {CODE_NAMES.get(text, '')}".rstrip()


def format_of(answer: Opened) -> int | None:
    """Its Content-Format, None without one."""
    value = answer.first(CONTENT_FORMAT)
    return None if value is None else uint(value)


def answer_json(answer: Opened, *, protected: bool) -> dict[str, Any]:
    """Everything it says; `value` is the payload where it can be read, else null."""
    told = message_json(coap.Message(coap.NON, answer.code, 0, b"", answer.options))
    return {
        "code": told["code"],
        "code_name": told["code_name"],
        "protected": protected,
        "options": told["options"],
        "content_format": format_of(answer),
        "payload": answer.payload.hex(),
        "value": _value(answer),
    }


def show_answer(answer: Opened) -> None:
    """The code, then the payload."""
    number, size = format_of(answer), len(answer.payload)
    kind = "" if number is None else f", {FORMATS.get(number, f'format {number}')}"
    click.echo(f"{code_words(answer.code)}{f' ({size} bytes{kind})' if size else ''}")
    if not size:
        return
    if number == LINK_FORMAT and (links := read_links(_text(answer.payload) or "")):
        show_links(links)
    else:
        click.echo("\n".join(_lines(answer.payload, number)))


def read_links(text: str) -> list[tuple[str, dict[str, str]]]:
    """RFC 6690 -> (target, its attributes), as far as they can be read."""
    found = []
    for target, tail in LINK.findall(text):
        attributes = {name.strip(): value.strip().strip('"') for name, value in ATTRIBUTE.findall(tail)}
        found.append((target, attributes))
    return found


def show_links(links: Sequence[tuple[str, dict[str, str]]]) -> None:
    """A row a link; attributes nobody has are left out."""
    names = list(dict.fromkeys(name for _, attributes in links for name in attributes))
    rows = [(target, *(_shown(attributes, name) for name in names)) for target, attributes in links]
    show_table(("path", *names), rows, "")


def _shown(attributes: dict[str, str], name: str) -> str:
    """A bare attribute ("obs") is a yes."""
    if name not in attributes:
        return "-"
    return attributes[name] or "yes"


def _lines(payload: bytes, number: int | None) -> list[str]:
    text = _text(payload)
    if number in CBOR_FORMATS or (number is None and text is None):
        read = _cbor(payload)
        if not read.error:
            return [diagnostic(value) for value in read.values]
        reason = f"no CBOR we can read: {read.error}" if number is not None else "neither text nor CBOR"
        return [payload.hex(), f"({reason})"]
    if text is None:
        return [payload.hex()]
    if number in JSON_FORMATS:
        text = _indented(text)
    return [printable(line) for line in text.splitlines()]


def _value(answer: Opened) -> Any:
    if not answer.payload:
        return None
    number, text = format_of(answer), _text(answer.payload)
    if number in CBOR_FORMATS or (number is None and text is None):
        read = _cbor(answer.payload)
        return None if read.error else [json_value(value) for value in read.values]
    if number == LINK_FORMAT and text is not None:
        return [{"path": target, **attributes} for target, attributes in read_links(text)]
    if number in JSON_FORMATS and text is not None:
        return _parsed(text)
    return text


def _cbor(payload: bytes) -> Explained:
    """Of any device, one item or several (RFC 8742): our own answers are such sequences."""
    return Explained(payload, foreign=True, sequence=True)


def _text(payload: bytes) -> str | None:
    """UTF-8 whose characters a terminal shows; None: it is none."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return text if all(c.isprintable() or c in "\r\n\t" for c in text) else None


def _parsed(text: str) -> Any:
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return value


def _indented(text: str) -> str:
    value = _parsed(text)
    return text if value is None else json.dumps(value, indent=2, ensure_ascii=False)
