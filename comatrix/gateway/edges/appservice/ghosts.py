"""Nodes that speak for themselves: a ghost user each (docs/reference/matrix.md, section Application service)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from comatrix.gateway.edges.appservice.users import ServiceUsers
from comatrix.gateway.model import HomeserverAnswer, Room, Voice
from comatrix.gateway.uplink.voices import Speakers

RENAME_RETRY_S = 60.0


class Nodes(Protocol):
    """What is asked of the store; store.service_users.ServiceUserBook."""

    def nodes_in_rooms(self) -> dict[int, int]: ...
    def node_names(self) -> dict[int, str]: ...
    def refusals(self) -> Any: ...


class Ghosts:
    """The `Voices` of an application service. `tell` gets a line for the operator once a refusal."""

    def __init__(
        self,
        users: ServiceUsers,
        speakers: Speakers,
        nodes: Nodes,
        *,
        tell: Callable[[str], None],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._users = users
        self._speakers = speakers
        self._nodes = nodes
        self._tell = tell
        self._sleep = sleep
        self._names: dict[int, str] = {}
        self._told: dict[tuple[str, str], str] = {}  # (user, room) -> the reason
        self._renamed = asyncio.Event()
        self._saving: set[asyncio.Future[None]] = set()

    async def begin(self) -> None:
        """Take up what an earlier run did. What was refused then is tried again, and told only if it is new."""
        await self._users.begin()
        self._told = {(one.user_id, one.room_id): one.reason for one in self._nodes.refusals()}
        self.reload()

    def reload(self) -> None:
        """A person changed nodes or rooms, or something changed at the homeserver: every ghost is tried again."""
        self._speakers.set_counts(self._nodes.nodes_in_rooms())
        self._speakers.allow()
        self._names = self._nodes.node_names()
        self._renamed.set()

    def voice(self, room: Room, node: int) -> Voice:
        """The node's ghost; the bot in a room of too many nodes, or where the ghost was refused."""
        return self._speakers.voice(room, node)

    async def prepare(self, voice: Voice, room: Room) -> HomeserverAnswer:
        """Registered, its device made, named before its first join, invited, joined; nothing that was done before."""
        node = self._speakers.names.node_of(voice.user_id)
        if node is None:
            return await self._users.ready(voice)
        answer = await self._users.ready(voice, self._names.get(node, ""))
        return await self._users.bring(voice, room.room_id) if answer.ok else answer

    def fall_back(self, voice: Voice, room: Room, reason: str) -> None:
        """The bot speaks for it there until something changes."""
        node = self._speakers.names.node_of(voice.user_id)
        if node is None or not self._speakers.refuse(voice.user_id, room.room_id):
            return
        if self._told.get((voice.user_id, room.room_id)) != reason:
            self._told[voice.user_id, room.room_id] = reason
            self._tell(
                f"{self._names.get(node, voice.user_id)} cannot speak for itself in {room.alias or room.room_id}"
                f" ({reason}): the bot speaks for it. Let {self._speakers.bot.user_id} invite there"
            )
        saving = asyncio.ensure_future(self._users.refuse(voice.user_id, room.room_id, reason))
        self._saving.add(saving)
        saving.add_done_callback(self._saving.discard)

    def forget(self, voice: Voice, room: Room | None) -> None:
        """Its device is gone, or it was made to leave: prepared anew before its next event."""
        self._users.forget(voice.user_id, None if room is None else room.room_id)

    async def run(self) -> None:
        """Gives renamed nodes' ghosts their names, until cancelled."""
        while True:
            await self._renamed.wait()
            self._renamed.clear()
            if not await self._rename():
                self._renamed.set()
                await self._sleep(RENAME_RETRY_S)

    async def _rename(self) -> bool:
        """-> whether every ghost that was ever named has its node's name now."""
        for user_id, name in self._users.named().items():
            node = self._speakers.names.node_of(user_id)
            wanted = name if node is None else self._names.get(node, name)
            if wanted != name:
                answer = await self._users.ready(Voice(user_id, self._speakers.bot.device_id), wanted)
                if not answer.ok:
                    return False
        return True
