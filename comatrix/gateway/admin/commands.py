"""Commands to nodes, typed on the gateway's own command line: they wait in the same mailbox as those of rooms."""

import sqlite3
from typing import Any

from comatrix.gateway.admin import arguments
from comatrix.gateway.admin.collaborators import Args, Collaborators
from comatrix.gateway.admin.nodes import find
from comatrix.gateway.config.values import check_span, span_ms
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
        ttl_ms = span_ms(arguments.maybe_text(args, "ttl", check_span) or settings.ttl)
        name, words = arguments.maybe_text(args, "name") or "", arguments.texts(args, "words")

        def job(connection: sqlite3.Connection) -> Item:
            order = _order(connection, node, verb, name, words)
            now_ms = self._given.now_ms()
            new = NewItem(node.number, order, OPERATOR, now_ms, now_ms + ttl_ms)
            return mailbox.add(connection, new, node.enrolment, settings.per_node)[0]

        item = await self._given.store.run(job)
        self._given.changed("command", item.number)
        return item_json(item, node.name)

    async def list(self, args: Args) -> list[dict[str, Any]]:
        """{node, all} -> commands that are open, or with `all` the newest of any state, by number."""
        name, everything = arguments.maybe_text(args, "node"), arguments.flag(args, "all")
        wanted = None if name is None else find(self._given.store.read(nodes.all_nodes), name).number

        def look(connection: sqlite3.Connection) -> list[dict[str, Any]]:
            items = mailbox.recent(connection, MOST_SHOWN) if everything else mailbox.open_items(connection)
            called = {node.number: node.name for node in nodes.all_nodes(connection, revoked=True)}
            shown = [item for item in items if wanted in (None, item.new.node)]
            return [item_json(item, called[item.new.node]) for item in sorted(shown, key=lambda item: item.number)]

        return self._given.store.read(look)

    async def show(self, args: Args) -> dict[str, Any]:
        """{number} -> the command as it stands."""
        number = arguments.whole(args, "number", 1, HIGHEST_NUMBER)

        def look(connection: sqlite3.Connection) -> dict[str, Any] | None:
            item = mailbox.by_number(connection, number)
            node = None if item is None else nodes.by_number(connection, item.new.node)
            return None if item is None or node is None else item_json(item, node.name)

        found = self._given.store.read(look)
        if found is None:
            raise UsageError(f"There is no command {number}.", "comatrix command list --all")
        return found

    async def cancel(self, args: Args) -> dict[str, Any]:
        """{number} -> the command. What was on air cannot be called back."""
        before = await self.show(args)
        number = int(before["number"])
        if before["state"] != states.QUEUED:
            raise UsageError(
                f"Command {number} is {before['state'].replace('_', ' ')}: only one that waits can be cancelled.",
                f"comatrix command show {number}",
            )
        now_ms = self._given.now_ms()
        await self._given.store.run(
            lambda connection: mailbox.end(connection, number, states.CANCELLED_BY, now_ms, "the operator")
        )
        self._given.changed("command", number)
        return await self.show(args)


def _order(connection: sqlite3.Connection, node: Node, verb: str, name: str, words: list[str]) -> Order:
    """Raises UsageError in the catalogue's words."""
    try:
        return catalogue.order(descriptions.read(connection, node.number), verb, name, words)
    except catalogue.CatalogueError as error:
        raise UsageError(f"{node.name}: {error.text}", f"comatrix node show {node.name}") from None


def item_json(item: Item, name: str) -> dict[str, Any]:
    """A command for a program."""
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
    }
