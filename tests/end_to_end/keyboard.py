"""The stage's person in one room: at matrix-js-sdk where there is one, else at a client of our own."""

from typing import Any

from comatrix.gateway.demo.stage import Stage
from tests.end_to_end.js_person import JsPerson, js_sdk_or_reason
from tests.end_to_end.room_commands import PATIENCE_S, Told, Typist, told_of
from tests.end_to_end.room_reading import until


class Keyboard:
    """What is typed, in its order, as `typed`: event id -> text."""

    def __init__(self, stage: Stage, room_id: str, js: JsPerson | None) -> None:
        assert stage.person is not None
        self._stage = stage
        self._room_id = room_id
        self._js = js
        self._typist = Typist(stage, stage.person.account.access_token, stage.person.user_id)
        self.typed: dict[str, str] = {}

    @classmethod
    async def open(cls, stage: Stage, room_id: str) -> "Keyboard":
        """Says so where matrix-js-sdk is missing."""
        reason = js_sdk_or_reason()
        if isinstance(reason, str):
            print(f"no matrix-js-sdk: {reason}")
        return cls(stage, room_id, None if isinstance(reason, str) else await JsPerson.open(stage, room_id))

    async def say(self, text: str) -> str:
        """Type it -> its event's id."""
        event_id = await (self._js.say(text) if self._js else self._typist.say(self._room_id, text))
        self.typed[event_id] = text
        return event_id

    async def told(self) -> dict[str, Told]:
        """What the room says of each, whoever reads it."""
        return await told_of(self._stage, self._room_id, list(self.typed))

    async def assert_client_shows(self, told: dict[str, Told], sender: str) -> None:
        """matrix-js-sdk shows the replies as they read now, all of them and their reactions by `sender`."""
        if self._js is None:
            return
        js = self._js

        async def shown() -> bool:
            return all(_as_told(js.shows(event_id), one, sender) for event_id, one in told.items())

        try:
            await until(shown, PATIENCE_S, "matrix-js-sdk")
        except AssertionError as error:
            wrong = [
                (js.shows(event_id), one)
                for event_id, one in told.items()
                if not _as_told(js.shows(event_id), one, sender)
            ]
            raise AssertionError(f"{error} to show what the room says:\n{wrong}") from None

    async def close(self) -> None:
        """End the client."""
        if self._js is not None:
            await self._js.close()


def _as_told(shown: dict[str, Any] | None, told: Told, sender: str) -> bool:
    return (
        shown is not None
        and shown["body"] == told.texts[-1]
        and shown["original"] == told.texts[0]
        and shown["sender"] == sender
        and shown["editor"] == (sender if len(told.texts) > 1 else None)
        and shown["inReplyTo"]
        and shown["reactions"] == [{"key": key, "count": 1, "senders": [sender]} for key in told.reactions]
    )
