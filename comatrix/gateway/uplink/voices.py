"""Who speaks for a node in a room."""

from comatrix.gateway.model import HomeserverAnswer, Room, Voice

READY = HomeserverAnswer(status=200, body={})


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
