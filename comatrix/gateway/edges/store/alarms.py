"""Limits of readings and how each stands (table alarm). For jobs of the store."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from comatrix.codec import vocab
from comatrix.codec.vocab import Row
from comatrix.gateway.edges.store import alarm_events, records
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import Record
from comatrix.gateway.uplink.alarms import MOST_PER_NODE, Standing, Threshold
from comatrix.gateway.uplink.priority import ALARM_SPACING_MS

COLUMNS = (
    "alarm.node, word, comparison, threshold, hysteresis, set_by, alarm.state, judged_ms, value, since_ms,"
    " event, told_ms"
)
SEEN = "SELECT value FROM meta WHERE key = 'alarms_seen'"
READINGS = records.KINDS["readings"]
UNJUDGED = Standing()
Side = tuple[int, int, str]  # node, word, comparison: of each there is one limit at most
AT_ONCE = 4096  # rows of the log looked at in one transaction


@dataclass(frozen=True, slots=True)
class Alarm:
    """A node's limit. `set_by`: a Matrix user, BY_COMMAND_LINE or BY_CONFIGURATION. `event`: the row of alarm_event
    that says it is raised."""

    node: int
    word: int
    threshold: Threshold
    set_by: str
    standing: Standing = UNJUDGED
    event: int | None = None
    told_ms: int | None = None

    @property
    def side(self) -> Side:
        """What it is a limit of."""
        return self.node, self.word, self.threshold.comparison

    @property
    def row(self) -> Row:
        """Of the vocabulary, which never loses a word."""
        row = vocab.by_number(self.word)
        assert row is not None
        return row


def put(connection: sqlite3.Connection, new: Alarm, why: str) -> None:
    """A limit is set. The same one again keeps its state; of another the state begins anew, and what was told
    ends as `why` says. Raises UsageError where the node has as many as may be."""
    own = of(connection, new.node)
    known = [one for one in own if one.side == new.side]
    if not known and len(own) >= MOST_PER_NODE:
        raise UsageError(
            f"A node has at most {MOST_PER_NODE} alarms: switch one off first", "comatrix alarm off NODE WORD"
        )
    if not watched(connection):  # what came while nobody looked stays unjudged
        set_seen(connection, records.newest_id(connection))
    if known and known[0].threshold == new.threshold:
        kept = known[0]
        new = Alarm(new.node, new.word, new.threshold, new.set_by, kept.standing, kept.event, kept.told_ms)
    else:
        _end(connection, known, why)
    save(connection, new)


def drop(connection: sqlite3.Connection, alarm: Alarm, why: str) -> None:
    """It is a limit no more. What was told of it ends as `why` says."""
    _end(connection, [alarm], why)
    connection.execute("DELETE FROM alarm WHERE node = ? AND word = ? AND comparison = ?", alarm.side)


def of(connection: sqlite3.Connection, node: int | None = None) -> list[Alarm]:
    """Of a node, or all."""
    where, values = ("", ()) if node is None else ("WHERE node = ?", (node,))
    rows = connection.execute(f"SELECT {COLUMNS} FROM alarm {where} ORDER BY node, word, comparison", values)
    return [_alarm(row) for row in rows]


def watched(connection: sqlite3.Connection) -> frozenset[int]:
    """Nodes that have any."""
    return frozenset(node for (node,) in connection.execute("SELECT DISTINCT node FROM alarm"))


def orphans(connection: sqlite3.Connection) -> list[int]:
    """Revoked nodes that have any."""
    rows = connection.execute("SELECT DISTINCT node FROM alarm JOIN node ON number = node WHERE revoked")
    return [node for (node,) in rows]


def save(connection: sqlite3.Connection, alarm: Alarm) -> None:
    """As it stands now."""
    limit, now = alarm.threshold, alarm.standing
    connection.execute(
        "REPLACE INTO alarm (node, word, comparison, threshold, hysteresis, set_by, state, judged_ms, value, since_ms,"
        " event, told_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(alarm.node, alarm.word, limit.comparison, limit.limit, limit.hysteresis, alarm.set_by),
            *(now.state, now.judged_ms, now.value, now.since_ms, alarm.event, alarm.told_ms),
        ),
    )


def owed(connection: sqlite3.Connection, now_ms: int) -> list[Alarm]:
    """Raised ones of which nothing was said yet and now something can be."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM alarm JOIN node ON number = node JOIN room ON room.id = node.room"
        " WHERE alarm.state = 'raised' AND event IS NULL AND NOT encrypted"
        " AND (told_ms IS NULL OR told_ms NOT BETWEEN ? AND ?) ORDER BY since_ms",
        (now_ms - ALARM_SPACING_MS + 1, now_ms),
    )
    return [_alarm(row) for row in rows]


def unjudged(connection: sqlite3.Connection) -> bool:
    """Whether the log has records that `to_judge` did not hand out."""
    return records.newest_id(connection) > _seen(connection)


def to_judge(connection: sqlite3.Connection) -> list[Record]:
    """The next readings of nodes that have alarms, in order of arrival; they are not handed out again."""
    after = _seen(connection)
    last = min(after + AT_ONCE, records.newest_id(connection))
    rows = connection.execute(
        f"SELECT {records.COLUMNS} FROM record WHERE id > ? AND id <= ? AND kind = {READINGS}"
        " AND node IN (SELECT node FROM alarm) ORDER BY id",
        (after, last),
    ).fetchall()
    set_seen(connection, last)
    return [records.record_of(row) for row in rows]


def set_seen(connection: sqlite3.Connection, id: int) -> None:
    """Readings up to this row id were judged, or are not to be."""
    connection.execute("UPDATE meta SET value = ? WHERE key = 'alarms_seen'", (id,))


def _seen(connection: sqlite3.Connection) -> int:
    return int(connection.execute(SEEN).fetchone()[0])


def _end(connection: sqlite3.Connection, alarms: Iterable[Alarm], why: str) -> None:
    for alarm in alarms:
        if alarm.event is not None:
            alarm_events.end(connection, alarm.event, why)


def _alarm(row: Sequence[Any]) -> Alarm:
    node, word, comparison, limit, hysteresis, set_by, state, judged_ms, value, since_ms, event, told_ms = row
    standing = Standing(state, judged_ms, value, since_ms)
    return Alarm(node, word, Threshold(comparison, limit, hysteresis), set_by, standing, event, told_ms)
