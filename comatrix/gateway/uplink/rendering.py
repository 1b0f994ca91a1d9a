"""Records -> the content of one m.room.message: words for people, typed data beside them.

Nothing a node sent can make the homeserver refuse it, mention anybody, or pass for another record's line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from comatrix.codec import records as said
from comatrix.codec import vocab
from comatrix.gateway.model import Node, Record
from comatrix.gateway.uplink.formats.pack import apart
from comatrix.gateway.uplink.sanitise import clean_name, clean_text, escape_html
from comatrix.gateway.uplink.typed import (
    ID_KEY,
    OUT_OF_RANGE,
    TELEMETRY_KEY,
    Decoded,
    addressee,
    canonical_json,
    decimal_string,
    decode,
    telemetry,
)

PROFILE_KEY = "com.beeper.per_message_profile"  # MSC4144, unstable
MAX_BYTES_WITH_HTML = 48_000  # beyond it the plain body, which is complete, stands alone
FRESH_MS = 60_000  # an older reading says when it was measured
SELF_EVIDENT = frozenset({"temperature", "humidity", "battery", "pressure", "illuminance"})  # the unit says what it is
INDENT = "    "
DEEPER = 2 * INDENT
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One record as it is shown. `when` is a clock time, `words` may hold line ends. `values`: it is readings."""

    node: int
    name: str
    when: str
    words: str
    fresh: bool
    values: bool

    def plain(self, *, with_time: bool = True) -> str:
        return f"{self.when}  {self.words}" if with_time else self.words

    def html(self, *, with_time: bool = True) -> str:
        return escape_html(f"{self.when} {self.words}" if with_time else self.words)


@dataclass(frozen=True, slots=True)
class _Voice:
    """What one node says in an event: the newest readings, the older ones in one line, everything else by itself."""

    head: _Entry
    older: Sequence[_Entry]
    others: Sequence[_Entry]

    def plain(self, *, with_time: bool = True) -> str:
        """Only the first line starts at the margin: no text can pass for another node's line."""
        lines = [self.head.plain(with_time=with_time).replace("\n", f"\n{DEEPER}")]
        if self.older:
            lines.append(f"{INDENT}before: " + "; ".join(f"{one.when} {one.words}" for one in self.older))
        lines += [INDENT + one.plain().replace("\n", f"\n{DEEPER}") for one in self.others]
        return "\n".join(lines)

    def html(self, *, with_time: bool = True) -> str:
        items = ["before: " + "; ".join(one.html() for one in self.older)] if self.older else []
        items += [one.html() for one in self.others]
        further = f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>" if items else ""
        return self.head.html(with_time=with_time) + further


def event_content(
    records: Sequence[Record],
    nodes: Mapping[int, Node],
    *,
    txn_id: str,
    timezone: tzinfo,
    own_voice: bool = False,
    sealed_ms: int | None = None,
) -> dict[str, Any]:
    """At least one record of one room, in the order to show -> content, as silent as a notice is.

    `own_voice`: the node's own user says it, so its name is not said again. `sealed_ms`: when the event was made, or
    None for when its newest record came; times of other days carry a date."""
    now_ms = max(record.received_ms for record in records) if sealed_ms is None else sealed_ms
    each = [moment for record in records for moment in apart(record)]
    shown = [(record, _name(record.node, nodes), decode(record)) for record in each]
    voices = _voices([_entry(*one, _whom(one[0], nodes), now_ms, timezone) for one in shown])
    alone = len(voices) == 1
    body, html = _one_voice(voices[0], own_voice) if alone else _many_voices(voices)
    content: dict[str, Any] = {
        "msgtype": "m.notice",
        "body": body,
        "m.mentions": {},
        ID_KEY: txn_id,
        TELEMETRY_KEY: telemetry(shown),
    }
    if alone and not own_voice:
        content[PROFILE_KEY] = _profile(records[0], voices[0].head.name)
    with_html = {**content, "format": "org.matrix.custom.html", "formatted_body": html}
    return with_html if len(canonical_json(with_html)) <= MAX_BYTES_WITH_HTML else content


def _profile(record: Record, name: str) -> dict[str, Any]:
    """Clients that know it show the node's name and hide the fallback in the bodies; the others show the fallback."""
    return {"id": str(record.node), "displayname": name, "has_fallback": True}


def _voices(entries: Sequence[_Entry]) -> list[_Voice]:
    """The entries by node, in the order in which the nodes first spoke."""
    by_node: dict[int, list[_Entry]] = {}
    for entry in entries:
        by_node.setdefault(entry.node, []).append(entry)
    return [_voice(own) for own in by_node.values()]


def _voice(own: Sequence[_Entry]) -> _Voice:
    """One node's entries, oldest first."""
    values = [entry for entry in own if entry.values]
    others = [entry for entry in own if not entry.values]
    if values:
        return _Voice(values[-1], values[:-1], others)
    return _Voice(others[0], (), others[1:])


def _one_voice(voice: _Voice, own_voice: bool) -> tuple[str, str]:
    """(body, formatted_body) of one node's records, with its name in front as MSC4144's fallback, if need be."""
    with_time = bool(voice.older or voice.others or not voice.head.fresh)
    only = voice.head if not (voice.older or voice.others) else voice
    plain, html = only.plain(with_time=with_time), only.html(with_time=with_time)
    if own_voice:
        return plain, html
    name = voice.head.name
    return f"{name}: {plain}", f"<strong data-mx-profile-fallback>{escape_html(name)}: </strong>{html}"


def _many_voices(voices: Sequence[_Voice]) -> tuple[str, str]:
    """(body, formatted_body) of several nodes' records: a line each, said by the bot."""
    plain = "\n".join(f"{voice.head.name} {voice.plain()}" for voice in voices)
    items = (f"<li><strong>{escape_html(voice.head.name)}</strong> {voice.html()}</li>" for voice in voices)
    return plain, f"<ul>{''.join(items)}</ul>"


def _name(number: int, nodes: Mapping[int, Node]) -> str:
    node = nodes.get(number)
    return clean_name(node.name) if node is not None else f"node {number}"


def _whom(record: Record, nodes: Mapping[int, Node]) -> str:
    """ "to cellar: " where it is said to a node."""
    number = addressee(record)
    return "" if number is None else f"to {_name(number, nodes)}: "


def _entry(record: Record, name: str, what: Decoded, whom: str, now_ms: int, timezone: tzinfo) -> _Entry:
    late = " (late)" if record.late else ""
    return _Entry(
        node=record.node,
        name=name,
        when=clock_time(record.measured_ms, now_ms, timezone),
        words=whom + _words(record, what) + late,
        fresh=not record.late and abs(now_ms - record.measured_ms) < FRESH_MS,
        values=isinstance(what, said.Readings),
    )


def reading_words(record: Record) -> str:
    """What a record's readings say, "21.37 °C, 45.2 %RH"; "" for any other record."""
    what = decode(record)
    return _words(record, what) if isinstance(what, said.Readings) else ""


def _words(record: Record, what: Decoded) -> str:
    if isinstance(what, said.Readings):
        said_words = [_reading(word, value) for word, value in what.values.items()]
        return ", ".join(said_words + [_beyond(word) for word in what.beyond])
    if isinstance(what, said.Text):
        return clean_text(what.text) or "(empty text)"
    return f"sent something that is not shown here ({clean_name(record.kind)})"


def _reading(word: int, scaled: int) -> str:
    """ "21.37 °C", "co2 415 ppm", "motion 1", "word 77: 123"."""
    row = vocab.by_number(word)
    if row is None:
        return f"word {word}: {scaled}"
    label = "" if row.name in SELF_EVIDENT else row.name.replace("-", " ") + " "
    unit = f" {row.unit}" if row.unit else ""
    return f"{label}{decimal_string(scaled, row.digits)}{unit}"


def _beyond(word: int) -> str:
    """ "humidity out of range": without a number no unit says what it is."""
    row = vocab.by_number(word)
    name = f"word {word}:" if row is None else row.name.replace("-", " ")
    return f"{name} {OUT_OF_RANGE}"


def clock_time(at_ms: int, now_ms: int, timezone: tzinfo) -> str:
    """ "14:05:10", with the date in front where it is not today's."""
    moment = _moment(at_ms, timezone)
    if moment is None:
        return "time unknown"
    today: date | None = None if (now := _moment(now_ms, timezone)) is None else now.date()
    return moment.strftime("%H:%M:%S" if moment.date() == today else "%Y-%m-%d %H:%M:%S")


def _moment(at_ms: int, timezone: tzinfo) -> datetime | None:
    try:
        return (EPOCH + timedelta(milliseconds=at_ms)).astimezone(timezone)
    except (OverflowError, ValueError):
        return None
