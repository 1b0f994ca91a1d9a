"""A record's JSON value in words, a line a part."""

from typing import Any

from comatrix.codec import vocab
from comatrix.gateway.cli.explain_cbor import ascii_text
from comatrix.gateway.cli.record_json import STATUS_WORDS

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
        return f"word {part['word']} (not in this vocabulary): {part['raw']}"
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
        found.append(f"method {number}: {ascii_text(part['name'])}({', '.join(map(ascii_text, part['parameters']))})")
    for code, fields in value["schemas"].items():
        packed = ", ".join(f"{_word(part['word'])} from {part['low']} in {part['bits']} bits" for part in fields)
        found.append(f"schema {code}: {packed}")
    return found or ["(nothing)"]


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
