"""A LoRa frame told field by field, from the link's own parser; with a node's keys also what it says."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comatrix_lora import rules, schema
from comatrix_lora.airtime import airtime_us
from comatrix_lora.errors import FrameError
from comatrix_lora.frame import MOST, TAG
from comatrix_lora.header import VERSION, Header, parse_untrusted

from comatrix.codec import cbor
from comatrix.errors import CborError, WireError
from comatrix.gateway.cli import record_json, record_words
from comatrix.gateway.cli.explain_cbor import json_value

if TYPE_CHECKING:
    from comatrix.gateway.cli.frame_keys import FrameKeys

UPLINK_RECORDS = "rmchd"

Value = dict[str, Any]


def frame_json(data: bytes, keys: "FrameKeys | None") -> Value:
    """The frame's fields; `content` where the keys fit, else why not in `unread`. Raises FrameError: no frame."""
    header = parse_untrusted(data)
    if not header.size + TAG < len(data) <= MOST:
        raise FrameError(f"{len(data)} bytes are no length of a frame")
    told = _header_json(header, data)
    if keys is None:
        return told | {"unread": "not looked into: --node NAME says whose keys to use"}
    if keys.number != header.node:
        return told | {"unread": f"{keys.name} is node {keys.number}"}
    found = keys.open(header, data)
    if found is None:
        return told | {"unread": _why_not(header, keys.name)}
    whole = {"counter": found.counter, "request_counter": found.request}
    return told | whole | {"content": _content_json(found.plain, keys.schemas, up=header.up)}


def _why_not(header: Header, name: str) -> str:
    if header.step == 1 and not header.up:
        return (
            f"the keys come from request #1 as well: give that first, on a line before, or {name} is not who it is to"
        )
    if header.step == 2:
        return f"the keys come from response #1 as well: give that first, on a line before, or {name} did not send it"
    return f"the keys of {name} do not fit, or its counter is far from the stored one"


def _header_json(header: Header, data: bytes) -> Value:
    return {
        "version": VERSION,
        "size": len(data),
        "header_size": header.size,
        "content_size": len(data) - header.size - TAG,
        "airtime_us": {f"sf{sf}": airtime_us(len(data), sf) for sf in (7, 12)},
        "direction": "up" if header.up else "down",
        "message": "response" if header.resp else "request",
        "own_counter": header.own or not header.resp,
        "step": header.step,
        "extra": header.extra.hex(),
        "form": "long" if header.long else "short",
        "node": header.node,
        "header_counter": header.counter,
        "header_request": header.request,
        "counter": header.counter if header.long and (header.own or not header.resp) else None,
        "request_counter": header.counter if header.long and header.resp and not header.own else None,
        "content": None,
        "unread": None,
    }


def _content_json(plain: bytes, schemas: Mapping[int, schema.Schema], *, up: bool) -> Value:
    try:
        rule = rules.decode_untrusted(plain)
    except FrameError as error:
        return {"kind": None, "problem": str(error), "raw": plain.hex()}
    kind = type(rule).__name__.lower()
    told: Value = {"kind": kind, "ack_wanted": rule.ack, "raw": plain.hex()}
    if isinstance(rule, rules.Data | rules.History | rules.Aged):
        return told | _places(rule) | _readings(schemas.get(rule.schema), rule)
    if isinstance(rule, rules.Ack):
        command = None if rule.command is None else _command(rule.command)
        acknowledged = {"base": rule.base, "also": _marked(rule.base, rule.bitmap), "time_s": rule.time_s}
        return told | acknowledged | {"describe": rule.describe, "advice": rule.advice, "command": command}
    if isinstance(rule, rules.Command):
        return told | {"command": _command(rule)}
    if isinstance(rule, rules.Fragment):
        parts = {name: getattr(rule, name) for name in ("resource", "transfer", "block", "k", "seed")}
        return told | parts | {"data": rule.data.hex()}
    if isinstance(rule, rules.Feedback):
        return told | {"transfer": rule.body[0], "held": rule.body[1:].hex()}
    if isinstance(rule, rules.Rekey):
        return told | {"following": rule.following}
    assert isinstance(rule, rules.Record)
    told["behind"] = rule.behind
    return told | {"resource": rule.resource, "record": _record(rule, up=up), "body": rule.body.hex()}


def _places(rule: rules.Data | rules.History | rules.Aged) -> Value:
    """Low bytes of the seqs of what stands in it, how far behind the frame the newest is, and the ages of all."""
    if isinstance(rule, rules.Data):
        return {}
    told: Value = {} if rule.oldest is None else {"oldest": rule.oldest, "also": _marked(rule.oldest, rule.bitmap)}
    return told | ({"behind": rule.behind, "ages_s": rule.ages_s} if isinstance(rule, rules.Aged) else {})


def _marked(base: int, bitmap: int) -> list[int]:
    return [base + 1 + bit & 0xFF for bit in range(8) if bitmap >> bit & 1]


def _readings(known: schema.Schema | None, rule: rules.Data | rules.History | rules.Aged) -> Value:
    """Every reading in it, the newest first; None where the schema is not known."""
    told: Value = {"schema": rule.schema, "readings": None, "problem": None, "values": rule.values.hex()}
    if known is None:
        return told | {"problem": f"schema {rule.schema} is in no description that this node has sent"}
    try:
        found = schema.readings_untrusted(known, rule.values)
    except FrameError as error:
        return told | {"problem": str(error)}
    return told | {"readings": [[_reading(word, values[word]) for word in sorted(values)] for values in found]}


def _reading(word: int, value: int | str) -> Value:
    if isinstance(value, int):
        return record_json.reading_json(word, value) | {"mark": None}
    return record_json.reading_json(word, 0) | {"value": None, "raw": None, "mark": value}


def _command(rule: rules.Command) -> Value:
    try:
        arguments: Any = [json_value(one) for one in cbor.decode_sequence_untrusted(rule.arguments)]
    except CborError:
        arguments = None
    return {"id": rule.id, "what": rule.what, "arguments": arguments, "raw": rule.arguments.hex()}


def _record(rule: rules.Record, *, up: bool) -> Value | None:
    """What its body says, where it is a record or an answer of ours."""
    if up and rule.resource not in UPLINK_RECORDS:
        return None
    try:
        return record_json.decode_untrusted(rule.body, rule.resource if up else "answer")
    except WireError:
        return None


def frame_lines(told: Value) -> list[str]:
    """The same in words."""
    up = told["direction"] == "up"
    air = ", ".join(f"{told['airtime_us'][name] / 1000:.1f} ms at {name.upper()}" for name in ("sf7", "sf12"))
    sealed = f"{told['content_size']} of content and a tag of {TAG}"
    form = "long, node and counter whole" if told["form"] == "long" else "short, low bytes of node and counter"
    lines = [
        f"frame    {told['size']} bytes: a header of {told['header_size']}, {sealed}",
        f"on air   {air} (125 kHz, 4/5)",
        f"way      {'from' if up else 'to'} node {told['node']}, {'to' if up else 'from'} its gateway",
        f"message  {_message_words(told)}",
        f"form     {form}",
    ]
    for name, part in (("counter", "header_counter"), ("request", "header_request")):
        lines += _counter_words(told, name, part)
    if told["content"] is None:
        return [*lines, f"content  {told['unread']}"]
    first, *rest = _content_words(told["content"])
    return [*lines, f"content  {first}", *(f"         {line}" for line in rest)]


def _message_words(told: Value) -> str:
    if told["step"]:
        drawn = ("R2" if told["message"] == "response" else "R1") if told["step"] == 1 else "R3"
        return f"{told['message']} #{told['step']} for new keys (RFC 8613 Appendix B.2), {drawn} {told['extra']}"
    if told["message"] == "request":
        return "request"
    return "response, " + ("under a counter of its own" if told["own_counter"] else "under its request's nonce")


def _counter_words(told: Value, name: str, part: str) -> list[str]:
    named = told[part]
    if named is None:
        return []
    of_request = name == "request" or not told["own_counter"]
    whole = told["request_counter"] if of_request else told["counter"]
    shown = f"ends in the byte {named}" if whole is None else str(whole)
    return [f"{name:<8} {shown}" + (", of the request it answers" if of_request else "")]


def _content_words(content: Value) -> list[str]:
    if content["kind"] is None:
        return [f"cannot be read: {content['problem']} ({content['raw']})"]
    head = content["kind"].upper() + (", an ack is wanted" if content["ack_wanted"] else "")
    return [head, *WORDS[content["kind"]](content)]


def _readings_words(content: Value) -> list[str]:
    lines = [f"schema {content['schema']}"]
    if "oldest" in content:
        lines.append(f"oldest open ends in {content['oldest']}" + _also(content["also"]))
    if "ages_s" in content:
        ages = ", ".join(map(str, content["ages_s"]))
        lines.append(f"the newest is {content['behind']} counters behind the frame; {ages} s old")
    if content["readings"] is None:
        return [*lines, f"{content['problem']}: {content['values']}"]
    for place, reading in enumerate(content["readings"]):
        shown = "; ".join(_reading_words(part) for part in reading)
        lines.append(shown if not place else f"{place} before: {shown}")
    return lines


def _reading_words(part: Value) -> str:
    return record_words.reading_words(part) if part["mark"] is None else f"{part['name']} {part['mark']}"


def _also(low_bytes: list[int]) -> str:
    return f", also {', '.join(map(str, low_bytes))}" if low_bytes else ""


def _ack_words(content: Value) -> list[str]:
    lines = [f"stored below {content['base']}{_also(content['also'])} (low bytes of seqs)"]
    if content["advice"] is not None:
        lines.append(f"link advice {content['advice']}")
    if content["time_s"] is not None:
        lines.append(f"the time is {content['time_s']} (Unix seconds)")
    if content["describe"]:
        lines.append("asks for the self-description")
    return lines + (_command_words(content) if content["command"] else [])


def _command_words(content: Value) -> list[str]:
    said = content["command"]
    if said["arguments"] is None:
        return [f"command {said['id']}: setting or method {said['what']}, arguments that are no CBOR: {said['raw']}"]
    return record_words.lines({"record": "command", **said})


def _fragment_words(content: Value) -> list[str]:
    where = f"transfer {content['transfer']}, block {content['block']}"
    coded = f"seed {content['seed']} over {content['k']} symbols"
    return [f"of a body for {content['resource']}: {where}, {coded}, {len(content['data']) // 2} bytes"]


def _record_words(content: Value) -> list[str]:
    again = [f"again: first sent {content['behind']} counters before"] if content["behind"] else []
    if content["record"] is None:
        return [f"resource {content['resource']}: {content['body'] or 'no body'}", *again]
    return [f"resource {content['resource']}", *again, *record_words.lines(content["record"])]


def _feedback_words(content: Value) -> list[str]:
    return [f"of transfer {content['transfer']}: {content['held']} (fragments held of each block)"]


def _rekey_words(content: Value) -> list[str]:
    following = content["following"]
    return ["of new keys" if following is None else f"new keys are in use, and the node goes on at counter {following}"]


WORDS = {
    "data": _readings_words,
    "history": _readings_words,
    "aged": _readings_words,
    "ack": _ack_words,
    "command": _command_words,
    "fragment": _fragment_words,
    "record": _record_words,
    "feedback": _feedback_words,
    "rekey": _rekey_words,
}
