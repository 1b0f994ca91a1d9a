"""Keeps the state event of each node true in its room, where the bot may: behind everything else that is sent."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import HomeserverAnswer
from comatrix.gateway.uplink.json_values import mapping
from comatrix.gateway.uplink.node_state import EVENT_TYPE, Facts, Mark, Turns, content, is_news_untrusted

PACE_S = 10.0  # at most one event in this time: half of what a homeserver allows an account by default
REST_MS = 3_600_000  # after it said that this is too much
LOOKS = 20  # at once, while none of them sends


class Matrix(Protocol):
    """The calls it makes, as the bot."""

    async def state_event(self, room_id: str, event_type: str, state_key: str = "") -> HomeserverAnswer:
        """Its content."""

    async def is_encrypted(self, room_id: str) -> bool | None:
        """None: the homeserver did not say."""

    async def put_state(
        self, room_id: str, event_type: str, state_key: str, body: Mapping[str, Any]
    ) -> HomeserverAnswer:
        """The same content again changes nothing: it needs no transaction id, and is not repeated by itself."""


class NodeStates:
    """`run()` until cancelled. `marks()`: every node; `facts(node)`; `may(room id)`: whether the bot's power suffices;
    `quiet()`: nothing else is to be sent, and the account is not limited."""

    def __init__(
        self,
        matrix: Matrix,
        *,
        marks: Callable[[], Mapping[int, Mark]],
        facts: Callable[[int], Facts | None],
        may: Callable[[str], Awaitable[bool]],
        quiet: Callable[[], bool],
        now_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._matrix = matrix
        self._marks = marks
        self._facts = facts
        self._may = may
        self._quiet = quiet
        self._now_ms = now_ms
        self._sleep = sleep
        self._turns = Turns()
        self._there: dict[tuple[str, int], Mapping[str, Any]] = {}  # as far as the homeserver said; {}: nothing
        self._rest_until_ms = 0

    async def run(self) -> None:
        """A step every few seconds."""
        while True:
            await self._sleep(PACE_S)
            with suppress(StoreError):  # whoever needs the database says so
                await self.step()

    async def step(self) -> None:
        """Look at those that are due, until an event went out."""
        self._turns.know(self._marks(), self._now_ms())
        for _ in range(LOOKS):
            now_ms = self._now_ms()
            busy = now_ms < self._rest_until_ms or not self._quiet()
            node = self._turns.next(now_ms, silent_only=busy)
            if node is None:
                return
            self._turns.looked(node, now_ms, sent=False)  # first: whatever breaks, it is not its turn again at once
            if await self._look(node):
                return

    async def _look(self, node: int) -> bool:
        """-> whether an event went out."""
        facts = self._facts(node)
        if facts is None:
            return False
        left = next((room for room, one in self._there if one == node and room != facts.room_id), None)
        if left is not None and await self._left(Facts(node, left, facts.name, silent=True)):
            return True
        known = (facts.room_id, node) in self._there
        there = await self._asked(facts)
        if there is None or not is_news_untrusted(there, content(facts)):
            return False
        if not known and there and not facts.silent:
            self._turns.looked(node, self._now_ms(), sent=True)  # the last run may have sent it just now
            return False
        return await self._is_open(facts) and await self._put(facts)

    async def _left(self, facts: Facts) -> bool:
        """The node was moved: what the room it left knows of it goes, tried once -> whether an event went out."""
        there = self._there.pop((facts.room_id, facts.node))
        return bool(there) and await self._is_open(facts) and await self._put(facts)

    async def _asked(self, facts: Facts) -> Mapping[str, Any] | None:
        """What stands there; None: the homeserver did not say."""
        key = facts.room_id, facts.node
        if key not in self._there:
            answer = await self._matrix.state_event(facts.room_id, EVENT_TYPE, str(facts.node))
            if not answer.ok and not (answer.status == 404 and answer.errcode == "M_NOT_FOUND"):
                return None
            self._there[key] = mapping(answer.body) if answer.ok else {}
        return self._there[key]

    async def _is_open(self, facts: Facts) -> bool:
        """Only a clear no to encryption lets anything but {} into a room."""
        if not await self._may(facts.room_id):
            return False
        return facts.silent or await self._matrix.is_encrypted(facts.room_id) is False

    async def _put(self, facts: Facts) -> bool:
        said = content(facts)
        self._there.pop((facts.room_id, facts.node), None)  # until there is an answer, either may stand there
        answer = await self._matrix.put_state(facts.room_id, EVENT_TYPE, str(facts.node), said)
        if answer.ok and said:
            self._there[facts.room_id, facts.node] = said
        if answer.status == 429:
            self._rest_until_ms = self._now_ms() + REST_MS
        self._turns.looked(facts.node, self._now_ms(), sent=True)
        return True
