"""Who may do what in a room, asked of the homeserver: never out of an initial sync, which may be minutes old."""

from collections import OrderedDict
from typing import Protocol

from comatrix.gateway.downlink.grants import RoomPowers, powers_untrusted
from comatrix.gateway.model import HomeserverAnswer

MAX_ROOMS = 1_000  # remembered; a room beyond them is asked about again
NOBODY = RoomPowers("1", frozenset(), {})


class Matrix(Protocol):
    """The calls it makes, as the bot."""

    async def whole_state_event(self, room_id: str, event_type: str) -> HomeserverAnswer:
        """With its sender."""

    async def state_event(self, room_id: str, event_type: str, state_key: str = "") -> HomeserverAnswer:
        """Its content."""


class RoomPowersBook:
    """`changed` when powers of a room changed, or the bot came or went; `watched` when that is, or is not, heard of."""

    def __init__(self, matrix: Matrix) -> None:
        self._matrix = matrix
        self._known: OrderedDict[str, RoomPowers] = OrderedDict()
        self._watched = False
        self._changes = 0

    def watched(self, watched: bool) -> None:
        """Only what we would hear the change of is remembered."""
        self._watched = watched
        self.forget()

    def changed(self, room_id: str) -> None:
        """Of this room nothing is known any more."""
        self._changes += 1
        self._known.pop(room_id, None)

    def forget(self) -> None:
        """Of no room anything is known any more."""
        self._changes += 1
        self._known.clear()

    async def look(self, room_id: str, user_id: str) -> tuple[RoomPowers, bool] | None:
        """-> (the room's powers, whether the user is in it); nobody's and False where the bot is not in the room.

        None: the homeserver did not say. Then nothing is done, and it is asked again. Who is in the room is asked each
        time."""
        member = await self._matrix.state_event(room_id, "m.room.member", user_id)
        if not member.ok:
            return (NOBODY, False) if _refused(member) else None
        powers = await self._powers(room_id)
        if powers is None:
            return None
        return powers, powers is not NOBODY and (member.body or {}).get("membership") == "join"

    async def _powers(self, room_id: str) -> RoomPowers | None:
        if room_id in self._known:
            self._known.move_to_end(room_id)
            return self._known[room_id]
        changes = self._changes
        powers = await self._asked(room_id)
        if powers is not None and powers is not NOBODY and self._watched and changes == self._changes:
            self._keep(room_id, powers)  # in any other case it may be old already
        return powers

    def _keep(self, room_id: str, powers: RoomPowers) -> None:
        self._known[room_id] = powers
        while len(self._known) > MAX_ROOMS:
            self._known.popitem(last=False)

    async def _asked(self, room_id: str) -> RoomPowers | None:
        levels = await self._matrix.state_event(room_id, "m.room.power_levels")
        if not levels.ok and not (levels.status == 404 and levels.errcode == "M_NOT_FOUND"):
            return NOBODY if _refused(levels) else None
        create = await self._matrix.whole_state_event(room_id, "m.room.create")
        if not create.ok:
            return NOBODY if _refused(create) else None
        return powers_untrusted(create.body or {}, levels.body if levels.ok else None)


def _refused(answer: HomeserverAnswer) -> bool:
    """The homeserver's own no: there is no such member, or we may not look."""
    return answer.status in (403, 404) and answer.errcode is not None
