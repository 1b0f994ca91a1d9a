"""What the room watch reports, carried to the store and the poster."""

from collections.abc import Callable, Sequence
from typing import Protocol

from comatrix.gateway.directory import Directory
from comatrix.gateway.downlink.hearing import News
from comatrix.gateway.edges.store import rooms
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.upgrades import Upgrades


class Commands(Protocol):
    """Who reads what people say."""

    def watched(self, watched: bool) -> None:
        """Whether what happens to rooms is heard of at once."""

    async def heard(self, news: Sequence[News], since: str) -> None:
        """Stored with the token before this returns. Raises StoreError, Unreachable."""

    async def who_may_changed(self, room_id: str) -> None:
        """Powers or members of a room changed. Raises StoreError, Unreachable."""


class RoomNews:
    """`reload()` makes the poster look at its rooms again, `watched(bool)` whether it may trust what it knows of them;
    `tell` gets lines for the operator."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        upgrades: Upgrades,
        commands: Commands,
        *,
        reload: Callable[[], None],
        watched: Callable[[bool], None],
        tell: Callable[[str], None],
    ) -> None:
        self._store = store
        self._directory = directory
        self._upgrades = upgrades
        self._commands = commands
        self._reload = reload
        self._watched = watched
        self._tell = tell

    def is_configured(self, room_id: str) -> bool:
        """Whether nodes are bound to this room, or will be since it replaces theirs."""
        return self._directory.room_by_id(room_id) is not None or self._upgrades.expects(room_id)

    def following(self, follows: bool) -> None:
        """While we do not follow, a room may have been encrypted since the poster looked."""
        self._watched(follows)
        self._commands.watched(follows)

    async def encrypted(self, room_id: str) -> None:
        """Remembered for ever; the poster tells, and sends nothing there any more (docs/reference/matrix.md)."""
        room = self._directory.room_by_id(room_id)
        if room is None or room.encrypted:
            return
        await self._store.run(lambda connection: rooms.set_encrypted(connection, room.id))
        self._directory.reload_rooms()
        self._reload()

    async def joined(self, room_id: str) -> None:
        """What was forbidden may work now."""
        await self._upgrades.joined(room_id)
        await self._commands.who_may_changed(room_id)
        self._reload()

    async def left(self, room_id: str, membership: str, reason: str) -> None:
        """Told; the poster finds out by itself and keeps what waits. Who may command there cannot be seen any more."""
        await self._commands.who_may_changed(room_id)
        room = self._directory.room_by_id(room_id)
        if room is not None:
            how = "banned from" if membership == "ban" else "no longer in"
            why = f" ({reason})" if reason else ""
            self._tell(f"the bot is {how} room {room.alias or room_id}{why}: invite it again")

    async def upgraded(self, room_id: str, replacement: str, via: str) -> None:
        """Followed."""
        room = self._directory.room_by_id(room_id)
        if room is not None:
            await self._upgrades.closed(room, replacement, via)

    async def power_changed(self, room_id: str) -> None:
        """What was forbidden may be allowed now, and the other way round."""
        self._reload()
        await self._commands.who_may_changed(room_id)

    async def somebody_left(self, room_id: str) -> None:
        """Who asked for something may not be there any more."""
        await self._commands.who_may_changed(room_id)

    async def heard(self, news: Sequence[News], since: str) -> None:
        """Read by the desk."""
        await self._commands.heard(news, since)

    async def settled(self) -> None:
        """Everything of a sync was told: what waits for its time may go on."""
        await self._upgrades.settle()
