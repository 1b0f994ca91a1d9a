"""Follows the rooms by /sync: encryption switched on, kicked or joined, upgraded, powers changed, invited.

What people type is not read here. Every event is judged by its type and place, never by its time.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import HomeserverAnswer
from comatrix.gateway.uplink.json_values import mapping, objects
from comatrix.gateway.uplink.sanitise import clean_name
from comatrix.gateway.uplink.silence import Silence

log = logging.getLogger(__name__)

SYNC_TIMEOUT_MS = 30_000
BETWEEN_S = 0.2  # a server that answers at once, always, is not asked in a hot loop
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
DECLINES_A_MINUTE = 10
INVITE_WAIT_MS = 900_000  # who invites the bot binds a node to the room next: an invite waits for that
MAX_ID_CHARS = 255
MAX_WAITING = 100  # invites; one beyond it is left unanswered, which harms nobody
REASON_NOT_CONFIGURED = "This gateway is not configured for this room. Its operator binds rooms to nodes."
REASON_ENCRYPTED = "This gateway cannot send to encrypted rooms."

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


class Intake(Protocol):
    """How news come."""

    async def sync(self, since: str | None, timeout_ms: int, sync_filter: Mapping[str, Any]) -> HomeserverAnswer:
        """What happened."""


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
    """Who is told. A room may be one that is not configured."""

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

    async def settled(self) -> None:
        """Everything of one answer was told."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a room: "encrypted", "joined", "left", "upgraded", "power" or "invited"."""

    kind: str
    room_id: str
    detail: str = ""  # left: membership; upgraded: replacement; invited: inviter, or "" where the room is encrypted
    reason: str = ""  # upgraded: the server of who did it


def changes_untrusted(body: Mapping[str, Any], user_id: str, *, first: bool) -> list[Change]:
    """What a /sync answer says happened; encryption first, since the others may let something be sent. Of the first
    answer only what holds for ever, and invites."""
    return sorted(_changes(body, user_id, first=first), key=lambda change: change.kind != "encrypted")


def _changes(body: Mapping[str, Any], user_id: str, *, first: bool) -> Iterator[Change]:
    rooms = mapping(body.get("rooms"))
    for room_id, part in mapping(rooms.get("join")).items():
        for change in _state_changes(room_id, [*_events(part, "state"), *_events(part, "timeline")], user_id):
            if not first or change.kind in ("encrypted", "upgraded"):
                yield change
    for room_id, part in mapping(rooms.get("leave")).items():
        yield _left(room_id, _events(part, "timeline"), user_id)
    for room_id, part in mapping(rooms.get("invite")).items():
        yield _invited(room_id, _events(part, "invite_state"), user_id)


def _state_changes(room_id: str, events: Sequence[Mapping[str, Any]], user_id: str) -> Iterator[Change]:
    for event in events:
        content, key = mapping(event.get("content")), event.get("state_key")
        match event.get("type"), key:
            case "m.room.encryption", "":
                yield Change("encrypted", room_id)
            case "m.room.tombstone", "":
                server = _id(event.get("sender"), "@").partition(":")[2]
                yield Change("upgraded", room_id, _id(content.get("replacement_room"), "!"), server)
            case "m.room.power_levels", "":
                yield Change("power", room_id)
            case "m.room.member", member if member == user_id and content.get("membership") == "join":
                yield Change("joined", room_id)


def _left(room_id: str, events: Sequence[Mapping[str, Any]], user_id: str) -> Change:
    own = [e for e in events if e.get("type") == "m.room.member" and e.get("state_key") == user_id]
    content = mapping(own[-1].get("content")) if own else {}
    membership = "ban" if content.get("membership") == "ban" else "leave"
    reason = content.get("reason")
    return Change("left", room_id, membership, clean_name(reason) if isinstance(reason, str) and reason else "")


def _invited(room_id: str, events: Sequence[Mapping[str, Any]], user_id: str) -> Change:
    """`detail` is the sender of the own membership: who else stands in invite_state proves nothing."""
    if any(event.get("type") == "m.room.encryption" for event in events):
        return Change("invited", room_id, reason=REASON_ENCRYPTED)
    own = [e for e in events if e.get("type") == "m.room.member" and e.get("state_key") == user_id]
    return Change("invited", room_id, _id(own[-1].get("sender"), "@") if own else "")


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


class Pause:
    """Waits between two looks. `cut` ends the wait when something was mended, though never in its first second: what is
    mended again and again makes no hot loop."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._mended = asyncio.Event()

    def cut(self) -> None:
        """Look now."""
        self._mended.set()

    async def __call__(self, seconds: float) -> None:
        """At most `seconds`."""
        self._mended.clear()
        await self._sleep(min(seconds, FIRST_PAUSE_S))
        if seconds > FIRST_PAUSE_S:
            await self._until_cut(seconds - FIRST_PAUSE_S)

    async def _until_cut(self, seconds: float) -> None:
        waits = [asyncio.ensure_future(self._mended.wait()), asyncio.ensure_future(self._sleep(seconds))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()


class RoomWatch:
    """The sync loop. `now` gives ms of a clock that never goes back, `sleep` waits for seconds. `intake`: whose answers
    are followed, if not the account's own /sync. `silence`, by `now`: since when none of use came."""

    def __init__(
        self,
        matrix: Matrix,
        listener: Listener,
        *,
        now: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
        timeout_ms: int = SYNC_TIMEOUT_MS,
        intake: Intake | None = None,
    ) -> None:
        self._matrix = matrix
        self._intake: Intake = intake or matrix
        self._listener = listener
        self._now = now
        self._sleep = sleep
        self._timeout_ms = timeout_ms
        self._since: str | None = None
        self._failures = 0
        self.silence = Silence()
        self._follows = False
        self._declines = Declines()
        self._joins: dict[str, str] = {}  # room id -> the inviter's server

    async def run(self) -> None:
        """Follow until cancelled, through outages."""
        while True:
            await self._sleep(await self.step())

    async def step(self) -> float:
        """One /sync and what follows from it -> seconds to pause before the next."""
        try:
            answer = await self._intake.sync(self._since, self._timeout_ms if self._since else 0, FILTER)
            if not answer.ok or not isinstance((answer.body or {}).get("next_batch"), str):
                self.silence.note(answer, self._now())
                return self._failed(answer)
            self.silence.over()
            await self._take_in(answer.body or {})
            await self._decline_some()  # first: what settles may join a room whose invite is to be declined
            await self._listener.settled()
        except StoreError as error:  # what could not be remembered was not heard: the same is asked for again
            return self._failed(HomeserverAnswer(None, error=error.text))
        await self._join_some()
        return BETWEEN_S

    async def _take_in(self, body: Mapping[str, Any]) -> None:
        for change in changes_untrusted(body, self._matrix.user_id, first=self._since is None):
            await self._tell(change)
        self._recovered()
        self._since = body["next_batch"]
        if not self._follows:
            self._follows = True
            self._listener.following(True)

    def _failed(self, answer: HomeserverAnswer) -> float:
        """One line when it begins to fail. A token the server does not know any more is dropped."""
        if not self._failures:
            log.warning("cannot follow the rooms: %s", answer.error or f"HTTP {answer.status}")
        if self._follows:
            self._follows = False
            self._listener.following(False)
        if answer.status == 400 and answer.body is not None:
            self._since = None
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
                self._declines.drop(change.room_id)
                await self._listener.joined(change.room_id)
            case "left":
                self._declines.drop(change.room_id)
                await self._listener.left(change.room_id, change.detail, change.reason)
            case "upgraded":
                await self._listener.upgraded(change.room_id, change.detail, change.reason)
            case "power":
                await self._listener.power_changed(change.room_id)
            case "invited":
                await self._invited(change)

    async def _invited(self, change: Change) -> None:
        if change.reason:
            self._declines.add(change.room_id, change.reason)
        elif not self._listener.is_configured(change.room_id):
            if self._declines.add(change.room_id, REASON_NOT_CONFIGURED, self._now() + INVITE_WAIT_MS):
                minutes = INVITE_WAIT_MS // 60_000
                log.info(
                    "%s invites us to %s, declined in %d minutes. To post there: comatrix node add NAME --room %s",
                    change.detail,
                    change.room_id,
                    minutes,
                    change.room_id,
                )
        elif len(self._joins) < MAX_WAITING:
            self._joins[change.room_id] = change.detail.partition(":")[2]  # a room id need not name a server

    async def _join_some(self) -> None:
        for room_id, server in list(self._joins.items()):
            answer = await self._matrix.join(room_id, [server] if server else [])
            if answer.unsettled:
                return
            del self._joins[room_id]
            if not answer.ok:
                log.warning("invited to %s, but cannot join: %s", room_id, answer.error)

    async def _decline_some(self) -> None:
        while (found := self._declines.next(self._now())) is not None:
            room_id, reason = found
            if reason == REASON_NOT_CONFIGURED and self._listener.is_configured(room_id):
                continue  # a node was bound to it meanwhile, and with that the bot joined
            if (await self._matrix.leave(room_id, reason)).unsettled:
                self._declines.add(room_id, reason)
                return


def _events(part: object, name: str) -> list[dict[str, Any]]:
    return objects(mapping(mapping(part).get(name)).get("events"))


def _id(value: object, sigil: str) -> str:
    """A user's or room's id, fit for a line to the operator; "" for what is none."""
    fits = isinstance(value, str) and value.startswith(sigil) and len(value) <= MAX_ID_CHARS and value.isprintable()
    return str(value) if fits else ""
