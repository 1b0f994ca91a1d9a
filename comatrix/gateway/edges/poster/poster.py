"""The poster's loop: look out, choose lanes, take a step of each, sleep."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import tzinfo
from typing import Any

from comatrix.gateway.edges.poster.lookout import LookOut
from comatrix.gateway.edges.poster.parts import Parts
from comatrix.gateway.edges.poster.settling import Settling
from comatrix.gateway.edges.poster.step import Steps
from comatrix.gateway.model import SealedRow, Voice
from comatrix.gateway.uplink import sealing
from comatrix.gateway.uplink.budget import Budget
from comatrix.gateway.uplink.dispatch import Dispatch
from comatrix.gateway.uplink.lags import room_lag
from comatrix.gateway.uplink.lane import Lane
from comatrix.gateway.uplink.ports import Homeserver, Outbox, Voices
from comatrix.gateway.uplink.rendering import event_content
from comatrix.gateway.uplink.streams import Streams
from comatrix.gateway.uplink.troubles import Troubles
from comatrix.gateway.uplink.voices import BotVoices


class Poster:
    """`run()` until cancelled. `poke()` when a record was committed, `sealed()` when somebody else sealed an event,
    `reload()` when a person changed something.

    `now_ms` is Unix time; `wait(until_ms)` returns then; `tell` gets a line for the operator once a change of state.
    `voices`: who speaks for each node, the outbox's own account if not given; `ours`: whether we may speak as a user.
    `dedupe` as in `[homeserver] dedupe`.
    """

    def __init__(
        self,
        outbox: Outbox,
        homeserver: Homeserver,
        *,
        now_ms: Callable[[], int],
        wait: Callable[[int], Awaitable[None]],
        tell: Callable[[str], None],
        random: Callable[[int], int],
        timezone: tzinfo,
        render: sealing.Render = event_content,
        voices: Voices | None = None,
        ours: Callable[[str], bool] | None = None,
        dedupe: str = "auto",
    ) -> None:
        streams, budget = Streams({}), Budget()
        self._parts = parts = Parts(
            outbox=outbox,
            homeserver=homeserver,
            voices=voices or BotVoices(outbox.voice),
            ours=ours or (lambda user_id: user_id == outbox.voice.user_id),
            dedupe=dedupe,
            now_ms=now_ms,
            wait=wait,
            random=random,
            timezone=timezone,
            render=render,
            streams=streams,
            budget=budget,
            dispatch=Dispatch(streams, budget),
            troubles=Troubles(tell),
        )
        self._lookout = LookOut(parts)
        self._settling = Settling(parts, self._lookout)
        self._steps = Steps(parts, self._lookout, self._settling)
        self._wake = asyncio.Event()
        self._changed = False
        self._sealed = False

    def poke(self) -> None:
        """A record was committed."""
        if self._lookout.arrived():
            self._wake.set()

    def await_older(self, node: int, *, awaits: bool) -> None:
        """Whether an older record of the node is still on its way: what came since waits for it."""
        self._parts.streams.await_older(node, awaits=awaits)
        if not awaits:
            self._wake.set()

    def sealed(self) -> None:
        """There are open rows that are not of the log, such as replies."""
        self._sealed = True
        self._wake.set()

    def reload(self) -> None:
        """Nodes, rooms, voices or parked rows were changed: whatever waits for a retry is tried now."""
        self._changed = True
        self._wake.set()

    def signed_in(self, voice: Voice) -> None:
        """The account has another device: what the old one sent and is in doubt is looked for before it is repeated."""
        self._parts.outbox.became(voice)
        for lane in self._parts.dispatch.lanes.values():
            if lane.voice.user_id == voice.user_id:
                lane.voice = voice
        self.reload()

    async def replaced(self, room: int) -> None:
        """A room row names another room now. What was sealed for the old one and cannot exist there is sealed anew;
        what may exist there is looked for there first."""
        self.reload()

    def watched(self, watched: bool) -> None:
        """Whether what happens to rooms is heard of at once. While not, a room is looked at before each event."""
        self._steps.watched = watched
        if not watched:
            self._lookout.doubt_rooms()

    @property
    def voice(self) -> Voice:
        """The gateway's own account, on the device it has now."""
        return self._parts.outbox.voice

    @property
    def quiet(self) -> bool:
        """No event is on its way or could be, and the homeserver does not limit the account: time for what can wait."""
        dispatch, now_ms = self._parts.dispatch, self._parts.now_ms()
        if self._wake.is_set() or self._parts.budget.interval_ms is not None or dispatch.account_paused:
            return False
        next_ms = dispatch.next_ms(now_ms)
        return not any(lane.busy for lane in dispatch.lanes.values()) and (next_ms is None or next_ms > now_ms)

    def on_posted(self, posted: Callable[[SealedRow], None]) -> None:
        """`posted(row)` is told of each event that is in its room."""
        self._parts.posted.append(posted)

    def troubles(self) -> list[str]:
        """What keeps records from their rooms now, in words."""
        return self._parts.troubles.now(self._lookout.places())

    def lags(self) -> list[dict[str, Any]]:
        """How far each room is behind: one JSON-ready dict a room, see `uplink.lags.room_lag`."""
        parts, now_ms = self._parts, self._parts.now_ms()
        return [
            room_lag(place, parts.streams, parts.dispatch, parts.budget, now_ms) for place in self._lookout.places()
        ]

    async def run(self) -> None:
        """Sends until cancelled. A PUT under way is then in doubt, as after a crash."""
        rows = await self._parts.persist(self._parts.outbox.begin)
        await self._park_foreign(self._lookout.begin(rows))
        self._tell_encrypted()
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                await self._look()
                for lane in self._parts.dispatch.choose(self._parts.now_ms()):
                    group.create_task(self._step(lane))
                await self._sleep()

    async def _look(self) -> None:
        changed, sealed = self._changed, self._sealed
        self._changed = self._sealed = False
        if changed:
            self._lookout.load()
            self._tell_encrypted()
            self._parts.dispatch.hurry()
        if changed or sealed:
            await self._park_foreign(self._lookout.queue(self._parts.outbox.open_rows()))
        self._lookout.look()

    async def _step(self, lane: Lane) -> None:
        try:
            await self._steps.step(lane)
        finally:
            self._wake.set()

    async def _sleep(self) -> None:
        """Until woken, or the next moment that matters."""
        moments = [self._parts.dispatch.next_ms(self._parts.now_ms()), self._lookout.next_ms()]
        known = [moment for moment in moments if moment is not None]
        alarm = asyncio.create_task(self._alarm(min(known))) if known and not self._wake.is_set() else None
        try:
            await self._wake.wait()
        finally:
            if alarm is not None:
                alarm.cancel()

    async def _alarm(self, at_ms: int) -> None:
        await self._parts.wait(at_ms)
        self._wake.set()

    def _tell_encrypted(self) -> None:
        """Rooms that were found encrypted, by whomever."""
        for place in self._lookout.places():
            if place.stopped:
                self._settling.stop(place)

    async def _park_foreign(self, rows: list[SealedRow]) -> None:
        """Rows sealed for a user we are not: whether they were posted is not for us to see."""
        for row in rows:
            await self._settling.park_foreign(self._lookout.place(row.room), row)
