"""Records as JSON and in words, and back. Where JSON cannot say a value exactly, `raw` beside it does."""

from collections.abc import Callable
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from comatrix.codec import cbor, records, vocab
from comatrix.codec.description import Description, Method, Setting, read_description
from comatrix.errors import RecordError
from comatrix.gateway.cli.explain_cbor import json_value
from comatrix.gateway.errors import UsageError
from comatrix.gateway.uplink.typed import OUT_OF_RANGE, decimal_string

STATUS_WORDS = {0: "done", 1: "refused", 2: "unknown at the node"}
READERS: dict[str, Callable[[object], records.Record]] = {
    "readings": records.read_readings,
    "text": records.read_text,
    "result": records.read_result,
    "command": records.read_command,
    "hello": records.read_hello,
    "description": read_description,
}
KIND_OF_RESOURCE = {"r": "readings", "m": "text", "c": "result", "h": "hello", "d": "description"}
FIELD = ("word", "low", "high", "step")  # of a packed reading, as a schema lists them
RESOURCES = (*KIND_OF_RESOURCE, "command", "answer")

Value = dict[str, Any]


def decode_untrusted(payload: bytes, resource: str | None) -> Value:
    """A payload -> its JSON value. `resource` None: guessed. Raises CborError, RecordError."""
    if resource == "answer":
        return _answer_json(records.read_answer_untrusted(payload))
    seq, value = records.split_untrusted(payload)
    kind = KIND_OF_RESOURCE.get(resource, resource) if resource else _guess(value)
    return _record_json(kind, seq, READERS[kind](value))


def _guess(value: object) -> str:
    if isinstance(value, dict):
        return "readings"
    if isinstance(value, list):
        return "text" if value and isinstance(value[-1], str) and len(value) < 3 else "result"
    raise RecordError("a record is a map or an array")


def _record_json(kind: str, seq: int | None, record: records.Record) -> Value:
    told: Value = {"record": kind, "seq": seq}
    if isinstance(record, records.Readings):
        shown = [reading_json(word, raw) for word, raw in record.values.items()]
        shown += [reading_json(word, 0) | {"value": OUT_OF_RANGE, "raw": None} for word in record.beyond]
        return told | {"age_s": record.age_s, "readings": shown}
    if isinstance(record, records.Text):
        return told | {"room": record.room, "text": record.text}
    if isinstance(record, records.Command):
        return told | _command_json(record)
    if isinstance(record, records.Result):
        raw = None if record.value is None else cbor.encode(record.value).hex()
        return told | {"id": record.id, "status": record.status, "value": json_value(record.value), "raw": raw}
    if isinstance(record, records.Hello):
        return told | _hello_json(record)
    assert isinstance(record, Description)
    return told | _description_json(record)


def reading_json(word: int, raw: int) -> Value:
    """A reading by its word's name, exact."""
    row = vocab.by_number(word)
    if row is None:
        return {"word": word, "name": None, "value": None, "unit": None, "raw": raw}
    return {
        "word": word,
        "name": row.name,
        "value": decimal_string(raw, row.digits),
        "unit": row.senml_unit,
        "raw": raw,
    }


def _command_json(command: records.Command) -> Value:
    return {
        "id": command.id,
        "what": command.what,
        "arguments": json_value(command.arguments),
        "raw": cbor.encode(command.arguments).hex() if command.arguments else None,
    }


def _hello_json(hello: records.Hello) -> Value:
    return {
        "firmware": hello.firmware,
        "vocabulary": hello.vocabulary,
        "description": None if hello.description is None else hello.description.hex(),
        "interval_s": hello.interval_s,
        "battery_cv": hello.battery_cv,
        "executed": hello.executed,
    }


def _description_json(said: Description) -> Value:
    return {
        "settings": [vars(s) for s in said.settings],
        "methods": [{"name": m.name, "parameters": [vars(p) for p in m.parameters]} for m in said.methods],
        "schemas": {
            str(code): [dict(zip(FIELD, numbers[at : at + 4], strict=True)) for at in range(0, len(numbers), 4)]
            for code, numbers in said.schemas.items()
        },
    }


def _answer_json(answer: records.Answer) -> Value:
    item = None if answer.item is None else _command_json(answer.item)
    return {
        "record": "answer",
        "time_s": answer.time_s,
        "item": item,
        "more": answer.more,
        "describe": answer.describe,
        "highest": answer.highest,
    }


def encode(value: object) -> bytes:
    """The inverse of `decode_untrusted`. Raises UsageError: no record; RecordError: a part out of range."""
    if not isinstance(value, dict) or not isinstance(value.get("record"), str):
        raise UsageError('a record in JSON is an object with "record" and its parts', "comatrix encode record --help")
    kind = value["record"]
    try:
        if kind == "answer":
            return _valid_answer(_answer(value))
        return _valid(kind, _seq(value.get("seq")), BUILDERS[kind](value))
    except KeyError as error:
        known = ", ".join((*BUILDERS, "answer"))
        missing = f'"{kind}" needs {error}' if kind in BUILDERS else f'"{kind}" is no record; known are {known}'
        raise UsageError(missing, "comatrix encode record --help") from None
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UsageError(f'"{kind}" has a part of a wrong type: {error}', "comatrix encode record --help") from None


def _valid(kind: str, seq: int | None, record: records.Record) -> bytes:
    """Encoded, once the gateway's own reader took it back."""
    payload = records.encode(record, seq)
    again, value = records.split_untrusted(payload)
    if again != seq or READERS[kind](value) != record:
        raise RecordError(f"this {kind} cannot be said exactly")
    return payload


def _valid_answer(answer: records.Answer) -> bytes:
    payload = answer.encode()
    if records.read_answer_untrusted(payload) != answer:
        raise RecordError("this answer cannot be said exactly")
    return payload


def _seq(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ValueError("seq is a whole number from 0 on")
    return value


def scaled(name: str, text: str) -> tuple[int, int]:
    """A word (or a word's number, for one not known here) and a decimal -> (word's number, integer on the air)."""
    row = vocab.by_number(int(name)) if name.isascii() and name.isdigit() else vocab.by_name(name)
    if row is None and not (name.isascii() and name.isdigit()):
        close = get_close_matches(name, [known.name for known in vocab.rows()], n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise UsageError(f"{name} is no word of the vocabulary{hint}", "comatrix encode record --help")
    digits = row.digits if row else 0
    try:
        # Longer ones would be rounded to the context's 28 digits.
        number = Decimal(text if len(text) <= 24 else "NaN").scaleb(digits)
    except ArithmeticError:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) >= records.LIMIT or number != number.to_integral_value():
        raise UsageError(
            f"{name}={text} must be a number with at most {digits} digits after the point",
            f"comatrix encode record readings {name}={decimal_string(2137, digits)}",
        )
    return row.number if row else int(name), int(number)


def _readings(value: Value) -> records.Readings:
    values: dict[int, int] = {}
    beyond: list[int] = []
    for part in value["readings"]:
        name = str(part["word"] if part.get("name") is None else part["name"])
        if part.get("raw") is not None:
            word, raw = part["word"], part["raw"]
        elif part["value"] == OUT_OF_RANGE:
            word, raw = scaled(name, "0")[0], None
        else:
            word, raw = scaled(name, str(part["value"]))
        if word in values or word in beyond:
            raise ValueError(f"word {word} stands twice")
        if raw is None:
            beyond.append(word)
        else:
            values[word] = raw
    return records.Readings(values, value.get("age_s", 0), tuple(beyond))


def _free(value: Value, plain: str, default: object) -> Any:
    """The part whose exact CBOR may stand in `raw`."""
    raw = value.get("raw")
    return cbor.decode_untrusted(bytes.fromhex(raw)) if raw is not None else from_json(value.get(plain, default))


def from_json(value: object) -> object:
    """JSON -> what CBOR can say; "h'..'" is a byte string."""
    if isinstance(value, str) and value.startswith("h'") and value.endswith("'") and len(value) > 2:
        return bytes.fromhex(value[2:-1])
    if isinstance(value, list):
        return [from_json(part) for part in value]
    if isinstance(value, dict):
        return {key: from_json(part) for key, part in value.items()}
    return value


def _command(value: Value) -> records.Command:
    return records.Command(value["id"], value["what"], _free(value, "arguments", []))


def _result(value: Value) -> records.Result:
    return records.Result(value["id"], value.get("status", 0), _free(value, "value", None))


def _hello(value: Value) -> records.Hello:
    said = value.get("description")
    parts = [value.get(name) for name in ("interval_s", "battery_cv", "executed")]
    return records.Hello(
        value.get("firmware"), value.get("vocabulary"), None if said is None else bytes.fromhex(said), *parts
    )


def _setting(value: Value) -> Setting:
    return Setting(value["name"], value.get("unit", ""), value.get("low"), value.get("high"), value.get("digits", 0))


def _description(value: Value) -> Description:
    return Description(
        [_setting(s) for s in value["settings"]],
        [
            Method(m["name"], [p if isinstance(p, str) else _setting(p) for p in m.get("parameters", [])])
            for m in value["methods"]
        ],
        {int(code): [field[part] for field in fields for part in FIELD] for code, fields in value["schemas"].items()},
    )


def _answer(value: Value) -> records.Answer:
    item = value.get("item")
    rest = (value.get("more", False), value.get("describe", False), value.get("highest"))
    return records.Answer(value.get("time_s"), None if item is None else _command(item), *rest)


BUILDERS: dict[str, Callable[[Value], records.Record]] = {
    "readings": _readings,
    "text": lambda value: records.Text(value["text"], value.get("room", 0)),
    "result": _result,
    "command": _command,
    "hello": _hello,
    "description": _description,
}
