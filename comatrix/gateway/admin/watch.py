"""How the gateway is, and what nodes say as it arrives."""

import sqlite3
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

from comatrix import __version__
from comatrix.gateway.admin import arguments
from comatrix.gateway.admin.collaborators import Args, Collaborators
from comatrix.gateway.admin.nodes import find
from comatrix.gateway.admin.rooms import named
from comatrix.gateway.config.values import size_bytes
from comatrix.gateway.edges.store import nodes, outbox, records, rooms
from comatrix.gateway.edges.store.checkup import used_bytes
from comatrix.gateway.errors import Unreachable
from comatrix.gateway.model import Node, Record
from comatrix.gateway.uplink.formats.pack import apart

MOST_TAILED = 1_000
LOOK_EVERY_S = 0.5


class WatchOperations:
    """status, tail."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def status(self, args: Args) -> dict[str, Any]:
        """{} -> counts, how far each room is behind, and under "live" what the running gateway says (None offline).

        Offline a room has no `lag_ms`, `next_ms`, `rate` and `trouble`."""
        live = self._given.live
        most = size_bytes(self._given.settings.store.max_size)

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
                "paused_rooms": {named(room): room.paused for room in rooms.all_rooms(connection) if room.paused},
                "rooms": _behind(connection),
                "blocked": [node.name for node in nodes.all_nodes(connection) if node.blocked],
                "database": {"used": used_bytes(connection), "max_size": most},
            }

        found = self._given.store.read(look)
        said = dict(live()) if live else None
        known = {one["room_id"]: one for one in (said or {}).get("lags", [])}
        found["rooms"] = [one | known.get(one["room_id"], {}) for one in found["rooms"]]
        return found | {"homeserver": self._given.settings.homeserver.url, "live": said}

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
            return [_record_json(one, known.get(one.node)) for record in find(connection) for one in apart(record)]

        return self._given.store.read(look)


def _behind(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every room that nodes are bound to, or for which something waits."""
    waiting = {room: (count, oldest_ms) for room, count, oldest_ms in outbox.lags(connection)}
    bound = {node.room for node in nodes.all_nodes(connection)} | set(nodes.bound_rooms(connection).values())
    return [
        {
            "room": named(room),
            "room_id": room.room_id,
            "encrypted": room.encrypted,
            "paused": room.paused,
            "waiting": waiting.get(room.id, (0, None))[0],
            "oldest_ms": waiting.get(room.id, (0, None))[1],
        }
        for room in rooms.all_rooms(connection)
        if room.id in bound or room.id in waiting
    ]


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
