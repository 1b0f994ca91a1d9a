"""JSON (RFC 8259), read strictly: one value, UTF-8, no key twice, no NaN, numbers kept as they were written."""

import json
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from comatrix.errors import RecordError

MAX_DEPTH = 6
MAX_BYTES = 16_384
MAX_DIGITS = 60


def decode_untrusted(payload: bytes) -> object:
    """One JSON value -> dict, list, str, int, Decimal, bool or None. Raises RecordError."""
    if len(payload) > MAX_BYTES:
        raise RecordError("JSON too long")
    if _depth(payload) > MAX_DEPTH:
        raise RecordError("nested too deep")
    try:
        text = payload.decode("utf-8")
        return json.loads(
            text, parse_float=_decimal, parse_int=_integer, parse_constant=_refuse, object_pairs_hook=_object
        )
    except UnicodeDecodeError:
        raise RecordError("ill-formed UTF-8") from None
    except ValueError:
        raise RecordError("not JSON") from None


def _depth(payload: bytes) -> int:
    """Brackets open at once, at most: also those within texts count, which only refuses more."""
    depth = deepest = 0
    for byte in payload:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _decimal(text: str) -> Decimal:
    if len(text) > MAX_DIGITS:
        raise RecordError("number too long")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise RecordError("number out of range") from None


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise RecordError("number too long")
    return int(text)


def _refuse(text: str) -> NoReturn:
    raise RecordError("not a finite number")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RecordError("a key stands twice")
    return found
