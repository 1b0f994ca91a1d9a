"""Invites: accepted to rooms that are configured, the others declined, slowly, with a reason."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from comatrix.gateway.edges.room_watch.changes import Change
from comatrix.gateway.edges.room_watch.listener import Matrix

log = logging.getLogger(__name__)

DECLINES_A_MINUTE = 10
INVITE_WAIT_MS = 900_000  # who invites the bot binds a node to the room next: an invite waits for that
MAX_WAITING = 100  # invites; one beyond it is left unanswered, which harms nobody
REASON_NOT_CONFIGURED = "This gateway is not configured for this room. Its operator binds rooms to nodes."


@dataclass(slots=True)
class Declines:
    """Invites to decline, at most ten a minute: each is an event in somebody's room."""

    waiting: deque[tuple[int, str, str]] = field(default_factory=deque)  # (not before, room id, reason)
    done_ms: deque[int] = field(default_factory=lambda: deque(maxlen=DECLINES_A_MINUTE))

    def add(self, room_id: str, reason: str, at_ms: int = 0) -> bool:
        """Decline at `at_ms` -> whether that is new. Dropped where too many wait."""
        if len(self.waiting) >= MAX_WAITING or room_id in [known for _, known, _ in self.waiting]:
            return False
        self.waiting.append((at_ms, room_id, reason))
        return True

    def drop(self, room_id: str) -> None:
        """The invite is over: accepted by other means, or taken back."""
        self.waiting = deque(one for one in self.waiting if one[1] != room_id)

    def next(self, now_ms: int) -> tuple[str, str] | None:
        """The next (room id, reason), if one may be declined now."""
        used = len(self.done_ms) == DECLINES_A_MINUTE and now_ms - self.done_ms[0] < 60_000
        due = next((one for one in self.waiting if one[0] <= now_ms), None)
        if due is None or used:
            return None
        self.done_ms.append(now_ms)
        self.waiting.remove(due)
        return due[1:]


class Invites:
    """`is_configured`: whether the bot may be in a room. `now`: as the watch's."""

    def __init__(self, matrix: Matrix, is_configured: Callable[[str], bool], now: Callable[[], int]) -> None:
        self._matrix = matrix
        self._is_configured = is_configured
        self._now = now
        self._declines = Declines()
        self._joins: dict[str, str] = {}  # room id -> the inviter's server

    def came(self, change: Change) -> None:
        """An invite, as `changes_untrusted` tells it."""
        if change.reason:
            self._declines.add(change.room_id, change.reason)
        elif not self._is_configured(change.room_id):
            self._wait(change)
        elif len(self._joins) < MAX_WAITING:
            self._joins[change.room_id] = change.detail.partition(":")[2]  # a room id need not name a server

    def over(self, room_id: str) -> None:
        """The bot is in the room, or not invited any more."""
        self._declines.drop(room_id)

    async def join_some(self) -> None:
        """Accepts what is to be accepted."""
        for room_id, server in list(self._joins.items()):
            answer = await self._matrix.join(room_id, [server] if server else [])
            if answer.unsettled:
                return
            del self._joins[room_id]
            if not answer.ok:
                log.warning("invited to %s, but cannot join: %s", room_id, answer.error)

    async def decline_some(self) -> None:
        """Declines what is due."""
        while (found := self._declines.next(self._now())) is not None:
            room_id, reason = found
            if reason == REASON_NOT_CONFIGURED and self._is_configured(room_id):
                continue  # a node was bound to it meanwhile, and with that the bot joined
            if (await self._matrix.leave(room_id, reason)).unsettled:
                self._declines.add(room_id, reason)
                return

    def _wait(self, change: Change) -> None:
        if self._declines.add(change.room_id, REASON_NOT_CONFIGURED, self._now() + INVITE_WAIT_MS):
            log.info(
                "%s invites us to %s, declined in %d minutes. To post there: comatrix node add NAME --room %s",
                change.detail,
                change.room_id,
                INVITE_WAIT_MS // 60_000,
                change.room_id,
            )
