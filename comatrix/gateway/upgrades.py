"""Follows a room that was replaced (m.room.tombstone) into the room that takes its place (docs/reference/matrix.md,
section Reading the room): join it, look whether it names the old one, bind the nodes to it."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from comatrix.gateway.directory import Directory
from comatrix.gateway.edges.store import rooms
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import HomeserverAnswer, Room

log = logging.getLogger(__name__)

RETRY_MS = 30_000  # the homeserver did not answer
CLOSED_RETRY_MS = 600_000  # it does not let us in: an invite is what helps
MOST_IN_A_ROW = 20  # rooms replaced by rooms that were replaced
REASON_NOT_FOLLOWED = "This room does not name the room that it is to replace."


class Matrix(Protocol):
    """The calls it makes, as the bot."""

    @property
    def user_id(self) -> str:
        """Who is to be invited."""

    async def join(self, room: str, via: Sequence[str] = ()) -> HomeserverAnswer:
        """Joining twice is 200."""

    async def leave(self, room_id: str, reason: str = "") -> HomeserverAnswer:
        """Where it is not what it was said to be."""

    async def state_event(self, room_id: str, event_type: str, state_key: str = "") -> HomeserverAnswer:
        """Its content."""


@dataclass(slots=True)
class Following:
    """A room on its way. `via`: the server of who closed it. `told`: that it waits for an invite. `was_in`: the bot was
    in the replacement before (None: not known yet), so it stays there whatever comes of this."""

    row: int
    replacement: str
    via: str
    not_before_ms: int = 0
    told: bool = False
    was_in: bool | None = None


class Upgrades:
    """`closed` when a tombstone is seen, `joined` when the bot came into a room, `settle` now and then.

    `replaced(row id)` tells the poster; `voices_anew()` lets every ghost be invited again; `now` never goes back."""

    def __init__(
        self,
        matrix: Matrix,
        store: Store,
        directory: Directory,
        *,
        now: Callable[[], int],
        replaced: Callable[[int], Awaitable[None]],
        reload: Callable[[], None],
        voices_anew: Callable[[], None],
        tell: Callable[[str], None],
    ) -> None:
        self._matrix = matrix
        self._store = store
        self._directory = directory
        self._now = now
        self._replaced = replaced
        self._reload = reload
        self._voices_anew = voices_anew
        self._tell = tell
        self._following: dict[int, Following] = {}  # by row id

    def expects(self, room_id: str) -> bool:
        """Whether a room of ours was replaced by this one: then an invite to it is accepted."""
        return any(one.replacement == room_id for one in self._following.values())

    async def closed(self, room: Room, replacement: str, via: str) -> None:
        """`room` was closed in favour of `replacement` ("": of none), by somebody on the server `via`."""
        if not replacement or replacement == room.room_id:
            await self._give_up(room)
            self._tell(f"room {_name(room)} was closed, and names no other: comatrix node move NODE --room ROOM")
            return
        known = self._following.get(room.id)
        if known is None or known.replacement != replacement:
            await self._succeed(room, replacement)
            self._following[room.id] = Following(room.id, replacement, via)
        await self._follow(self._following[room.id])

    async def joined(self, room_id: str) -> None:
        """The bot is in a room: perhaps in one it waited for."""
        for one in list(self._following.values()):
            if one.replacement == room_id:
                await self._follow(one)

    async def settle(self) -> None:
        """Whatever waits for its time is tried again."""
        for _ in range(MOST_IN_A_ROW):
            due = [one for one in self._following.values() if one.not_before_ms <= self._now()]
            for one in due:
                await self._follow(one)
            if not due:
                return

    async def _follow(self, one: Following) -> None:
        room = self._store.read(lambda connection: rooms.by_id(connection, one.row))
        if room is None or room.room_id == one.replacement:
            self._following.pop(one.row, None)
        elif await self._enter(room, one):
            await self._bind(room, one)

    async def _enter(self, room: Room, one: Following) -> bool:
        """Whether the bot is in the replacement, and that is what it was said to be."""
        if one.was_in is None and not await self._looked(room, one):
            return False
        answer = await self._matrix.join(one.replacement, [one.via] if one.via else [])
        if not answer.ok:
            self._wait(room, one, answer)
            return False
        created = await self._matrix.state_event(one.replacement, "m.room.create")
        if not created.ok:
            one.not_before_ms = self._now() + RETRY_MS
            return False
        if _predecessor_untrusted(created.body or {}) == room.room_id:
            return True
        if not one.was_in:
            await self._matrix.leave(one.replacement, REASON_NOT_FOLLOWED)
        await self._give_up(room)
        self._tell(
            f"room {_name(room)} says that {one.replacement} replaces it, but that one does not say so: not followed."
            " Its readings stay where they were. To move a node: comatrix node move NODE --room ROOM"
        )
        return False

    async def _looked(self, room: Room, one: Following) -> bool:
        """Whether the homeserver said if the bot is in the replacement."""
        member = await self._matrix.state_event(one.replacement, "m.room.member", self._matrix.user_id)
        if member.unsettled:
            self._wait(room, one, member)
            return False
        one.was_in = (member.body or {}).get("membership") == "join"
        return True

    def _wait(self, room: Room, one: Following, answer: HomeserverAnswer) -> None:
        one.not_before_ms = self._now() + (RETRY_MS if answer.unsettled else CLOSED_RETRY_MS)
        if answer.unsettled:
            log.warning("cannot follow room %s to %s yet: %s", _name(room), one.replacement, answer.error)
        elif not one.told:
            one.told = True
            self._tell(
                f"room {_name(room)} was replaced by {one.replacement}, which lets nobody in uninvited: its readings"
                f" wait. Invite {self._matrix.user_id} there"
            )

    async def _bind(self, room: Room, one: Following) -> None:
        """The nodes' room is the new one. Whether it is encrypted is asked before anything is sent to it."""
        if not await self._store.run(lambda connection: rooms.replace(connection, room.id, one.replacement)):
            await self._give_up(room)
            self._tell(
                f"room {_name(room)} was replaced by {one.replacement}, which has nodes of its own:"
                f" comatrix node move NODE --room {one.replacement}"
            )
            return
        self._following.pop(one.row, None)
        self._directory.reload_rooms()
        self._voices_anew()
        await self._replaced(room.id)
        self._tell(f"room {_name(room)} was replaced by {one.replacement}: its readings go on there")
        await self._go_on(one)

    async def _go_on(self, one: Following) -> None:
        """The new room may have been replaced as well, before we came."""
        answer = await self._matrix.state_event(one.replacement, "m.room.tombstone")
        room = self._directory.room_by_id(one.replacement)
        replacement = (answer.body or {}).get("replacement_room") if answer.ok else None
        if room is not None and isinstance(replacement, str) and replacement not in ("", room.room_id):
            await self._succeed(room, replacement)
            self._following[room.id] = Following(room.id, replacement, one.via)

    async def _succeed(self, room: Room, replacement: str | None) -> None:
        """Nothing is sent to the old room meanwhile."""
        if room.successor != replacement:
            await self._store.run(lambda connection: rooms.set_successor(connection, room.id, replacement))
            self._directory.reload_rooms()
            self._reload()

    async def _give_up(self, room: Room) -> None:
        self._following.pop(room.id, None)
        found = self._store.read(lambda connection: rooms.by_id(connection, room.id))
        if found is not None:
            await self._succeed(found, None)


def _predecessor_untrusted(create: dict[str, Any]) -> str | None:
    predecessor = create.get("predecessor")
    room_id = predecessor.get("room_id") if isinstance(predecessor, dict) else None
    return room_id if isinstance(room_id, str) else None


def _name(room: Room) -> str:
    return room.alias or room.room_id
