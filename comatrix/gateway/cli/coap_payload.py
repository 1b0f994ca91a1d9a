"""What a person types becomes the payload of a request."""

import json
import sys
from pathlib import Path
from typing import Any

from comatrix.codec import cbor, records
from comatrix.gateway.cli import record_json
from comatrix.gateway.errors import UsageError
from comatrix.gateway.uplink.formats.senml import LABELS

HELP = "comatrix coap post --help"
MOST_BYTES = 1 << 20
NATIVE = "native"
FORMATS = {"cbor": 60, "senml+cbor": 112, "senml+json": 110, "json": 50, "text": 0}
NAMES = (NATIVE, *FORMATS)
MOST_FORMAT = 65_535
SENML_NUMBERS = {label: number for number, label in LABELS.items()}


def format_number(name: str) -> int | None:
    """--format -> the Content-Format option; None for a node's own records, which have none. Raises UsageError."""
    if name == NATIVE:
        return None
    if name in FORMATS:
        return FORMATS[name]
    if name.isascii() and name.isdigit() and int(name) <= MOST_FORMAT:
        return int(name)
    raise UsageError(f"There is no format {name!r}: {', '.join(NAMES)}, or a number to {MOST_FORMAT}.", HELP)


def payload_of(words: tuple[str, ...], file: Path | None, format: str, *, hexadecimal: bool) -> bytes:
    """The words, standard input (`-`) or the file's bytes, which are sent as they are. Raises UsageError, OSError."""
    if file is not None and words:
        raise UsageError("Give the payload as words or as --file, not both.", HELP)
    if file is not None:
        with file.open("rb") as opened:
            return _bounded(opened.read(MOST_BYTES + 1))
    if words == ("-",):
        return _bounded(sys.stdin.buffer.read(MOST_BYTES + 1))
    text = " ".join(words)
    if hexadecimal:
        return _hex(text)
    if not words:
        return b""
    if format in (NATIVE, "cbor", "senml+cbor"):
        return _cbor(words, text, format)
    return _bounded(text.encode())


def _bounded(data: bytes) -> bytes:
    if len(data) > MOST_BYTES:
        raise UsageError(f"The payload is longer than {MOST_BYTES} bytes.", HELP)
    return data


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise UsageError(f"{text[:40]!r} is not hexadecimal.", HELP) from None


def _cbor(words: tuple[str, ...], text: str, format: str) -> bytes:
    if format == NATIVE and not text.lstrip().startswith(("{", "[")):
        return _readings(words)
    try:
        value = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        hint = "NAME=VALUE ... or JSON" if format == NATIVE else "JSON, which is made CBOR"
        raise UsageError(f"{text[:40]!r} is not JSON ({error}); {format} is typed as {hint}.", HELP) from None
    if format == NATIVE:
        value = _numbered(value)
    elif format == "senml+cbor":
        value = _labelled(value)
    try:
        return cbor.encode(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"It cannot be said in CBOR: {error}.", HELP) from None


def _readings(words: tuple[str, ...]) -> bytes:
    values: dict[int, int] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise UsageError(f"A reading is NAME=VALUE, not {word!r}.", HELP)
        number, raw = record_json.scaled(name, text)
        values[number] = raw
    return records.encode(records.Readings(values))


def _numbered(value: Any) -> Any:
    """Keys of JSON are texts; a node's own records have integers."""
    if isinstance(value, dict):
        return {int(key) if key.removeprefix("-").isdecimal() else key: part for key, part in value.items()}
    return value


def _labelled(value: Any) -> Any:
    """SenML's names become its numbers (RFC 8428 section 6)."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise UsageError('SenML is a list of records: [{"n": "temperature", "u": "Cel", "v": 21.4}].', HELP)
    return [{SENML_NUMBERS.get(key, key): part for key, part in one.items()} for one in value]


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")
