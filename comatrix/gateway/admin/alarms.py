"""Limits of readings, set on the gateway's own command line: the whole room is told when one is left."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from comatrix.gateway.admin import arguments
from comatrix.gateway.admin.collaborators import Args, Collaborators
from comatrix.gateway.admin.nodes import find
from comatrix.gateway.downlink import alarm_words
from comatrix.gateway.downlink.alarm_words import OPTION, AlarmError, Asked, limit_of
from comatrix.gateway.edges.store import alarms, nodes
from comatrix.gateway.edges.store.alarms import Alarm
from comatrix.gateway.edges.store.configured_alarms import switch_off
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import Node
from comatrix.gateway.uplink.alarms import BY_COMMAND_LINE, BY_CONFIGURATION
from comatrix.gateway.uplink.typed import decimal_string

CHANGED, OFF = "its limit was changed", "switched off by the operator"


class AlarmOperations:
    """alarm.set, alarm.list, alarm.off."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def set(self, args: Args) -> dict[str, Any]:
        """{node, word, limit: [words], hysteresis} -> the alarm."""
        node = self._node(args)
        hysteresis = arguments.maybe_text(args, "hysteresis")
        words = [arguments.text(args, "word"), *arguments.texts(args, "limit")]
        asked = _asked([*words, *([] if hysteresis is None else [OPTION + hysteresis])])
        if asked.row is None or asked.threshold is None:
            raise UsageError("There is no limit: write below 3.3V, or above 30.", "comatrix alarm set --help")
        new = Alarm(node.number, asked.row.number, asked.threshold, BY_COMMAND_LINE)
        await self._given.store.run(lambda connection: alarms.put(connection, new, CHANGED))
        self._given.changed("alarm", node.number)
        return next(one for one in self._listed(node, asked.row.number) if one["comparison"] == _comparison(new))

    async def list(self, args: Args) -> Sequence[dict[str, Any]]:
        """{node} -> its alarms, or all, by node and word."""
        return self._listed(None if args.get("node") is None else self._node(args), None)

    async def off(self, args: Args) -> Sequence[dict[str, Any]]:
        """{node, word} -> people's alarms that were there, and `instead`: the configuration's limit that is back;
        `word` missing: all of the node."""
        node, name = self._node(args), arguments.maybe_text(args, "word")
        row = None if name is None else _asked([name]).row
        word = None if row is None else row.number
        found = self._listed(node, word)
        gone = [one for one in found if one["origin"] != BY_CONFIGURATION]
        if not gone:
            raise UsageError(_not_there(node, bool(found)), f"comatrix alarm list {node.name}")
        limits = [limit_of(text) for text in self._given.settings.alarms.limits]
        off = await self._given.store.run(lambda connection: switch_off(connection, node, word, OFF, limits))
        self._given.changed("alarm", node.number)
        back = {(one.row.name, _comparison(one)): alarm_json(one, node.name)["limit"] for one in off.back}
        return [one | {"instead": back.get((one["word"], one["comparison"]))} for one in gone]

    def _node(self, args: Args) -> Node:
        return find(self._given.store.read(nodes.all_nodes), arguments.text(args, "node"))

    def _listed(self, node: Node | None, word: int | None) -> Sequence[dict[str, Any]]:
        def look(connection: sqlite3.Connection) -> Sequence[dict[str, Any]]:
            called = {one.number: one.name for one in nodes.all_nodes(connection)}
            found = alarms.of(connection, None if node is None else node.number)
            wanted = [one for one in found if word in (None, one.word) and one.node in called]
            return [alarm_json(one, called[one.node]) for one in wanted]

        return self._given.store.read(look)


def _asked(words: list[str]) -> Asked:
    """Raises UsageError in the words of a room."""
    try:
        return alarm_words.read(words)
    except AlarmError as error:
        raise UsageError(error.text, "comatrix alarm set --help") from None


def _not_there(node: Node, configured: bool) -> str:
    if configured:
        return f"The configuration sets that alarm of {node.name}: take it out of [alarms] limits there."
    return f"{node.name} has no such alarm."


def _comparison(alarm: Alarm) -> str:
    return alarm.threshold.comparison


def alarm_json(alarm: Alarm, name: str) -> dict[str, Any]:
    """An alarm for a program; quantities as decimal strings."""
    row, limit, standing = alarm.row, alarm.threshold, alarm.standing
    return {
        "node": name,
        "word": row.name,
        "comparison": limit.comparison,
        "limit": decimal_string(limit.limit, row.digits),
        "hysteresis": decimal_string(limit.hysteresis, row.digits),
        "unit": row.unit,
        "origin": {BY_COMMAND_LINE: "command line", BY_CONFIGURATION: BY_CONFIGURATION}.get(alarm.set_by, "room"),
        "set_by": alarm.set_by if alarm.set_by.startswith("@") else None,
        "state": standing.state,
        "value": None if standing.value is None else decimal_string(standing.value, row.digits),
        "since_ms": standing.since_ms,
    }
