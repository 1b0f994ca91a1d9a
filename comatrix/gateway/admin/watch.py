"""How the gateway is, and what nodes say as it arrives."""

import sqlite3
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

from comatrix import __version__
from comatrix.gateway.admin import arguments
from comatrix.gateway.admin.collaborators import Args, Collaborators
from comatrix.gateway.admin.nodes import find
from comatrix.gateway.edges.store import nodes, outbox, records, rooms
from comatrix.gateway.errors import Unreachable
from comatrix.gateway.model import Node, Record

MOST_TAILED = 1_000
LOOK_EVERY_S = 0.5


class WatchOperations:
    """status, tail."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def status(self, args: Args) -> dict[str, Any]:
        """{} -> counts, and under "live" what the running gateway says (None offline)."""
        live = self._given.live

        def look(connection: sqlite3.Connection) -> dict[str, Any]:
            counts = outbox.counts(connection)
            stored = records.counts(connection)
            return {
                "version": __version__,
                "running": live is not None,
                "nodes": len(nodes.all_nodes(connection)),
                "records": sum(total for total, _ in stored.values()),
                "late": sum(late for _, late in stored.values()),
                "waiting": counts["waiting"],
                "sealed": counts.get("sealed", 0),
                "parked": counts.get("parked", 0),
                "posted": counts.get("done", 0),
                "paused_rooms": {
                    room.alias or room.room_id: room.paused for room in rooms.all_rooms(connection) if room.paused
                },
            }

        found = self._given.store.read(look)
        return found | {"homeserver": self._given.settings.homeserver.url, "live": dict(live()) if live else None}

    async def tail(self, args: Args) -> AsyncGenerator[dict[str, Any], None]:
        """{limit, node, follow} -> one item a record, oldest first; with `follow` without end."""
        limit = arguments.whole(args, "limit", 0, MOST_TAILED, 20)
        follow = arguments.flag(args, "follow")
        name = arguments.maybe_text(args, "node")
        node = None if name is None else find(self._given.store.read(nodes.all_nodes), name).number
        last = self._given.store.read(records.newest_id)
        for item in self._shown(lambda connection: records.tail(connection, limit, node) if limit else []):
            yield item
            last = max(last, item["id"])
        if follow and self._given.live is None:
            raise Unreachable("The gateway is not running: nothing new arrives.", "comatrix gateway run")
        while follow:
            await self._given.wait(LOOK_EVERY_S)
            for item in self._shown(partial(records.after, id=last, limit=MOST_TAILED, node=node)):
                yield item
                last = item["id"]

    def _shown(self, find: Callable[[sqlite3.Connection], list[Record]]) -> list[dict[str, Any]]:
        def look(connection: sqlite3.Connection) -> list[dict[str, Any]]:
            known = {one.number: one for one in nodes.all_nodes(connection, revoked=True)}
            return [_record_json(record, known.get(record.node)) for record in find(connection)]

        return self._given.store.read(look)


def _record_json(record: Record, node: Node | None) -> dict[str, Any]:
    return {
        "id": record.id,
        "node": record.node,
        "name": node.name if node else f"node {record.node}",
        "enrolment": record.enrolment,
        "seq": record.seq,
        "kind": record.kind,
        "body": record.body.hex(),
        "measured_ms": record.measured_ms,
        "received_ms": record.received_ms,
        "late": record.late,
    }
