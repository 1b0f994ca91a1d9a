"""What was done for the users of the application service (tables service_user, service_member)."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


class Transactional(Protocol):
    """The part of Store that is used here."""

    @property
    def instance(self) -> str: ...
    async def run(self, job: Callable[[sqlite3.Connection], T]) -> T: ...
    def read(self, job: Callable[[sqlite3.Connection], T]) -> T: ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """A user that cannot be in a room, and why, in words."""

    user_id: str
    room_id: str
    reason: str


class ServiceUserBook:
    """The tables as the service's users need them. Writes return once synced; raise StoreError."""

    def __init__(self, store: Transactional) -> None:
        self._store = store

    async def begin(self) -> None:
        """At start: a copy put back knows nothing for certain, so that its rows are dropped."""
        await self._store.run(self._begin)

    def _begin(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT value FROM meta WHERE key = 'service_users_of'").fetchone()
        if row is not None and row[0] == self._store.instance:
            return
        connection.execute("DELETE FROM service_user")
        connection.execute("DELETE FROM service_member")
        connection.execute("REPLACE INTO meta VALUES ('service_users_of', ?)", (self._store.instance,))

    def users(self) -> dict[str, tuple[str, str]]:
        """User id -> (device, display name), each as last made."""
        query = "SELECT user_id, device, name FROM service_user"
        return self._store.read(lambda connection: {row[0]: (row[1], row[2]) for row in connection.execute(query)})

    def joined(self) -> dict[str, set[str]]:
        """User id -> room ids it joined."""
        return self._store.read(_joined)

    def refusals(self) -> list[Refusal]:
        """Who cannot be where."""
        return self._store.read(refusals)

    def nodes_in_rooms(self) -> dict[int, int]:
        """Room row id -> how many living nodes post there."""
        return self._store.read(_nodes_in_rooms)

    def node_names(self) -> dict[int, str]:
        """Node number -> its name; also of revoked ones, whose last records may still wait."""
        query = "SELECT number, name FROM node"
        return self._store.read(lambda connection: {row[0]: row[1] for row in connection.execute(query)})

    async def save(self, user_id: str, device: str, name: str) -> None:
        """What is certain of this user now."""
        await self._store.run(
            lambda connection: connection.execute(
                "REPLACE INTO service_user (user_id, device, name) VALUES (?, ?, ?)", (user_id, device, name)
            ).close()
        )

    async def save_member(self, user_id: str, room_id: str, refused: str | None) -> None:
        """It joined; or it was `refused`, and why."""
        await self._store.run(
            lambda connection: connection.execute(
                "REPLACE INTO service_member (user_id, room_id, refused) VALUES (?, ?, ?)", (user_id, room_id, refused)
            ).close()
        )


def refusals(connection: sqlite3.Connection) -> list[Refusal]:
    """Ghosts that cannot be in a room; for `doctor` too."""
    query = "SELECT user_id, room_id, refused FROM service_member WHERE refused IS NOT NULL ORDER BY room_id, user_id"
    return [Refusal(*row) for row in connection.execute(query)]


def _joined(connection: sqlite3.Connection) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for user_id, room_id in connection.execute("SELECT user_id, room_id FROM service_member WHERE refused IS NULL"):
        found.setdefault(user_id, set()).add(room_id)
    return found


def _nodes_in_rooms(connection: sqlite3.Connection) -> dict[int, int]:
    query = (
        "SELECT room, count(*) FROM (SELECT number AS node, room FROM node WHERE NOT revoked"
        " UNION SELECT n.node, n.room FROM node_room n JOIN node ON node.number = n.node WHERE NOT node.revoked)"
        " GROUP BY room"
    )
    return dict(connection.execute(query).fetchall())
