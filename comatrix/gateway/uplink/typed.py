"""What a program reads in an event: readings with SenML names and units (RFC 8428), numbers as decimal strings.

Matrix refuses floats (400 M_BAD_JSON) and integers beyond 2^53 - 1, so neither ever stands here.
"""

import json
from collections.abc import Iterable
from typing import Any

from comatrix.codec import cbor, records, vocab
from comatrix.errors import CborError, RecordError
from comatrix.gateway.model import Record
from comatrix.gateway.uplink.formats.pack import moments

TELEMETRY_KEY = "eu.comatrix.telemetry"
ID_KEY = "eu.comatrix.id"
TELEMETRY_VERSION = 1
OUT_OF_RANGE = "out of range"
MAX_JSON_INTEGER = (1 << 53) - 1

Decoded = records.Readings | records.Text | None


def decode(record: Record) -> Decoded:
    """What `record` says, of a pack its newest moment, or None where it is of another kind or cannot be read."""
    try:
        if record.kind == "readings":
            return moments(record.body)[-1]
        if record.kind in ("text", "node_text"):
            return records.read_text(cbor.decode_untrusted(record.body))
    except (CborError, RecordError):
        return None
    return None


def addressee(record: Record) -> int | None:
    """The node a record is a text to, by its number; None: it is none."""
    what = decode(record) if record.kind == "node_text" else None
    return -what.room if isinstance(what, records.Text) and what.room < 0 else None


def decimal_string(scaled: int, digits: int) -> str:
    """`scaled` / 10 ** `digits`, exact, with all its digits: (2137, 2) -> "21.37", (-5, 2) -> "-0.05"."""
    if not digits:
        return str(scaled)
    whole, fraction = divmod(abs(scaled), 10**digits)
    return f"{'-' if scaled < 0 else ''}{whole}.{fraction:0{digits}d}"


def telemetry(shown: Iterable[tuple[Record, str, Decoded]]) -> dict[str, Any]:
    """The object under `eu.comatrix.telemetry` for (record, node's name, what it says)."""
    return {"v": TELEMETRY_VERSION, "records": [_entry(*one) for one in shown]}


def canonical_json(content: dict[str, Any]) -> bytes:
    """The bytes a homeserver counts: sorted keys, no space, UTF-8 (Matrix appendices, Canonical JSON)."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def _entry(record: Record, name: str, said: Decoded) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "node": name,
        "id": record.node,
        "enr": _integer(record.enrolment),
        "seq": _integer(record.seq),
        "t": _integer(record.measured_ms),
    }
    if record.late:
        entry["late"] = True
    if isinstance(said, records.Readings):
        entry["readings"] = [_reading(word, value) for word, value in said.values.items()]
        entry["readings"] += [_beyond(word) for word in said.beyond]
    else:
        entry["kind"] = record.kind
    return entry


def _reading(word: int, scaled: int) -> dict[str, str]:
    row = vocab.by_number(word)
    if row is None:
        return {"n": f"word_{word}", "v": str(scaled)}
    return {"n": row.senml_name, "u": row.senml_unit, "v": decimal_string(scaled, row.digits)}


def _beyond(word: int) -> dict[str, str]:
    """A string value (RFC 8428, section 4.3) in the number's place: no program takes it for one."""
    row = vocab.by_number(word)
    named = {"n": f"word_{word}"} if row is None else {"n": row.senml_name, "u": row.senml_unit}
    return named | {"vs": OUT_OF_RANGE}


def _integer(number: int) -> int | str:
    return number if abs(number) <= MAX_JSON_INTEGER else str(number)
