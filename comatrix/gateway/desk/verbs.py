"""What each command does, as a step of the transaction that hears it. The table of verbs stands at the end."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from comatrix.gateway.desk.alarm_verb import alarm_text
from comatrix.gateway.desk.sitting import Sitting
from comatrix.gateway.downlink import catalogue, listing, states
from comatrix.gateway.downlink.airtime_report import Air, report_text
from comatrix.gateway.downlink.catalogue import CatalogueError
from comatrix.gateway.downlink.grammar import Parsed
from comatrix.gateway.downlink.help import help_text, node_help_text, verb_help_text
from comatrix.gateway.downlink.items import Item
from comatrix.gateway.downlink.listing import NodeNow
from comatrix.gateway.downlink.quantities import QuantityError
from comatrix.gateway.downlink.verbs import VERBS
from comatrix.gateway.edges.store import (
    contexts,
    descriptions,
    grants,
    mailbox,
    nodes,
    plots,
    records,
    replies,
    series,
    status,
)
from comatrix.gateway.edges.store.plots import Asked
from comatrix.gateway.edges.store.status import NodeStatus
from comatrix.gateway.errors import GatewayError, MailboxFull
from comatrix.gateway.model import Node
from comatrix.gateway.plotting import asking
from comatrix.gateway.plotting.series import Series, course
from comatrix.gateway.provisioning import check_name
from comatrix.gateway.uplink.rendering import reading_words

MOST_OF_ALL = 20  # nodes one "all" speaks to: each has a reply of its own
MOST_PLOTS = 16  # that wait to be drawn
COURSE_ROWS = 480  # looked at for how a word went: 20 a bar
LAST_AMONG = 20  # records looked through for a node's last reading

Seen = Callable[[int], int | None]  # node -> when the running gateway heard it last, Unix ms
Verb = Callable[["Verbs", Sitting, Parsed, Sequence[Node]], None]


class Verbs:
    """`here` is always the nodes of the room the command was typed in, and no others. `air(here)`: the links."""

    def __init__(self, seen: Seen, prefix: str, air: Air) -> None:
        self._seen = seen
        self._prefix = prefix
        self._air = air

    def act(self, sitting: Sitting, parsed: Parsed, here: Sequence[Node]) -> None:
        """Carry out a command of somebody who may."""
        TABLE[parsed.verb](self, sitting, parsed, here)

    def help(self, sitting: Sitting, parsed: Parsed, here: Sequence[Node]) -> None:
        """What can be typed, how one command is written, or what a node can be told."""
        node, verb = _named(parsed, here), VERBS.get(parsed.node.casefold())
        if node is not None:
            described = descriptions.read(sitting.connection, node.number)
            sitting.tell(node_help_text(node.name, described, self._prefix))
        else:
            sitting.tell(help_text(prefix=self._prefix) if verb is None else verb_help_text(verb, self._prefix))

    def nodes(self, sitting: Sitting, parsed: Parsed, here: Sequence[Node]) -> None:
        """The nodes of the room."""
        sitting.tell(listing.nodes_text([self._now(sitting, node) for node in here], sitting.now_ms))

    def status(self, sitting: Sitting, parsed: Parsed, here: Sequence[Node]) -> None:
        """How one node is, or all."""
        node = _named(parsed, here)
        if node is None:
            self.nodes(sitting, parsed, here)
        else:
            now = replace(self._now(sitting, node), course=_course(sitting.connection, node, sitting.now_ms))
            sitting.tell(listing.status_text(now, sitting.now_ms))

    def queue(self, sitting: Sitting, parsed: Parsed, here: Sequence[Node]) -> None:
        """What waits for one node, or all."""
        node = _named(parsed, here)
        wanted = {one.number: one.name for one in here if node is None or one.number == node.number}
        waiting = [item for item in mailbox.open_items(sitting.connection) if item.new.node in wanted]
        sitting.tell(listing.queue_text([(wanted[item.new.node], item) for item in waiting], sitting.now_ms))

    def air(self, sitting: Sitting, parsed: Parsed, here: Sequence[Node]) -> None:
        """What the links have used and have left of their airtime."""
        sitting.tell(report_text(self._air(here), sitting.now_ms))

    def order(self, sitting: Sitting, parsed: Parsed, here: Sequence[Node]) -> None:
        """set, get, call, say."""
        node = _named(parsed, here)
        assert node is not None
        refused = self._order(sitting, parsed, node)
        if refused:
            sitting.tell(refused)

    def all(self, sitting: Sitting, parsed: Parsed, here: Sequence[Node]) -> None:
        """The same to every node here that knows it."""
        each = parsed.each
        assert each is not None
        if len(here) > MOST_OF_ALL:
            sitting.tell(f"{len(here)} nodes are bound to this room; all speaks to at most {MOST_OF_ALL} at a time.")
            return
        refused = [self._order(sitting, replace(each, node=node.name), node, alone=False) for node in here]
        if any(refused) or not here:
            sitting.tell("\n".join(filter(None, refused)) or "No node is bound to this room.")

    def cancel(self, sitting: Sitting, parsed: Parsed, here: Sequence[Node]) -> None:
        """What still waits is taken back. A command's own reply says that it was, where it has one here."""
        told = [self._cancel(sitting, word, here) for word in dict.fromkeys(parsed.words)]
        if any(told):
            sitting.tell("\n".join(filter(None, told)))

    def block(self, sitting: Sitting, parsed: Parsed, here: Sequence[Node]) -> None:
        """A node is heard no more, or again."""
        node, blocked = _named(parsed, here), parsed.verb == "block"
        assert node is not None
        nodes.block(sitting.connection, node.number, blocked)
        sitting.nodes.append(node.number)
        heard = f"not heard any more, until: {self._prefix} unblock {node.name}" if blocked else "heard again."
        sitting.tell(f"{node.name} is {heard}")

    def rename(self, sitting: Sitting, parsed: Parsed, here: Sequence[Node]) -> None:
        """Another name; number, keys and records stay."""
        node = _named(parsed, here)
        assert node is not None
        taken = [one.name for one in nodes.all_nodes(sitting.connection) if one.number != node.number]
        try:
            check_name(parsed.name, taken)
        except GatewayError as error:
            sitting.tell(error.text)
            return
        if parsed.name != node.name:
            nodes.rename(sitting.connection, node.number, parsed.name)
            sitting.nodes.append(node.number)
        sitting.tell(f"{node.name} is called {parsed.name} now.")

    def revoke(self, sitting: Sitting, parsed: Parsed, here: Sequence[Node]) -> None:
        """A node's keys go, for good; what waits for it is withdrawn."""
        node = _named(parsed, here)
        assert node is not None
        nodes.revoke(sitting.connection, node.number)
        contexts.revoke(sitting.connection, node.number)
        sitting.changed += grants.forget(sitting.connection, node.number, sitting.now_ms)
        sitting.changed += mailbox.expire(sitting.connection, sitting.now_ms, node.number)
        sitting.nodes.append(node.number)
        sitting.tell(f"{node.name} is revoked: its keys are gone. To have it again: comatrix node add")

    def alarm(self, sitting: Sitting, parsed: Parsed, here: Sequence[Node]) -> None:
        """A limit of a reading: set, off, or those that are set."""
        node = _named(parsed, here)
        assert node is not None
        sitting.tell(alarm_text(sitting, parsed, node))
        if parsed.level != "view":
            sitting.nodes.append(node.number)

    def plot(self, sitting: Sitting, parsed: Parsed, here: Sequence[Node]) -> None:
        """A reading as a picture: it is drawn and answered later (picturing.py)."""
        node, word = _named(parsed, here), asking.word(parsed.name)
        assert node is not None and sitting.place is not None
        if word is None:
            sent = series.words_sent(sitting.connection, node.number)
            sitting.tell(asking.no_such_word(parsed.name, node.name, sent, self._prefix))
            return
        try:
            span_ms = asking.span(parsed.words)
        except QuantityError as error:
            sitting.tell(f"{error.text} For example: {self._prefix} plot {node.name} {word.name} 24h")
            return
        if plots.count(sitting.connection) >= MOST_PLOTS:
            sitting.tell(f"{MOST_PLOTS} pictures wait to be drawn already. Ask again in a minute.")
            return
        since_ms = sitting.now_ms - span_ms
        asked = Asked(sitting.room.id, sitting.place, node.number, word.number, since_ms, sitting.now_ms)
        plots.add(sitting.connection, asked)
        sitting.sealed = True  # something is to be sent

    def number_here(self, sitting: Sitting, number: str, here: Sequence[Node]) -> Item | None:
        """The command people call so, where it is for a node of this room."""
        item = mailbox.by_number(sitting.connection, int(number))
        return item if item is not None and item.new.node in {node.number for node in here} else None

    def _order(self, sitting: Sitting, parsed: Parsed, node: Node, *, alone: bool = True) -> str:
        """-> why it is not queued, or ""."""
        described, options = descriptions.read(sitting.connection, node.number), parsed.options
        try:
            order = catalogue.order(described, parsed.verb, parsed.name, parsed.words, node=node.name)
            sitting.queue(node, order, ttl_ms=options.get("ttl"), priority=options.get("priority"), alone=alone)
        except CatalogueError as error:
            return error.text
        except MailboxFull as full:
            return f"{full.text}: cancel one of them, or wait."
        return ""

    def _cancel(self, sitting: Sitting, number: str, here: Sequence[Node]) -> str:
        """-> what is to be said of it, or ""."""
        item = self.number_here(sitting, number, here)
        if item is None:
            return f"There is no command #{number} here. What waits: {self._prefix} queue"
        if sitting.end(item.number, states.CANCELLED_BY, sitting.sender) is not None:
            reply = replies.of(sitting.connection, item.number)
            seen = reply is not None and reply.room_id == sitting.room.room_id
            return "" if seen else f"#{item.number} is cancelled."
        if item.state == states.ON_AIR:
            return f"#{item.number} is on air already and cannot be called back."
        return f"#{item.number} is over: {item.state.replace('_', ' ')}."

    def _now(self, sitting: Sitting, node: Node) -> NodeNow:
        known = status.of(sitting.connection, node.number)
        last, last_ms = _last_reading(sitting.connection, node.number)
        return NodeNow(
            name=node.name,
            blocked=node.blocked,
            seen_ms=last_contact_ms(known, self._seen(node.number)),
            interval_s=known.wake_interval_s,
            battery_cv=known.battery_cv,
            firmware=known.firmware,
            last=last,
            last_ms=last_ms,
            waiting=len(mailbox.open_items(sitting.connection, node.number)),
        )


def last_contact_ms(known: NodeStatus, live_ms: int | None) -> int | None:
    """As the store knows it, or the running gateway, which hears more than is stored."""
    return max((at_ms for at_ms in (known.last_seen_ms, live_ms) if at_ms is not None), default=None)


def find(here: Sequence[Node], name: str) -> Node | None:
    """The node of the room with this name, in any case."""
    return next((node for node in here if node.name.casefold() == name.casefold()), None)


def _named(parsed: Parsed, here: Sequence[Node]) -> Node | None:
    """None: none is named. That it is here was found out before."""
    return find(here, parsed.node) if parsed.node else None


def _last_reading(connection: sqlite3.Connection, node: int) -> tuple[str, int | None]:
    for record in reversed(records.tail(connection, LAST_AMONG, node)):
        words = reading_words(record)
        if words:
            return words, record.measured_ms
    return "", None


def _course(connection: sqlite3.Connection, node: Node, now_ms: int) -> list[str]:
    """How the main words went in the last 24 h, a line each."""
    since_ms = now_ms - asking.DEFAULT_MS
    words = asking.main_words(series.words_sent(connection, node.number))
    numbers = [word.number for word in words]
    found = series.readings(
        connection, node.number, numbers, since_ms, now_ms, most=COURSE_ROWS, walked=series.WALKED_AT_ONCE
    )
    lines = [course(Series(node.name, word, found[word.number], since_ms, now_ms)) for word in words]
    return [line for line in lines if line]


TABLE: Mapping[str, Verb] = {
    "help": Verbs.help,
    "nodes": Verbs.nodes,
    "status": Verbs.status,
    "queue": Verbs.queue,
    "air": Verbs.air,
    "get": Verbs.order,
    "set": Verbs.order,
    "call": Verbs.order,
    "say": Verbs.order,
    "all": Verbs.all,
    "cancel": Verbs.cancel,
    "block": Verbs.block,
    "unblock": Verbs.block,
    "rename": Verbs.rename,
    "revoke": Verbs.revoke,
    "plot": Verbs.plot,
    "alarm": Verbs.alarm,
}
