"""Room news that the homeserver pushes: kept before it hears 200, told in the shape of /sync, and known to be alive."""

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from comatrix.gateway.model import HomeserverAnswer
from comatrix.gateway.uplink.heard import STATE, fit_untrusted, pushed_body, since_join_untrusted
from comatrix.gateway.uplink.voices import ServiceNames

PING_EVERY_MS = 60_000
ECHO_MS = 30_000  # an event of ours comes back within this, or the homeserver does not push
MAX_ECHOES = 1_000
NOT_JOINED = ("M_FORBIDDEN", "M_NOT_FOUND")


class Kept(Protocol):
    """Where events wait, durable; store.pushed.PushedEvents says what each does."""

    async def add(self, events: Sequence[Mapping[str, Any]]) -> int: ...
    def after(self, position: int) -> tuple[int, list[dict[str, Any]]]: ...
    def handed_on(self) -> int: ...
    async def settle(self, position: int) -> None: ...


class Service(Protocol):
    """What is asked of the homeserver."""

    async def ping(self, service_id: str, txn_id: str) -> HomeserverAnswer:
        """Make it reach for our intake."""

    async def room_state(self, room_id: str, types: Sequence[str]) -> HomeserverAnswer:
        """`events`: who is joined, and these state events."""


class PushIntake:
    """`take` gets what was pushed, `sync` hands it on; a push that does not come is found by pings and by own events.

    `rooms`: whose state is fetched at first, since a push brings no snapshot. `random_text`: new at each call."""

    def __init__(
        self,
        kept: Kept,
        service: Service,
        names: ServiceNames,
        service_id: str,
        *,
        rooms: Callable[[], Iterable[str]],
        now_ms: Callable[[], int],
        random_text: Callable[[], str],
    ) -> None:
        self._kept = kept
        self._service = service
        self._names = names
        self._service_id = service_id
        self._rooms = rooms
        self._now_ms = now_ms
        self._random_text = random_text
        self._arrived = asyncio.Event()
        self._heard_ms: int | None = None
        self._echoes: dict[str, int] = {}  # event id -> when it was accepted

    async def take(self, events: object) -> None:
        """A transaction's events; on disk when this returns. Raises StoreError: the homeserver is to try again."""
        fit = fit_untrusted(events)
        self._heard_ms = self._now_ms()
        for event in fit:
            self._came_back(event["event_id"])
        if await self._kept.add([event for event in fit if self._is_news(event)]):
            self._arrived.set()

    def sent(self, event_id: str) -> None:
        """The homeserver accepted this event of ours: it must come back."""
        while len(self._echoes) >= MAX_ECHOES:
            self._echoes.pop(next(iter(self._echoes)))
        self._echoes[event_id] = self._now_ms()

    async def sync(
        self, since: str | None, timeout_ms: int, sync_filter: Mapping[str, Any] | None = None
    ) -> HomeserverAnswer:
        """As the homeserver would answer the bot. What came before `since` is settled by asking for what follows."""
        if (dead := await self._dead()) is not None:
            return dead
        if since is None:
            return await self._snapshot()
        position = _position(since)
        if position is None:
            return HomeserverAnswer(400, {"errcode": "M_UNKNOWN"}, "M_UNKNOWN", "not a position of this intake")
        await self._kept.settle(position)
        last, events = await self._following(position, timeout_ms)
        return await self._told(pushed_body(events, self._names.bot), last)

    async def messages(
        self, room_id: str, *, from_token: str, to_token: str, limit: int, event_filter: Mapping[str, Any]
    ) -> HomeserverAnswer:
        """Pushes leave nothing out: there is nothing to ask for."""
        return HomeserverAnswer(404, {"errcode": "M_NOT_FOUND"}, "M_NOT_FOUND", "pushes have no gaps")

    @property
    def whose(self) -> str:
        """This database's, of the bot's pushes."""
        return f"push {self._names.bot}"

    async def _following(self, position: int, timeout_ms: int) -> tuple[int, list[dict[str, Any]]]:
        self._arrived.clear()
        last, events = self._kept.after(position)
        if not events and timeout_ms:
            with contextlib.suppress(TimeoutError):  # Python 3.11's wait_for can lose a cancellation, timeout cannot
                async with asyncio.timeout(timeout_ms / 1000):
                    await self._arrived.wait()
            last, events = self._kept.after(position)
        return last, events

    async def _snapshot(self) -> HomeserverAnswer:
        position = self._kept.handed_on()  # before the state is read: what happens meanwhile is told after it
        body: dict[str, Any] = {"rooms": {"join": {}, "invite": {}, "leave": {}}}
        for room_id in self._rooms():
            body["rooms"]["join"][room_id] = {"timeline": {"events": []}}
        return await self._told(body, position, first=True)

    async def _told(self, body: dict[str, Any], position: int, *, first: bool = False) -> HomeserverAnswer:
        """`body`, with the state of the rooms that are new to the bot."""
        joined = body["rooms"]["join"]
        for room_id, part in list(joined.items()):
            if first or self._came_in(part):
                answer = await self._service.room_state(room_id, STATE)
                if answer.ok and answer.body is not None:
                    part["state"] = {"events": answer.body["events"]}
                elif answer.errcode in NOT_JOINED:
                    joined.pop(room_id) if first else None
                else:
                    return answer
        body = since_join_untrusted(body, self._names.bot)
        return HomeserverAnswer(200, {**body, "next_batch": f"p{position}"})

    def _came_in(self, part: Mapping[str, Any]) -> bool:
        events = part["timeline"]["events"]
        return any(e["type"] == "m.room.member" and e.get("state_key") == self._names.bot for e in events)

    def _is_news(self, event: Mapping[str, Any]) -> bool:
        """Not what our own users said, nor that a ghost came or went."""
        if event.get("state_key") is None:
            return not self._names.is_ours(event["sender"])
        subject = event["state_key"]
        return not (event["type"] == "m.room.member" and self._names.is_ours(subject) and subject != self._names.bot)

    def _came_back(self, event_id: str) -> None:
        """Pushes come in order: with this one, those accepted before it came too."""
        at_ms = self._echoes.get(event_id)
        if at_ms is not None:
            self._echoes = {known: ms for known, ms in self._echoes.items() if ms > at_ms}

    async def _dead(self) -> HomeserverAnswer | None:
        """Why nothing can be heard; None: pushes come."""
        now_ms = self._now_ms()
        if self._echoes and now_ms - next(iter(self._echoes.values())) > ECHO_MS:
            await self._service.ping(self._service_id, self._random_text())  # makes Synapse send what it holds back
            return HomeserverAnswer(None, error="the homeserver does not push events to the application service")
        if self._heard_ms is not None and now_ms - self._heard_ms <= PING_EVERY_MS:
            return None
        answer = await self._service.ping(self._service_id, self._random_text())
        if answer.errcode is None and not answer.ok:  # no word of the homeserver's own: it is the one that is down
            return HomeserverAnswer(None, error=answer.error or f"HTTP {answer.status}")
        if not answer.ok:
            return HomeserverAnswer(
                None, error=f"the homeserver cannot reach the application service: {answer.error or answer.status}"
            )
        self._heard_ms = now_ms
        return None


def _position(text: str) -> int | None:
    found = re.fullmatch(r"p([0-9]{1,18})", text)
    return None if found is None else int(found[1])
