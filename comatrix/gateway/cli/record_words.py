"""A record's JSON value in words, a line a part."""

from typing import Any

from comatrix.codec import vocab
from comatrix.gateway.cli.explain_cbor import ascii_text
from comatrix.gateway.cli.record_json import STATUS_WORDS
from comatrix.gateway.uplink.typed import decimal_string

Value = dict[str, Any]


def lines(value: Value) -> list[str]:
    """At least one line; nothing a node sent can leave it."""
    kind = value["record"]
    seq = value.get("seq")
    counted = "" if kind in ("answer", "command") else f", seq {seq}" if seq is not None else ", seq of its message"
    return [f"{kind}{counted}", *(f"  {line}" for line in WORDS[kind](value))]


def _readings(value: Value) -> list[str]:
    found = [reading_words(part) for part in value["readings"]]
    return found + ([f"measured {value['age_s']} s before it was sent"] if value["age_s"] else [])


def reading_words(part: Value) -> str:
    """A reading's JSON on one line."""
    row = vocab.by_number(part["word"])
    if row is None:
        said = part["value"] if part["raw"] is None else part["raw"]
        return f"word {part['word']} (not in this vocabulary): {said}"
    if part["raw"] is None:
        return f"{row.name} {part['value']}  ({row.meaning})"
    return f"{row.name} {part['value']} {row.unit}".rstrip() + f"  ({row.meaning})"


def _text(value: Value) -> list[str]:
    room = value["room"]
    to = "the default room" if not room else f"node {-room}" if room < 0 else f"room {room}"
    return [f"to {to}: {ascii_text(value['text'])}"]


def _result(value: Value) -> list[str]:
    status = STATUS_WORDS.get(value["status"], f"status {value['status']}")
    said = "" if value["raw"] is None else f", value {_shown(value['value'])}"
    return [f"item {value['id']}: {status}{said}"]


def _command(value: Value) -> list[str]:
    what = value["what"]
    if isinstance(what, str):
        return [f"item {value['id']}: text {ascii_text(what)}"]
    arguments = f" with {_shown(value['arguments'])}" if value["arguments"] else ""
    return [f"item {value['id']}: setting or method {what}{arguments}"]


def _hello(value: Value) -> list[str]:
    battery = value["battery_cv"]
    parts = {
        "firmware": None if value["firmware"] is None else ascii_text(value["firmware"]),
        "vocabulary version": value["vocabulary"],
        "hash of its description": value["description"],
        "wakes every": None if value["interval_s"] is None else f"{value['interval_s']} s",
        "battery": None if battery is None else f"{battery / 100:.2f} V",
        "highest executed command": value["executed"],
    }
    return [f"{name}: {part}" for name, part in parts.items() if part is not None] or ["(nothing more)"]


def _description(value: Value) -> list[str]:
    found = []
    for number, part in enumerate(value["settings"]):
        bounds = "" if part["low"] is None else f" from {part['low']} to {part['high']}"
        found.append(f"setting {number}: {ascii_text(part['name'])} {ascii_text(part['unit'])}{bounds}")
    for number, part in enumerate(value["methods"]):
        parameters = ", ".join(ascii_text(one["name"]) for one in part["parameters"])
        found.append(f"method {number}: {ascii_text(part['name'])}({parameters})")
    for code, fields in value["schemas"].items():
        found.append(f"schema {code}: {', '.join(map(_field, fields))}")
    return found or ["(nothing)"]


def _field(part: Value) -> str:
    """ "temperature -40.00 to 85.00 by 0.01": the numbers as the word's values are shown."""
    row = vocab.by_number(part["word"])
    low, high, step = (decimal_string(part[name], row.digits if row else 0) for name in ("low", "high", "step"))
    return f"{_word(part['word'])} {low} to {high} by {step}"


def _word(number: int) -> str:
    row = vocab.by_number(number)
    return row.name if row else f"word {number}"


def _answer(value: Value) -> list[str]:
    found = [] if value["time_s"] is None else [f"the gateway's time: {value['time_s']} s since 1970"]
    found += [] if value["item"] is None else _command(value["item"])
    found += ["more waits"] if value["more"] else []
    found += ["asks for the self-description"] if value["describe"] else []
    found += [] if value["highest"] is None else [f"go on above seq {value['highest']}"]
    return found or ["(carries nothing)"]


def _shown(value: object) -> str:
    from comatrix.gateway.cli.hexlines import json_line

    return json_line(value)


WORDS = {
    "readings": _readings,
    "text": _text,
    "result": _result,
    "command": _command,
    "hello": _hello,
    "description": _description,
    "answer": _answer,
}
