"""What a room is told of an alarm, and of a node that is silent: a text that notifies, edited once when it is over.

It says that it is over where it said that it began, and by then nobody is notified again (docs/reference/matrix.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from comatrix.codec.vocab import Row
from comatrix.gateway.downlink.alarm_words import SAID, label, quantity, words_of
from comatrix.gateway.downlink.quantities import span_words as whole_span
from comatrix.gateway.downlink.replies import span_words
from comatrix.gateway.uplink.alarms import BY_COMMAND_LINE, BY_CONFIGURATION, RAISED, Reading, Standing, Threshold
from comatrix.gateway.uplink.rendering import FRESH_MS, clock_time
from comatrix.gateway.uplink.sanitise import clean_name, clean_text
from comatrix.gateway.uplink.typed import ID_KEY, decimal_string

ALARM_KEY = "eu.comatrix.alarm"
PRESENCE_KEY = "eu.comatrix.presence"
VERSION = 1
RESOLVED, ENDED = "resolved", "ended"
SILENT, ONLINE = "silent", "online"


@dataclass(frozen=True, slots=True)
class Words:
    """A message: for people, for programs (what stands beside the body), and whom it mentions."""

    text: str
    typed: Mapping[str, Any]
    mentions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """A node's limit."""

    number: int
    node: str
    row: Row
    threshold: Threshold

    @property
    def name(self) -> str:
        """ "garden battery"."""
        return f"{clean_name(self.node)} {label(self.row)}"


def mentions_of(set_by: str) -> dict[str, Any]:
    """Whom an alarm is for: who set it, or everybody where nobody on Matrix did."""
    return {"room": True} if set_by in (BY_COMMAND_LINE, BY_CONFIGURATION) else {"user_ids": [set_by]}


def setter(set_by: str) -> str:
    """Who set a limit, as a person reads it: "@ann:b", "the command line", "the configuration"."""
    return {BY_COMMAND_LINE: "the command line", BY_CONFIGURATION: "the configuration"}.get(set_by, set_by)


def raised(subject: Subject, standing: Standing, set_by: str, now_ms: int, timezone: tzinfo) -> Words:
    """A reading is beyond its limit. `standing` is raised."""
    assert standing.value is not None and standing.since_ms is not None
    row, threshold = subject.row, subject.threshold
    limit = f"{SAID[threshold.comparison]} {quantity(row, threshold.limit)}"
    old = now_ms - standing.since_ms >= FRESH_MS
    when = f", measured {clock_time(standing.since_ms, now_ms, timezone)}" if old else ""
    text = f"Alarm: {subject.name} {quantity(row, standing.value)} is {limit}{when}"
    return Words(text, _alarm(subject, RAISED, standing.value, standing.since_ms), mentions_of(set_by))


def resolved(subject: Subject, before: Standing, reading: Reading) -> Words:
    """It is back. `before`: as it was raised."""
    assert before.since_ms is not None
    lasted = span_words(max(0, reading.measured_ms - before.since_ms))
    what = f"{SAID[subject.threshold.comparison]} {quantity(subject.row, subject.threshold.limit)}"
    text = f"Resolved: {subject.name} {quantity(subject.row, reading.value)}, it was {what} for {lasted}"
    return Words(text, _alarm(subject, RESOLVED, reading.value, reading.measured_ms))


def ended(told: Words, why: str) -> Words:
    """Nobody looks any more, whatever the readings say."""
    typed = {key: {**said, "state": ENDED} for key, said in told.typed.items()}
    return Words(f"{told.text} - {clean_text(why)}", typed)


def silent(number: int, node: str, last_ms: int, interval_ms: int, now_ms: int, timezone: tzinfo) -> Words:
    """A node missed its contacts."""
    heard = f"last heard {clock_time(last_ms, now_ms, timezone)}, {span_words(max(0, now_ms - last_ms))} ago"
    text = f"{clean_name(node)} is silent: {heard}; it should be heard every {whole_span(interval_ms)}"
    return Words(text, _presence(number, SILENT, last_ms))


def online(number: int, node: str, before_ms: int, last_ms: int, now_ms: int, timezone: tzinfo) -> Words:
    """It was heard again at `last_ms`. `before_ms`: its last contact before it was silent."""
    since = clock_time(before_ms, now_ms, timezone)
    lasted = span_words(max(0, last_ms - before_ms))
    text = f"{clean_name(node)} is back online: it was silent for {lasted}, since {since}"
    return Words(text, _presence(number, ONLINE, last_ms))


def first(told: Words, txn_id: str) -> dict[str, Any]:
    """The event that notifies."""
    return _message(told, told.mentions, txn_id)


def edit(told: Words, over: Words, target: str, txn_id: str) -> dict[str, Any]:
    """The same event as it reads once it is over. `target`: its id."""
    outer = Words(f"* {over.text}", over.typed)
    return _message(outer, {}, txn_id) | {
        "m.new_content": _message(over, told.mentions, txn_id),
        "m.relates_to": {"rel_type": "m.replace", "event_id": target},
    }


def instead(over: Words, txn_id: str) -> dict[str, Any]:
    """Where the event that told of it cannot be edited: as silent as a notice is."""
    return _message(over, {}, txn_id) | {"msgtype": "m.notice"}


def to_json(words: Words) -> dict[str, Any]:
    """As the database keeps it."""
    return {"text": words.text, "typed": dict(words.typed), "mentions": dict(words.mentions)}


def from_json(kept: Mapping[str, Any]) -> Words:
    """What `to_json` made."""
    return Words(kept["text"], kept["typed"], kept["mentions"])


def threshold_words(subject: Subject, standing: Standing, set_by: str, now_ms: int, timezone: tzinfo) -> str:
    """One line of a list: "battery below 3.30 V, over at 3.46 V: ok (by @ann:b)"."""
    over = quantity(subject.row, subject.threshold.way_back)
    if standing.state != RAISED or standing.value is None or standing.since_ms is None:
        state = "ok"
    else:
        state = f"{quantity(subject.row, standing.value)} since {clock_time(standing.since_ms, now_ms, timezone)}"
    return f"{words_of(subject.row, subject.threshold)}, over at {over}: {state} (by {setter(set_by)})"


def _message(words: Words, mentions: Mapping[str, Any], txn_id: str) -> dict[str, Any]:
    content = {"msgtype": "m.text", "body": clean_text(words.text), "m.mentions": dict(mentions), ID_KEY: txn_id}
    return content | dict(words.typed)


def _alarm(subject: Subject, state: str, value: int, at_ms: int) -> dict[str, Any]:
    row, threshold = subject.row, subject.threshold
    said = {
        "v": VERSION,
        "node": subject.number,
        "n": row.senml_name,
        "u": row.senml_unit,
        "comparison": threshold.comparison,
        "limit": decimal_string(threshold.limit, row.digits),
        "value": decimal_string(value, row.digits),
        "t": at_ms,
        "state": state,
    }
    return {ALARM_KEY: said}


def _presence(number: int, state: str, last_ms: int) -> dict[str, Any]:
    return {PRESENCE_KEY: {"v": VERSION, "node": number, "state": state, "last": last_ms}}
