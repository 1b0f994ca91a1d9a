"""Who speaks for a node in a room: the bot, or the node's ghost."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from comatrix.gateway.model import HomeserverAnswer, Room, Voice

READY = HomeserverAnswer(status=200, body={})
DEVICE = "COMATRIX"  # one fixed device each: transaction ids are remembered by (room, user, device, transaction)


class BotVoices:
    """A plain bot: one account speaks for every node, and needs no preparation."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def voice(self, room: Room, node: int) -> Voice:
        """Always the bot."""
        return self._voice

    async def prepare(self, voice: Voice, room: Room) -> HomeserverAnswer:
        """A 200 at once: whether the bot is in the room, its first event finds out."""
        return READY

    def fall_back(self, voice: Voice, room: Room, reason: str) -> None:
        """There is nobody else to speak."""

    def forget(self, voice: Voice, room: Room | None) -> None:
        """Nothing is remembered."""


@dataclass(frozen=True, slots=True)
class ServiceNames:
    """The users of one application service: `@<prefix>node_<number>`, `@<prefix>service` and the bot."""

    prefix: str
    bot: str  # user id

    @property
    def server(self) -> str:
        """The server part of every user id."""
        return self.bot.partition(":")[2]

    @property
    def service(self) -> str:
        """The user that syncs where the homeserver cannot push."""
        return f"@{self.prefix}service:{self.server}"

    def ghost(self, node: int) -> str:
        """By the node's number, which is never given twice; its name may change."""
        return f"@{self.prefix}node_{node}:{self.server}"

    def node_of(self, user_id: str) -> int | None:
        """The node whose ghost this is."""
        found = re.fullmatch(rf"@{re.escape(self.prefix)}node_([0-9]{{1,5}}):{re.escape(self.server)}", user_id)
        return None if found is None else int(found[1])

    def is_ours(self, user_id: str) -> bool:
        """Whether this service speaks as that user."""
        return user_id in (self.bot, self.service) or self.node_of(user_id) is not None


class Speakers:
    """Decides by three things: how many nodes a room has, where a ghost was refused, and the setting."""

    def __init__(self, names: ServiceNames, most_nodes: int) -> None:
        """`most_nodes`: rooms with more are spoken for by the bot; 0: all of them."""
        self.names = names
        self.bot = Voice(names.bot, DEVICE)
        self._most_nodes = most_nodes
        self._counts: Mapping[int, int] = {}
        self._refused: set[tuple[str, str]] = set()

    def set_counts(self, counts: Mapping[int, int]) -> None:
        """Room row id -> how many nodes post there."""
        self._counts = counts

    def voice(self, room: Room, node: int) -> Voice:
        """The node's ghost, or the bot."""
        user_id = self.names.ghost(node)
        crowded = self._counts.get(room.id, 1) > self._most_nodes
        if crowded or (user_id, room.room_id) in self._refused:
            return self.bot
        return Voice(user_id, DEVICE)

    def refuse(self, user_id: str, room_id: str) -> bool:
        """This ghost cannot be in this room: the bot speaks for it -> whether that is new."""
        new = (user_id, room_id) not in self._refused
        self._refused.add((user_id, room_id))
        return new

    def allow(self) -> None:
        """Something changed at the homeserver: every ghost is tried again."""
        self._refused.clear()
