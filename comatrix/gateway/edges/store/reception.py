"""What receiving needs of the store: records appended, counters reserved, contexts replaced, hellos noted."""

import sqlite3
from collections.abc import Callable

from comatrix.codec.records import Hello
from comatrix.gateway.edges.store import contexts, status
from comatrix.gateway.edges.store.status import NodeStatus
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.edges.store.transactions import Told
from comatrix.gateway.model import UDP, NewRecord, WindowMove
from comatrix.gateway.uplink.associations import Rekeyed


class Reception:
    """The store as the receiver sees it. `link`: whose contexts it replaces."""

    link = UDP

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, record: NewRecord | None, window: WindowMove | None, done: Callable[[Told], None]) -> None:
        """As Store.append."""
        self._store.append(record, window, done)

    async def reserve(self, context: int, reserved: int) -> None:
        """The gateway's sender counters below `reserved` may be used. Raises StoreError."""
        await self._store.run(lambda connection: contexts.reserve(connection, context, reserved), refusable=True)

    async def settle(self, context: int) -> None:
        """Older contexts of the node die. Raises StoreError."""
        await self._store.run(lambda connection: contexts.settle(connection, context), refusable=True)

    async def rekey(self, made: Rekeyed, window: WindowMove) -> int:
        """A context made by Appendix B.2 replaces the older ones of its secret -> its row id. Raises StoreError."""

        def job(connection: sqlite3.Connection) -> int:
            context = contexts.rekey(connection, made.node, self.link, made.secret, made.extra)
            contexts.move_windows(connection, [WindowMove(context.id, window.highest, window.mask)])
            return context.id

        return await self._store.run(job, refusable=True)

    async def hello(self, node: int, hello: Hello, window: WindowMove | None, now_ms: int) -> None:
        """What a hello said about its node, and the window its request moved. Raises StoreError."""
        said = NodeStatus(
            node,
            last_seen_ms=now_ms,
            firmware=hello.firmware,
            wake_interval_s=hello.interval_s,
            battery_cv=hello.battery_cv,
            vocabulary=hello.vocabulary,
            description_hash=hello.description,
            executed_id=hello.executed,
        )

        def job(connection: sqlite3.Connection) -> None:
            status.update(connection, said)
            if window is not None:
                contexts.move_windows(connection, [window])

        await self._store.run(job, refusable=True)
