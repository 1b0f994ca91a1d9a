"""How the gateway hears of its rooms: the bot syncs, or, behind NAT, the service user does; for pushes see push.py.

Each intake answers `sync` as the homeserver answers the bot's /sync, so that one reader serves all three.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Protocol

from comatrix.gateway.edges.appservice.users import ServiceUsers
from comatrix.gateway.model import HomeserverAnswer, Voice
from comatrix.gateway.uplink.heard import page_since_join_untrusted, service_body_untrusted, since_join_untrusted
from comatrix.gateway.uplink.json_values import mapping
from comatrix.gateway.uplink.voices import DEVICE, ServiceNames

COVER_RETRY_MS = 600_000
SERVICE_NAME = "CoMatrix"
NOT_NOW = HomeserverAnswer(None, error="the rooms changed meanwhile")


class Intake(Protocol):
    """News of the rooms."""

    async def sync(
        self, since: str | None, timeout_ms: int, sync_filter: Mapping[str, Any] | None = None
    ) -> HomeserverAnswer:
        """`next_batch` and what happened after `since`, or after `timeout_ms` that nothing did; None: how it is now."""

    async def messages(
        self, room_id: str, *, from_token: str, to_token: str, limit: int, event_filter: Mapping[str, Any]
    ) -> HomeserverAnswer:
        """A page of a room's events, newest first, that `sync` left out."""

    @property
    def whose(self) -> str:
        """Whose tokens those of `sync` are; another intake cannot use them."""


class Syncing(Protocol):
    """The part of the homeserver that is used here."""

    async def sync(
        self,
        since: str | None,
        timeout_ms: int,
        sync_filter: Mapping[str, Any] | None = None,
        *,
        voice: Voice | None = None,
    ) -> HomeserverAnswer:
        """GET /sync"""

    async def messages(
        self,
        room_id: str,
        *,
        from_token: str = "",
        to_token: str = "",
        limit: int = 100,
        event_filter: Mapping[str, Any] | None = None,
        voice: Voice | None = None,
    ) -> HomeserverAnswer:
        """GET /rooms/{room}/messages, backwards"""


class BotIntake:
    """The bot's own /sync."""

    def __init__(self, homeserver: Syncing, bot: str) -> None:
        self._homeserver = homeserver
        self._bot = bot

    async def sync(
        self, since: str | None, timeout_ms: int, sync_filter: Mapping[str, Any] | None = None
    ) -> HomeserverAnswer:
        """As the homeserver answers, without what was said before the bot came."""
        answer = await self._homeserver.sync(since, timeout_ms, sync_filter)
        return _with(answer, since_join_untrusted(answer.body or {}, self._bot)) if answer.ok else answer

    async def messages(
        self, room_id: str, *, from_token: str, to_token: str, limit: int, event_filter: Mapping[str, Any]
    ) -> HomeserverAnswer:
        """As the homeserver answers."""
        return await self._homeserver.messages(
            room_id, from_token=from_token, to_token=to_token, limit=limit, event_filter=event_filter
        )

    @property
    def whose(self) -> str:
        """The bot's."""
        return self._bot


class ServiceUserIntake:
    """`@<prefix>service` is in every room and syncs, since Synapse answers 500 to /sync of the service's own user.

    `rooms` are to be followed; `covered(False)`: one of them it could not join, so what happens there is not heard."""

    def __init__(
        self,
        homeserver: Syncing,
        users: ServiceUsers,
        names: ServiceNames,
        *,
        rooms: Callable[[], Iterable[str]],
        now_ms: Callable[[], int],
        covered: Callable[[bool], None],
    ) -> None:
        self._homeserver = homeserver
        self._users = users
        self._names = names
        self._rooms = rooms
        self._now_ms = now_ms
        self._covered = covered
        self._voice = Voice(names.service, DEVICE)
        self._missing: dict[str, int] = {}  # room id -> when to try again
        self._changed = asyncio.Event()

    def rooms_changed(self) -> None:
        """A person bound a room: the user is sent there now, and until it is there the room is not heard of."""
        if any(not self._users.is_in(self._voice.user_id, room_id) for room_id in self._rooms()):
            self._covered(False)
            self._missing.clear()
            self._changed.set()

    async def sync(
        self, since: str | None, timeout_ms: int, sync_filter: Mapping[str, Any] | None = None
    ) -> HomeserverAnswer:
        """As the homeserver would answer the bot."""
        answer = await self._users.ready(self._voice, SERVICE_NAME)
        if not answer.ok:
            return answer
        await self._cover()
        syncing = self._homeserver.sync(since, timeout_ms, sync_filter, voice=self._voice)
        if (heard := await self._until_changed(syncing)) is None:
            return HomeserverAnswer(200, {"next_batch": since}) if since is not None else NOT_NOW
        if heard.errcode == "M_UNKNOWN_DEVICE":
            self._users.forget(self._voice.user_id, None)
        if not heard.ok or heard.body is None:
            return heard
        for room_id in _left(heard.body):
            self._users.forget(self._voice.user_id, room_id)
        body = service_body_untrusted(heard.body, self._names.bot)
        return _with(heard, since_join_untrusted(since_join_untrusted(body, self._voice.user_id), self._names.bot))

    async def messages(
        self, room_id: str, *, from_token: str, to_token: str, limit: int, event_filter: Mapping[str, Any]
    ) -> HomeserverAnswer:
        """As the homeserver shows it to the service user, back to when that came: what is older is not new to it."""
        answer = await self._homeserver.messages(
            room_id,
            from_token=from_token,
            to_token=to_token,
            limit=limit,
            event_filter=event_filter,
            voice=self._voice,
        )
        body = page_since_join_untrusted(answer.body or {}, self._voice.user_id)
        return _with(answer, body) if answer.ok else answer

    @property
    def whose(self) -> str:
        """The service user's."""
        return self._voice.user_id

    async def _until_changed(self, syncing: Coroutine[Any, Any, HomeserverAnswer]) -> HomeserverAnswer | None:
        """The answer, or None where rooms changed while it was waited for."""
        asked, changed = asyncio.ensure_future(syncing), asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait([asked, changed], return_when=asyncio.FIRST_COMPLETED)
            return asked.result() if asked.done() else None
        finally:
            asked.cancel()
            changed.cancel()

    async def _cover(self) -> None:
        """Into every room; where that is refused, again in ten minutes."""
        self._changed.clear()
        now_ms = self._now_ms()
        wanted = list(self._rooms())
        self._missing = {room_id: at_ms for room_id, at_ms in self._missing.items() if room_id in wanted}
        for room_id in wanted:
            if self._missing.get(room_id, 0) <= now_ms:
                if (await self._users.bring(self._voice, room_id)).ok:
                    self._missing.pop(room_id, None)
                else:
                    self._missing[room_id] = now_ms + COVER_RETRY_MS
        self._covered(not self._missing)


def _left(body: Mapping[str, Any]) -> list[str]:
    return list(mapping(mapping(body.get("rooms")).get("leave")))


def _with(answer: HomeserverAnswer, body: dict[str, Any]) -> HomeserverAnswer:
    return HomeserverAnswer(answer.status, body)
