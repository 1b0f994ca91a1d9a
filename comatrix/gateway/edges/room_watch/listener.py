"""Whom the watch talks to: the homeserver, and who is told what happens."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from comatrix.gateway.downlink.hearing import News
from comatrix.gateway.model import HomeserverAnswer


class Intake(Protocol):
    """How news come."""

    async def sync(self, since: str | None, timeout_ms: int, sync_filter: Mapping[str, Any]) -> HomeserverAnswer:
        """What happened after `since`; None: how everything is now."""

    async def messages(
        self, room_id: str, *, from_token: str, to_token: str, limit: int, event_filter: Mapping[str, Any]
    ) -> HomeserverAnswer:
        """A page of a room's events, newest first, that `sync` left out."""


class Matrix(Intake, Protocol):
    """The calls it makes."""

    @property
    def user_id(self) -> str:
        """Whose rooms these are."""

    async def join(self, room: str, via: Sequence[str]) -> HomeserverAnswer:
        """Accept an invite."""

    async def leave(self, room_id: str, reason: str) -> HomeserverAnswer:
        """Decline an invite."""


class Listener(Protocol):
    """Who is told. A room may be one that is not configured. What raises StoreError or Unreachable is told again."""

    def is_configured(self, room_id: str) -> bool:
        """May the bot be in this room?"""

    def following(self, follows: bool) -> None:
        """Whether everything that happens is told. At first, and while the homeserver does not answer, it is not."""

    async def encrypted(self, room_id: str) -> None:
        """Encryption was switched on. It never goes off again."""

    async def joined(self, room_id: str) -> None:
        """The bot is in the room now."""

    async def left(self, room_id: str, membership: str, reason: str) -> None:
        """The bot is no longer in the room; `membership` is "leave" or "ban", `reason` in words, maybe empty."""

    async def upgraded(self, room_id: str, replacement: str, via: str) -> None:
        """The room was closed in favour of `replacement` ("": of none) by somebody on the server `via`."""

    async def power_changed(self, room_id: str) -> None:
        """What was forbidden may be allowed now."""

    async def somebody_left(self, room_id: str) -> None:
        """Another member went, was kicked or banned: who asked for something may not be there any more."""

    async def heard(self, news: Sequence[News], since: str) -> None:
        """What people said and took back, in each room's order, and the token that follows it: both are to be stored in
        one transaction before this returns.

        Called when there are news, when a token is new, and else at most once a minute, so that the token stays fresh.
        An event may come a second time."""

    async def settled(self) -> None:
        """Everything of one answer was told."""
