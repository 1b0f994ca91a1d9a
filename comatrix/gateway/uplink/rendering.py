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
from comatrix.gateway.uplink.sanitise import clean_name, clean_text, escape_html
from comatrix.gateway.uplink.typed import (
    ID_KEY,
    TELEMETRY_KEY,
    Decoded,
    canonical_json,
    decimal_string,
    decode,
    telemetry,
)

PROFILE_KEY = "com.beeper.per_message_profile"  # MSC4144, unstable
MAX_BYTES_WITH_HTML = 48_000  # beyond it the plain body, which is complete, stands alone
FRESH_MS = 60_000  # an older reading says when it was measured
SELF_EVIDENT = frozenset({"temperature", "humidity", "battery", "pressure", "illuminance"})  # the unit says what it is
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Line:
    """One record as it is shown. `when` is a clock time, `words` may hold line ends."""

    name: str
    when: str
    words: str
    fresh: bool

    def plain(self, *, with_time: bool) -> str:
        return f"{self.when}  {self.words}" if with_time else self.words

    def html(self, *, with_time: bool) -> str:
        return escape_html(f"{self.when} {self.words}" if with_time else self.words)


def event_content(
    records: Sequence[Record],
    nodes: Mapping[int, Node],
    *,
    txn_id: str,
    timezone: tzinfo,
    sealed_ms: int | None = None,
) -> dict[str, Any]:
    """At least one record of one room, in the order to show -> content, as silent as a notice is.

    `sealed_ms`: when the event was made, or None for when its newest record came; times of other days carry a date."""
    now_ms = max(record.received_ms for record in records) if sealed_ms is None else sealed_ms
    shown = [(record, _name(record, nodes), decode(record)) for record in records]
    lines = [_line(*one, now_ms, timezone) for one in shown]
    body, html = _one_voice(lines) if len({record.node for record in records}) == 1 else _many_voices(lines)
    content: dict[str, Any] = {
        "msgtype": "m.notice",
        "body": body,
        "m.mentions": {},
        ID_KEY: txn_id,
        TELEMETRY_KEY: telemetry(shown),
    }
    if len({record.node for record in records}) == 1:
        content[PROFILE_KEY] = _profile(records[0], lines[0].name)
    with_html = {**content, "format": "org.matrix.custom.html", "formatted_body": html}
    return with_html if len(canonical_json(with_html)) <= MAX_BYTES_WITH_HTML else content


def _profile(record: Record, name: str) -> dict[str, Any]:
    """Clients that know it show the node's name and hide the fallback in the bodies; the others show the fallback."""
    return {"id": str(record.node), "displayname": name, "has_fallback": True}


def _one_voice(lines: Sequence[_Line]) -> tuple[str, str]:
    """(body, formatted_body) of one node's records, with its name in front as MSC4144's fallback."""
    name = lines[0].name
    strong = f"<strong data-mx-profile-fallback>{escape_html(name)}: </strong>"
    if len(lines) == 1:
        with_time = not lines[0].fresh
        return f"{name}: {lines[0].plain(with_time=with_time)}", strong + lines[0].html(with_time=with_time)
    summary = f"{len(lines)} records"
    plain = "\n".join([f"{name}: {summary}", *(_indented(line.plain(with_time=True)) for line in lines)])
    items = "".join(f"<li>{line.html(with_time=True)}</li>" for line in lines)
    return plain, f"{strong}{summary}<ul>{items}</ul>"


def _many_voices(lines: Sequence[_Line]) -> tuple[str, str]:
    """(body, formatted_body) of several nodes' records: a line each, said by the bot."""
    plain = "\n".join(_indented(f"{line.name} {line.plain(with_time=True)}") for line in lines)
    items = (f"<li><strong>{escape_html(line.name)}</strong> {line.html(with_time=True)}</li>" for line in lines)
    return plain, f"<ul>{''.join(items)}</ul>"


def _indented(text: str) -> str:
    """Only the first line starts at the margin: no text can pass for the next record."""
    return text.replace("\n", "\n    ")


def _name(record: Record, nodes: Mapping[int, Node]) -> str:
    node = nodes.get(record.node)
    return clean_name(node.name) if node is not None else f"node {record.node}"


def _line(record: Record, name: str, what: Decoded, now_ms: int, timezone: tzinfo) -> _Line:
    late = " (late)" if record.late else ""
    return _Line(
        name=name,
        when=_clock_time(record.measured_ms, now_ms, timezone),
        words=_words(record, what) + late,
        fresh=not record.late and abs(now_ms - record.measured_ms) < FRESH_MS,
    )


def _words(record: Record, what: Decoded) -> str:
    if isinstance(what, said.Readings):
        return ", ".join(_reading(word, value) for word, value in what.values.items())
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


def _clock_time(at_ms: int, now_ms: int, timezone: tzinfo) -> str:
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
