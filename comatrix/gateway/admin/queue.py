"""What waits for the homeserver, and what a person decides about what was parked."""

import sqlite3
from typing import Any

from comatrix.gateway.admin import arguments
from comatrix.gateway.admin.collaborators import Args, Collaborators
from comatrix.gateway.admin.rooms import named
from comatrix.gateway.edges.store import outbox, rooms
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import SealedRow

MOST_SHOWN = 1_000
HIGHEST_ID = (1 << 63) - 1


class QueueOperations:
    """queue.list, queue.retry, queue.drop."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def list(self, args: Args) -> dict[str, Any]:
        """{parked} -> {waiting: records not sealed yet, rooms: how far each is behind, rows: sealed and parked events,
        or parked alone}. Offline a room has no `next_ms`, `rate` and `trouble`."""
        only_parked = arguments.flag(args, "parked")

        def look(connection: sqlite3.Connection) -> dict[str, Any]:
            called = {room.id: named(room) for room in rooms.all_rooms(connection)}
            rows = outbox.parked_rows(connection) + ([] if only_parked else outbox.open_rows(connection))
            shown = [_row_json(row, called.get(row.room, row.room_id)) for row in rows[:MOST_SHOWN]]
            rooms_behind = [
                {"room": called.get(room, ""), "waiting": waiting, "oldest_ms": oldest_ms}
                for room, waiting, oldest_ms in outbox.lags(connection)
            ]
            return {"waiting": outbox.counts(connection)["waiting"], "rooms": rooms_behind, "rows": shown}

        found = self._given.store.read(look)
        live = {} if self._given.live is None else self._given.live()
        known = {one["room"]: one for one in live.get("lags", [])}
        rooms_behind = [one | known.get(one["room"], {}) for one in found["rooms"]]
        return found | {"rooms": rooms_behind}

    async def retry(self, args: Args) -> dict[str, Any]:
        """{id} or {} for all -> {ids}. The same bytes go out again; where its room cannot be read, one that did arrive
        may show twice."""
        return await self._decide(args, outbox.retry)

    async def drop(self, args: Args) -> dict[str, Any]:
        """{id} or {} for all -> {ids}. Its records stay in the log and are never posted."""
        return await self._decide(args, outbox.drop)

    async def _decide(self, args: Args, decide: Any) -> dict[str, Any]:
        chosen = None if args.get("id") is None else arguments.whole(args, "id", 1, HIGHEST_ID)

        def run(connection: sqlite3.Connection) -> list[int]:
            ids = [row.id for row in outbox.parked_rows(connection)] if chosen is None else [chosen]
            return [id for id in ids if decide(connection, id)]

        done = await self._given.store.run(run)
        if chosen is not None and not done:
            raise UsageError(f"Event {chosen} is not parked.", "comatrix queue --parked")
        for id in done:
            self._given.changed("queue", id)
        return {"ids": done}


def _row_json(row: SealedRow, room: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "room": room,
        "state": row.state,
        "reason": row.reason,
        "in_doubt": row.in_doubt,
        "attempts": row.attempts,
        "sealed_ms": row.sealed_ms,
        "oldest_ms": row.oldest_ms or None,
        "sender": row.sender,
        "records": len(row.records),
    }
