"""Commands to nodes, typed on the gateway's own command line: they wait in the same mailbox as those of rooms."""

import sqlite3
from typing import Any

from comatrix.gateway.admin import arguments
from comatrix.gateway.admin.collaborators import Args, Collaborators
from comatrix.gateway.admin.nodes import find
from comatrix.gateway.config.values import check_waiting_span, span_ms
from comatrix.gateway.downlink import catalogue, states
from comatrix.gateway.downlink.items import VERBS, Item, NewItem, Order
from comatrix.gateway.edges.store import descriptions, mailbox, nodes
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import Node

OPERATOR = "comatrix command"  # who asks where nobody on Matrix does
MOST_SHOWN = 100
HIGHEST_NUMBER = (1 << 63) - 1


class CommandOperations:
    """command.add, command.list, command.show, command.cancel."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def add(self, args: Args) -> dict[str, Any]:
        """{verb, node, name, words, ttl} -> the command as it waits."""
        node = find(self._given.store.read(nodes.all_nodes), arguments.text(args, "node"))
        verb = arguments.text(args, "verb")
        if verb not in VERBS:
            raise UsageError(f"verb must be one of {', '.join(VERBS)}.", "comatrix command --help")
        settings = self._given.settings.commands
        ttl_ms = span_ms(arguments.maybe_text(args, "ttl", check_waiting_span) or settings.ttl)
        name, words = arguments.maybe_text(args, "name") or "", arguments.texts(args, "words")

        def job(connection: sqlite3.Connection) -> dict[str, Any]:
            order = _order(connection, node, verb, name, words)
            now_ms = self._given.now_ms()
            new = NewItem(node.number, order, OPERATOR, now_ms, now_ms + ttl_ms)
            item, _ = mailbox.add(connection, new, node.enrolment, settings.per_node)
            return _item_json(connection, item, node.name)

        added = await self._given.store.run(job)
        self._given.changed("command", added["number"])
        return added

    async def list(self, args: Args) -> list[dict[str, Any]]:
        """{node, all} -> a node's commands that are open, or with `all` its newest of any state; by number."""
        name, everything = arguments.maybe_text(args, "node"), arguments.flag(args, "all")
        wanted = None if name is None else find(self._given.store.read(nodes.all_nodes), name).number

        def look(connection: sqlite3.Connection) -> list[dict[str, Any]]:
            if everything:
                shown = mailbox.recent(connection, MOST_SHOWN, wanted)
            else:
                shown = mailbox.open_items(connection, wanted)
            called = {node.number: node.name for node in nodes.all_nodes(connection, revoked=True)}
            in_order = sorted(shown, key=lambda item: item.number)
            return [_item_json(connection, item, called[item.new.node]) for item in in_order]

        return self._given.store.read(look)

    async def show(self, args: Args) -> dict[str, Any]:
        """{number} -> the command as it stands."""
        number = arguments.whole(args, "number", 1, HIGHEST_NUMBER)

        def look(connection: sqlite3.Connection) -> dict[str, Any] | None:
            item = mailbox.by_number(connection, number)
            node = None if item is None else nodes.by_number(connection, item.new.node)
            return None if item is None or node is None else _item_json(connection, item, node.name)

        found = self._given.store.read(look)
        if found is None:
            raise UsageError(f"There is no command {number}.", "comatrix command list --all")
        return found

    async def cancel(self, args: Args) -> dict[str, Any]:
        """{number} -> the command. What was on air cannot be called back."""
        number = int((await self.show(args))["number"])
        now_ms = self._given.now_ms()
        ended = await self._given.store.run(
            lambda connection: mailbox.end(connection, number, states.CANCELLED_BY, now_ms, "the operator")
        )
        found = await self.show(args)
        if ended is None:
            raise UsageError(
                f"Command {number} is {found['state'].replace('_', ' ')}: only one that waits can be cancelled.",
                f"comatrix command show {number}",
            )
        self._given.changed("command", number)
        return found


def _order(connection: sqlite3.Connection, node: Node, verb: str, name: str, words: list[str]) -> Order:
    """Raises UsageError in the catalogue's words."""
    try:
        return catalogue.order(descriptions.read(connection, node.number), verb, name, words, node=node.name)
    except catalogue.CatalogueError as error:
        raise UsageError(error.text, f"comatrix node show {node.name}") from None


def _item_json(connection: sqlite3.Connection, item: Item, name: str) -> dict[str, Any]:
    """A command for a program. `value`: the node's own, as it came; `told`: the same in words."""
    described = descriptions.read(connection, item.new.node)
    return {
        "number": item.number,
        "node": name,
        "verb": item.new.order.verb,
        "name": item.new.order.name,
        "shown": item.new.order.shown,
        "sender": item.new.sender,
        "state": item.state,
        "attempts": item.attempts,
        "created_ms": item.new.created_ms,
        "expires_ms": item.new.expires_ms,
        "aired_ms": item.aired_ms,
        "ended_ms": item.ended_ms,
        "reason": item.reason,
        "value": item.value,
        "told": catalogue.value_words(described, item.new.order, item.value),
    }
