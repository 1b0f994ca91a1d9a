"""What the room watch reports, carried to the store and the poster."""

from collections.abc import Callable, Sequence

from comatrix.gateway.directory import Directory
from comatrix.gateway.downlink.hearing import News
from comatrix.gateway.edges.store import heard, rooms
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.upgrades import Upgrades


class RoomNews:
    """`reload()` makes the poster look at its rooms again, `watched(bool)` whether it may trust what it knows of them;
    `tell` gets lines for the operator. `whose`: whose tokens those of the intake are."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        upgrades: Upgrades,
        *,
        reload: Callable[[], None],
        watched: Callable[[bool], None],
        tell: Callable[[str], None],
        whose: str,
    ) -> None:
        self._store = store
        self._directory = directory
        self._upgrades = upgrades
        self._reload = reload
        self._watched = watched
        self._tell = tell
        self._whose = whose

    def is_configured(self, room_id: str) -> bool:
        """Whether nodes are bound to this room, or will be since it replaces theirs."""
        return self._directory.room_by_id(room_id) is not None or self._upgrades.expects(room_id)

    def following(self, follows: bool) -> None:
        """While we do not follow, a room may have been encrypted since the poster looked."""
        self._watched(follows)

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
        self._reload()

    async def left(self, room_id: str, membership: str, reason: str) -> None:
        """Told; the poster finds out by itself and keeps what waits."""
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
        """What was forbidden may be allowed now."""
        self._reload()

    async def heard(self, news: Sequence[News], since: str) -> None:
        """The token is kept; nobody acts on the news yet."""
        await self._store.run(lambda connection: heard.set_since(connection, self._whose, since))

    async def settled(self) -> None:
        """Everything of a sync was told: what waits for its time may go on."""
        await self._upgrades.settle()
