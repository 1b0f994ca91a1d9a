"""Gateways with one mistake each, as people make them. The harness has to find every one."""

import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path

from comatrix.gateway.clock import wall_ms
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.store.delivery import Delivery
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.edges.store.transactions import Told
from comatrix.gateway.model import Appended, HomeserverAnswer, NewRecord, SealedRow, Voice, WindowMove
from tests.chaos.broken.gateway import Parts

FOLD_AT = 48
CHECKPOINT_PAGES = 60


class AcknowledgesFirst(Store):
    """Answers a node, then stores: fast, and right as long as nothing happens."""

    def append(self, record: NewRecord | None, window: WindowMove | None, done: Callable[[Told], None]) -> None:
        """As Store.append, but `done` comes first."""
        done(Appended(0))
        super().append(record, window, lambda told: None)


class NewTransactionEachTime(MatrixClient):
    """Thinks of a transaction id as of a request's."""

    async def send_event(
        self, room_id: str, event_type: str, txn_id: str, content: bytes, *, voice: Voice | None = None
    ) -> HomeserverAnswer:
        """As MatrixClient.send_event, under a random id."""
        return await super().send_event(room_id, event_type, secrets.token_hex(8), content, voice=voice)


class Regroups(Delivery):
    """After a crash, takes what was sealed together with what came since: fewer events."""

    async def begin(self) -> list[SealedRow]:
        """As Delivery.begin, with nothing left sealed."""
        for row in reversed(await super().begin()):
            await self.unseal(row, "regrouped")
        return []


def relaxed(path: Path) -> Store:
    """synchronous = NORMAL: the log is synced at a checkpoint only."""
    return _with(path, "PRAGMA synchronous = NORMAL")


def hasty(path: Path) -> Store:
    """Nothing wrong: what is rare, folding the log and checkpoints, happens all the time."""
    store = Store.open(path, wall_ms(), fold_at=FOLD_AT)
    _writer(store).execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return store


def _with(path: Path, pragma: str) -> Store:
    store = Store.open(path, wall_ms())
    _writer(store).execute(pragma)
    return store


def _writer(store: Store) -> sqlite3.Connection:
    """No job can set these: they are refused within a transaction."""
    return store._writer


VARIANTS = {
    "sound": Parts(),
    "hasty": Parts(store=hasty),
    "acknowledges first": Parts(store=lambda path: AcknowledgesFirst.open(path, wall_ms())),
    "synchronous normal": Parts(store=relaxed),
    "a transaction an attempt": Parts(client=NewTransactionEachTime),
    "regroups": Parts(delivery=Regroups),
}
