"""Which node may send texts to which other: granted by a person, and nothing without."""

import sqlite3
from typing import Any

from comatrix.gateway.admin import arguments
from comatrix.gateway.admin.collaborators import Args, Collaborators
from comatrix.gateway.admin.nodes import NodeOperations, find
from comatrix.gateway.edges.store import grants, nodes
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import Node


class GrantOperations:
    """node.grant and .ungrant."""

    def __init__(self, given: Collaborators, node_operations: NodeOperations) -> None:
        self._given = given
        self._nodes = node_operations

    async def grant(self, args: Args) -> dict[str, Any]:
        """{name, to} -> the sender. It may send texts to the other node from now on, not the other way round."""
        sender, receiver = self._pair(args)
        if sender == receiver:
            raise UsageError(f"{sender.name} cannot send texts to itself.", "comatrix node list")
        await self._given.store.run(lambda connection: grants.grant(connection, sender.number, receiver.number))
        return await self._changed(sender)

    async def ungrant(self, args: Args) -> dict[str, Any]:
        """{name, to} -> the sender. What of it still waits for the other node is withdrawn."""
        sender, receiver = self._pair(args)
        now_ms = self._given.now_ms()

        def job(connection: sqlite3.Connection) -> bool:
            return grants.ungrant(connection, sender.number, receiver.number, now_ms)

        if not await self._given.store.run(job):
            raise UsageError(
                f"{sender.name} may not send texts to {receiver.name} as it is.", f"comatrix node show {sender.name}"
            )
        return await self._changed(sender)

    def _pair(self, args: Args) -> tuple[Node, Node]:
        known = self._given.store.read(nodes.all_nodes)
        return find(known, arguments.text(args, "name")), find(known, arguments.text(args, "to"))

    async def _changed(self, sender: Node) -> dict[str, Any]:
        self._given.changed("node", sender.number)
        return await self._nodes.show({"name": sender.name})
