"""Events a homeserver pushed, kept until they were handed on (table pushed_event)."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from comatrix.gateway.edges.store.service_users import Transactional

REMEMBERED = 10_000  # event ids known as handed on; a homeserver repeats only its last transaction
MAX_PAGE = 200


class PushedEvents:
    """Positions grow by one an event and are never used twice."""

    def __init__(self, store: Transactional) -> None:
        self._store = store

    async def add(self, events: Sequence[Mapping[str, Any]]) -> int:
        """Keeps the events not known yet by their event_id -> how many; synced on return. Raises StoreError."""
        rows = [(event["event_id"], json.dumps(event, separators=(",", ":")).encode()) for event in events]
        if not rows:
            return 0

        def job(connection: sqlite3.Connection) -> int:
            before = connection.total_changes
            connection.executemany("INSERT OR IGNORE INTO pushed_event (event_id, event) VALUES (?, ?)", rows)
            return connection.total_changes - before

        return await self._store.run(job)

    def after(self, position: int) -> tuple[int, list[dict[str, Any]]]:
        """-> (position of the last one, events after `position`, oldest first); at most 200 a call."""

        def look(connection: sqlite3.Connection) -> tuple[int, list[dict[str, Any]]]:
            query = "SELECT id, event FROM pushed_event WHERE id > ? AND length(event) > 0 ORDER BY id LIMIT ?"
            rows = connection.execute(query, (position, MAX_PAGE)).fetchall()
            return (rows[-1][0] if rows else position), [json.loads(row[1]) for row in rows]

        return self._store.read(look)

    def handed_on(self) -> int:
        """Up to this position every event was dealt with."""

        def look(connection: sqlite3.Connection) -> int:
            waiting = connection.execute("SELECT min(id) FROM pushed_event WHERE length(event) > 0").fetchone()[0]
            newest = connection.execute("SELECT max(id) FROM pushed_event").fetchone()[0]
            return int(newest or 0) if waiting is None else int(waiting) - 1

        return self._store.read(look)

    async def settle(self, position: int) -> None:
        """Everything up to `position` was dealt with: contents go at once, ids after 10,000 more. Raises StoreError."""

        def job(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE pushed_event SET event = x'' WHERE id <= ? AND length(event) > 0", (position,))
            connection.execute(
                "DELETE FROM pushed_event WHERE length(event) = 0 AND id <= (SELECT max(id) FROM pushed_event) - ?",
                (REMEMBERED,),
            )

        await self._store.run(job)
