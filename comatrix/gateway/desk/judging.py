"""Readings against the limits people set: the state of each alarm, and the event that tells of it, in one transaction.

Readings are judged from the log behind a cursor: a crash between storing and judging loses none and judges none twice.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import replace

from comatrix.codec.records import Readings
from comatrix.gateway.desk.announcing import announce
from comatrix.gateway.desk.sitting import House
from comatrix.gateway.edges.store import alarm_events, alarms, nodes
from comatrix.gateway.edges.store.alarms import Alarm
from comatrix.gateway.model import Node, Record
from comatrix.gateway.uplink import alarm_events as wording
from comatrix.gateway.uplink.alarm_events import Subject
from comatrix.gateway.uplink.alarms import OK, RAISED, Reading, judge
from comatrix.gateway.uplink.formats.pack import apart
from comatrix.gateway.uplink.priority import ALARM_SPACING_MS
from comatrix.gateway.uplink.typed import decode

REVOKED = "the node was revoked"


class Judging:
    """Its methods are jobs of the store; they return how many events they sealed."""

    def __init__(self, house: House, now_ms: Callable[[], int]) -> None:
        self._house = house
        self._now_ms = now_ms

    def next_part(self, connection: sqlite3.Connection) -> int:
        """The next readings of the log."""
        before = {node: alarms.of(connection, node) for node in alarms.watched(connection)}
        after = dict(before)
        sealed = 0
        for record in (moment for row in alarms.to_judge(connection) for moment in apart(row)):
            said = decode(record)
            if isinstance(said, Readings):
                judged = [self._judge(connection, alarm, record, said) for alarm in after[record.node]]
                sealed += sum(
                    new.event not in (old.event, None) for old, new in zip(after[record.node], judged, strict=True)
                )
                after[record.node] = judged
        for node, own in after.items():
            for old, new in zip(before[node], own, strict=True):
                if old != new:
                    alarms.save(connection, new)
        return sealed

    def catch_up(self, connection: sqlite3.Connection) -> int:
        """What could not be said before, and nodes that are no more."""
        for node in alarms.orphans(connection):
            for alarm in alarms.of(connection, node):
                alarms.drop(connection, alarm, REVOKED)
        told = [self._tell(connection, alarm) for alarm in alarms.owed(connection, self._now_ms())]
        for alarm in told:
            alarms.save(connection, alarm)
        return sum(alarm.event is not None for alarm in told)

    def _judge(self, connection: sqlite3.Connection, alarm: Alarm, record: Record, said: Readings) -> Alarm:
        value = said.values.get(alarm.word)
        if value is None:
            return alarm
        reading = Reading(value, record.measured_ms, record.received_ms)
        before, after = alarm.standing, judge(alarm.threshold, alarm.standing, reading)
        alarm = replace(alarm, standing=after)
        if (before.state, after.state) == (OK, RAISED) and self._may_tell(alarm):
            return self._tell(connection, alarm)
        if (before.state, after.state) == (RAISED, OK) and alarm.event is not None:
            over = wording.resolved(_subject(_node(connection, alarm), alarm), before, reading)
            alarm_events.over(connection, alarm.event, over)
            return replace(alarm, event=None)
        return alarm

    def _may_tell(self, alarm: Alarm) -> bool:
        """One that comes again at once is told a little later, if it is still so."""
        return alarm.told_ms is None or not 0 <= self._now_ms() - alarm.told_ms < ALARM_SPACING_MS

    def _tell(self, connection: sqlite3.Connection, alarm: Alarm) -> Alarm:
        node, now_ms = _node(connection, alarm), self._now_ms()
        timezone = self._house.timezone
        told = wording.raised(_subject(node, alarm), alarm.standing, alarm.set_by, now_ms, timezone)
        event = announce(connection, self._house, node, told, now_ms)
        return alarm if event is None else replace(alarm, event=event, told_ms=now_ms)


def _node(connection: sqlite3.Connection, alarm: Alarm) -> Node:
    node = nodes.by_number(connection, alarm.node)
    assert node is not None, "nodes stay for ever"
    return node


def _subject(node: Node, alarm: Alarm) -> Subject:
    return Subject(node.number, node.name, alarm.row, alarm.threshold)
