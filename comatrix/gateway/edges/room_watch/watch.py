"""The sync loop: where it stands, what it tells in which order, how long it waits after a failure."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from comatrix.gateway.downlink.hearing import News
from comatrix.gateway.edges.room_watch.changes import Change, changes_untrusted
from comatrix.gateway.edges.room_watch.gaps import Hearing, NoAnswerError
from comatrix.gateway.edges.room_watch.invites import Invites
from comatrix.gateway.edges.room_watch.listener import Intake, Listener, Matrix
from comatrix.gateway.edges.room_watch.pause import BETWEEN_S, FIRST_PAUSE_S, LONGEST_PAUSE_S
from comatrix.gateway.errors import StoreError, Unreachable
from comatrix.gateway.model import HomeserverAnswer
from comatrix.gateway.uplink.silence import Silence

log = logging.getLogger(__name__)

SYNC_TIMEOUT_MS = 30_000
KEEP_TOKEN_MS = 60_000  # while nothing is said, the token is stored this often
FRESH_TIMEOUTS = 1_000

TYPES = [
    "m.room.message",
    "m.room.encrypted",
    "m.room.redaction",
    "m.room.member",
    "m.room.create",
    "m.room.power_levels",
    "m.room.encryption",
    "m.room.tombstone",
]
NOTHING: Mapping[str, Any] = {"types": []}
# No `not_senders`: it would hide the own join.
FILTER: Mapping[str, Any] = {
    "presence": NOTHING,
    "account_data": NOTHING,
    "room": {
        "account_data": NOTHING,
        "ephemeral": NOTHING,
        "timeline": {"types": TYPES, "limit": 100, "lazy_load_members": True},
        "state": {"types": TYPES, "lazy_load_members": True},
    },
}


class RoomWatch:
    """Each run looks first at how all rooms are now, then goes on from `since`, the token stored last (None: there is
    none, so nothing said until now is heard). `now`: ms of a clock that never goes back, `sleep` waits for seconds.
    `intake`: whose answers are followed, if not the account's own /sync. `own`: whose messages are not heard, if not
    only the account's. `silence`, by `now`: since when none of use came."""

    def __init__(
        self,
        matrix: Matrix,
        listener: Listener,
        *,
        now: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
        timeout_ms: int = SYNC_TIMEOUT_MS,
        intake: Intake | None = None,
        since: str | None = None,
        own: Callable[[str], bool] | None = None,
    ) -> None:
        self._matrix = matrix
        self._intake: Intake = intake or matrix
        self._listener = listener
        self._now = now
        self._sleep = sleep
        self._timeout_ms = timeout_ms
        self._since = since
        self._looked = False  # at how everything is: who follows a replaced room remembers nothing of an earlier run
        self._stored = since, now()
        self._failures = 0
        self.silence = Silence()
        self._follows = False
        self._hearing = Hearing(self._intake, lambda: matrix.user_id, own or (lambda user: user == matrix.user_id))
        self._invites = Invites(matrix, listener.is_configured, now)

    async def run(self) -> None:
        """Follow until cancelled, through outages."""
        while True:
            await self._sleep(await self.step())

    async def step(self) -> float:
        """One /sync and what follows from it -> seconds to pause before the next."""
        try:
            body = await self._sync()
            self.silence.over()
            await self._take_in(body)
            await self._invites.decline_some()  # first: what settles may join a room whose invite is to be declined
            await self._listener.settled()
        except NoAnswerError as unanswered:
            self.silence.note(unanswered.answer, self._now())
            return self._failed(unanswered.answer)
        except (StoreError, Unreachable) as error:  # what was not remembered was not heard: the same is asked for again
            return self._failed(HomeserverAnswer(None, error=error.text))
        await self._invites.join_some()
        return BETWEEN_S

    async def _sync(self) -> Mapping[str, Any]:
        """Raises NoAnswerError. A token the server does not know any more is dropped."""
        since = self._since if self._looked else None
        # A homeserver may answer two equal initial syncs alike for minutes: each asks for another time-out.
        timeout_ms = self._now() % FRESH_TIMEOUTS if since is None else self._timeout_ms
        answer = await self._intake.sync(since, timeout_ms, FILTER)
        body = answer.body or {}
        if answer.ok and isinstance(body.get("next_batch"), str):
            return body
        if since is not None and answer.status == 400 and answer.body is not None:
            self._since = None
        raise NoAnswerError(answer)

    async def _take_in(self, body: Mapping[str, Any]) -> None:
        first = self._since is None or not self._looked
        for change in changes_untrusted(body, self._matrix.user_id, first=first):
            await self._tell(change)
        if self._since is None:
            await self._hear([], body["next_batch"])
        elif self._looked:
            await self._hear(await self._hearing.news(body, self._since), body["next_batch"])
        self._looked = True
        self._recovered()
        if not self._follows:
            self._follows = True
            self._listener.following(True)

    async def _hear(self, news: Sequence[News], since: str) -> None:
        """The token moves on once it is stored with what it brought."""
        stored, stored_ms = self._stored
        stale = since != stored and self._now() - stored_ms >= KEEP_TOKEN_MS
        if news or self._since is None or stale:
            await self._listener.heard(news, since)
            self._stored = since, self._now()
        self._since = since

    def _failed(self, answer: HomeserverAnswer) -> float:
        """One line when it begins to fail."""
        if not self._failures:
            log.warning("cannot follow the rooms: %s", answer.error or f"HTTP {answer.status}")
        if self._follows:
            self._follows = False
            self._listener.following(False)
        pause_s = min(FIRST_PAUSE_S * (1 << min(self._failures, 16)), LONGEST_PAUSE_S)
        self._failures += 1
        return max(pause_s, min((answer.retry_after_ms or 0) / 1000, LONGEST_PAUSE_S))

    def _recovered(self) -> None:
        if self._failures:
            log.info("following the rooms again")
        self._failures = 0

    async def _tell(self, change: Change) -> None:
        match change.kind:
            case "encrypted":
                await self._listener.encrypted(change.room_id)
            case "joined":
                self._invites.over(change.room_id)
                await self._listener.joined(change.room_id)
            case "left":
                self._invites.over(change.room_id)
                await self._listener.left(change.room_id, change.detail, change.reason)
            case "upgraded":
                await self._listener.upgraded(change.room_id, change.detail, change.reason)
            case "power":
                await self._listener.power_changed(change.room_id)
            case "gone":
                await self._listener.somebody_left(change.room_id)
            case "invited":
                self._invites.came(change)
