"""Nodes and commands as lines a person reads on a phone."""

from collections.abc import Sequence
from dataclasses import dataclass

from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item
from comatrix.gateway.downlink.replies import span_words
from comatrix.gateway.uplink.sanitise import clean_line, clean_name

MISSED = 3  # wake intervals without a word, and a node counts as silent
MOST_LINES = 30


@dataclass(frozen=True, slots=True)
class NodeNow:
    """What is known of a node. `last`: its newest readings in words, measured at `last_ms`.
    `course`: how its words went lately, a line each."""

    name: str
    blocked: bool = False
    seen_ms: int | None = None
    interval_s: int | None = None
    battery_cv: int | None = None
    firmware: str | None = None
    last: str = ""
    last_ms: int | None = None
    course: Sequence[str] = ()
    waiting: int = 0


def expected_ms(seen_ms: int | None, interval_s: int | None, now_ms: int) -> int | None:
    """When a node's next contact is, where that is known and not over."""
    if seen_ms is None or interval_s is None:
        return None
    expected = seen_ms + interval_s * 1000
    return expected if expected > now_ms else None


def nodes_text(nodes: Sequence[NodeNow], now_ms: int) -> str:
    """A line a node."""
    if not nodes:
        return "No node is bound to this room."
    lines = [f"{clean_name(node.name)}: {_heard(node, now_ms)}" for node in nodes[:MOST_LINES]]
    return "\n".join(lines + _more(len(nodes)))


def status_text(node: NodeNow, now_ms: int) -> str:
    """All that is known of one."""
    lines = [f"{clean_name(node.name)}: {_heard(node, now_ms)}"]
    if node.last:
        age = "" if node.last_ms is None else f", measured {span_words(max(0, now_ms - node.last_ms))} ago"
        lines.append(f"last reading: {node.last}{age}")
    lines += node.course
    if node.battery_cv is not None:
        lines.append(f"battery: {node.battery_cv // 100}.{node.battery_cv % 100:02d} V")
    if node.interval_s is not None:
        lines.append(f"wakes every {span_words(node.interval_s * 1000)}")
    if node.firmware:
        lines.append(f"firmware: {clean_name(node.firmware)}")
    if node.waiting:
        lines.append(f"commands waiting: {node.waiting}")
    return "\n".join(lines)


def queue_text(items: Sequence[tuple[str, Item]], now_ms: int) -> str:
    """(node, command) that wait or are on air."""
    if not items:
        return "No command waits."
    lines = [_queued(name, item, now_ms) for name, item in items[:MOST_LINES]]
    return "\n".join(lines + _more(len(items)))


def _queued(name: str, item: Item, now_ms: int) -> str:
    where = "on air" if item.state == states.ON_AIR else "waits"
    since = span_words(max(0, now_ms - item.new.created_ms))
    return f"#{item.number} {clean_name(name)}: {clean_line(item.new.order.shown)}, {where} for {since}"


def _heard(node: NodeNow, now_ms: int) -> str:
    if node.blocked:
        return "blocked"
    if node.seen_ms is None:
        return "never heard"
    ago_ms = max(0, now_ms - node.seen_ms)
    silent = node.interval_s is not None and ago_ms > MISSED * node.interval_s * 1000
    return f"{'silent, ' if silent else ''}heard {span_words(ago_ms)} ago"


def _more(count: int) -> list[str]:
    return [f"and {count - MOST_LINES} more"] if count > MOST_LINES else []
