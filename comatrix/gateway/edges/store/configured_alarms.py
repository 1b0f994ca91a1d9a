"""Limits that the configuration sets, in table alarm beside those of people. For jobs of the store.

Of a node, a word and a side there is one limit. A person's stands instead of the configuration's until it is switched
off; the configuration's cannot be switched off but in the file.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from comatrix.gateway.downlink.alarm_words import Limit
from comatrix.gateway.edges.store import alarms, nodes
from comatrix.gateway.edges.store.alarms import Alarm, Side
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import Node
from comatrix.gateway.uplink.alarms import BY_CONFIGURATION

CHANGED, GONE = "its limit was changed", "it is not in the configuration any more"


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """`gone`: limits of people that were there; `back`: those of the configuration that stand in their place; `fixed`:
    those that stood and stand, since no person set them."""

    gone: Sequence[Alarm]
    back: Sequence[Alarm] = ()
    fixed: Sequence[Alarm] = ()


def bring_in_step(connection: sqlite3.Connection, limits: Sequence[Limit]) -> list[str]:
    """The table is as the configuration says -> a line for each limit that cannot be."""
    wanted: dict[Side, Alarm] = {}
    problems: list[str] = []
    living = nodes.all_nodes(connection)
    for limit in limits:
        node = next((one for one in living if _means(limit, one)), None)
        if node is None:
            problems.append(f"[alarms] limits: there is no node {limit.node!a}, so {limit.words} is not looked at")
        else:
            wanted[_alarm(node, limit).side] = _alarm(node, limit)
    known = {one.side: one for one in alarms.of(connection)}
    for one in known.values():
        if one.set_by == BY_CONFIGURATION and one.side not in wanted:
            alarms.drop(connection, one, GONE)
    for side, alarm in wanted.items():
        problems += _set(connection, alarm, known.get(side))
    return problems


def switch_off(
    connection: sqlite3.Connection, node: Node, word: int | None, why: str, limits: Sequence[Limit]
) -> SwitchedOff:
    """A person switches off limits of a word, None: of all. What was told of them ends as `why` says, unless the
    configuration has the very same."""
    own = [one for one in alarms.of(connection, node.number) if word in (None, one.word)]
    gone = [one for one in own if one.set_by != BY_CONFIGURATION]
    beneath = {_alarm(node, limit).side: _alarm(node, limit) for limit in limits if _means(limit, node)}
    back = [beneath[one.side] for one in gone if one.side in beneath]
    for one in gone:
        if one.side not in beneath:
            alarms.drop(connection, one, why)
    for alarm in back:
        alarms.put(connection, alarm, why)
    return SwitchedOff(gone, back, [one for one in own if one.set_by == BY_CONFIGURATION])


def _set(connection: sqlite3.Connection, alarm: Alarm, known: Alarm | None) -> list[str]:
    """Unless a person's is there."""
    if known is not None and known.set_by != BY_CONFIGURATION:
        return []
    try:
        alarms.put(connection, alarm, CHANGED)
    except UsageError as full:
        return [f"[alarms] limits: {full.text}"]
    return []


def _alarm(node: Node, limit: Limit) -> Alarm:
    return Alarm(node.number, limit.row.number, limit.threshold, BY_CONFIGURATION)


def _means(limit: Limit, node: Node) -> bool:
    return limit.node.casefold() == node.name.casefold() or limit.node == str(node.number)
