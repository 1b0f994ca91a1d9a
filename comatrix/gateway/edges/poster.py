"""Takes waiting records through their lanes to the homeserver: seal, sync, send (docs/reference/matrix.md)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from functools import partial
from typing import TypeVar

from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import Arrivals, Node, Record, SealedRow
from comatrix.gateway.uplink import sealing
from comatrix.gateway.uplink.budget import Budget
from comatrix.gateway.uplink.cadence import Post, parse_post
from comatrix.gateway.uplink.dispatch import ROOM_RETRY_MS, Dispatch
from comatrix.gateway.uplink.lane import Lane
from comatrix.gateway.uplink.outcome import (
    Done,
    Later,
    NoAnswer,
    Outcome,
    PauseAccount,
    PauseRoom,
    Refused,
    judge,
    judge_encryption,
)
from comatrix.gateway.uplink.ports import Homeserver as Homeserver
from comatrix.gateway.uplink.ports import Outbox as Outbox
from comatrix.gateway.uplink.rendering import event_content
from comatrix.gateway.uplink.streams import Streams
from comatrix.gateway.uplink.troubles import Troubles

STORE_RETRY_MS = 5_000
LOOK_EVERY_MS = 50  # under load the log is looked through this often, not once a commit
ENCRYPTION = "m.room.encryption"
DEDUPE_WINDOW_MS = 20 * 3_600_000  # Synapse remembers a transaction id for 24 h

T = TypeVar("T")


class Poster:
    """`run()` until cancelled. `poke()` when a record was committed, `reload()` when a person changed something.

    `now_ms` is Unix time; `wait(until_ms)` returns then; `tell` gets a line for the operator once a change of state.
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
        dedupe_window_ms: int = DEDUPE_WINDOW_MS,
    ) -> None:
        self._outbox = outbox
        self._homeserver = homeserver
        self._now_ms = now_ms
        self._wait = wait
        self._random = random
        self._timezone = timezone
        self._render = render
        self._dedupe_window_ms = dedupe_window_ms
        self._troubles = Troubles(tell)
        self._budget = Budget()
        self._streams = Streams({})
        self._dispatch = Dispatch(self._streams, self._budget)
        self._lanes = self._dispatch.lanes
        self._wake = asyncio.Event()
        self._arrived = True
        self._changed = False
        self._watched = True
        self._seen: int | None = None  # row id of the newest record looked at
        self._look_at_ms = 0

    def poke(self) -> None:
        """A record was committed."""
        if not self._arrived:
            self._arrived = True
            self._wake.set()

    def reload(self) -> None:
        """Nodes, rooms or parked rows were changed by a person: whatever waits for a retry is tried now."""
        self._changed = True
        self._wake.set()

    def watched(self, watched: bool) -> None:
        """Whether what happens to rooms is heard of at once. While not, a room is looked at before each event."""
        self._watched = watched
        if not watched:
            self._doubt_rooms()

    def troubles(self) -> list[str]:
        """What keeps records from their rooms now, in words."""
        return self._troubles.now(self._lanes.values())

    async def run(self) -> None:
        """Sends until cancelled. A PUT under way is then in doubt, as after a crash."""
        rows = await self._persist(self._outbox.begin)
        self._load()
        self._remember()
        self._queue(rows)
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                self._look()
                for lane in self._dispatch.choose(self._now_ms()):
                    group.create_task(self._step(lane))
                await self._sleep()

    async def _sleep(self) -> None:
        """Until woken, or the next moment that matters."""
        moments = [self._dispatch.next_ms(), self._look_at_ms if self._arrived else None]
        known = [moment for moment in moments if moment is not None]
        waits = [asyncio.create_task(self._woken())]
        if known:
            waits.append(asyncio.create_task(self._until(min(known))))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def _woken(self) -> None:
        await self._wake.wait()

    async def _until(self, at_ms: int) -> None:
        await self._wait(at_ms)

    # Looking at the log

    def _load(self) -> None:
        """Nodes and rooms as they are now."""
        self._streams.set_posts({node.number: _cadence(node) for node in self._outbox.nodes()})
        for room in self._outbox.rooms():
            lane = self._lanes.setdefault(room.id, Lane(room))
            lane.room = room
            if room.encrypted and not lane.stopped:
                self._stop(lane)

    def _remember(self) -> None:
        for room, node, sealed, sealed_ms in self._outbox.cursors():
            bodies = self._outbox.bodies(room, node, sealed, sealed) if self._streams.wants_bodies(node) else []
            self._streams.posted_before(room, node, sealed_ms, bodies[0] if bodies else None)

    def _queue(self, rows: Sequence[SealedRow]) -> None:
        for row in rows:
            lane = self._lanes[row.room]
            if all(row.id != known.id for known in lane.rows):
                lane.rows.append(row)

    def _look(self) -> None:
        now_ms = self._now_ms()
        if self._changed:
            self._changed = False
            self._load()
            self._queue(self._outbox.open_rows())
            self._dispatch.hurry()
        if not self._arrived or now_ms < self._look_at_ms:
            return
        self._arrived = False
        self._look_at_ms = now_ms + LOOK_EVERY_MS
        for new in self._outbox.waiting(self._seen):
            self._take_in(new)

    def _take_in(self, new: Arrivals) -> None:
        if new.room not in self._lanes:
            self._load()
        self._streams.arrived(new, lambda: self._outbox.bodies(new.room, new.node, new.first_id, new.last_id))
        self._seen = max(self._seen or 0, new.last_id)

    # One step of one lane

    async def _step(self, lane: Lane) -> None:
        try:
            if not lane.checked:
                await self._check(lane)
            elif (row := lane.rows[0] if lane.rows else await self._seal(lane)) is not None and lane.open:
                await self._send(lane, row)
        finally:
            lane.busy = False
            self._wake.set()

    async def _check(self, lane: Lane) -> None:
        """Nothing goes to a room before the homeserver said that it is not encrypted: since this start, and since
        anything could have happened to it unheard."""
        found = judge_encryption(await self._homeserver.state_event(lane.room.room_id, ENCRYPTION))
        if found is False:
            lane.checked = True  # what comes of the event itself ends the back-off
            return
        if isinstance(found, NoAnswer):
            self._unanswered(lane, found)
            return
        self._answer_came(lane)
        if found is True:
            self._stop(lane)
            await self._persist(lambda: self._outbox.set_encrypted(lane.room.id))
        elif isinstance(found, PauseAccount):
            self._pause_account(found)
        elif isinstance(found, Later):
            lane.not_before_ms = self._now_ms() + (found.delay_ms or STORE_RETRY_MS)
        elif not isinstance(found, Done):
            lane.not_before_ms = self._now_ms() + ROOM_RETRY_MS
            trouble = f"cannot find out whether it is encrypted ({found.reason})"
            self._troubles.room(lane, trouble, "nothing is sent there until then")

    def _stop(self, lane: Lane) -> None:
        lane.stopped = True
        self._troubles.room(lane, "is encrypted", "nothing is ever sent there. See: comatrix node move")

    def _doubt_rooms(self) -> None:
        for lane in self._lanes.values():
            lane.checked = False

    def _unanswered(self, lane: Lane, outcome: NoAnswer) -> None:
        lane.back_off(self._now_ms(), self._random)
        self._doubt_rooms()
        self._troubles.unreachable(outcome.reason)

    def _pause_account(self, outcome: PauseAccount) -> None:
        self._dispatch.pause_account(self._now_ms())
        self._troubles.account(outcome.reason, outcome.next_step)

    async def _seal(self, lane: Lane) -> SealedRow | None:
        now_ms = self._now_ms()
        due = self._streams.due(lane.room.id, now_ms)
        if not due:
            return None
        limit = min(lane.limit, sum(part.count for part in due))
        seal = partial(
            self._outbox.seal,
            due,
            limit=limit,
            now_ms=now_ms,
            resend_until_ms=now_ms + self._dedupe_window_ms,
            floor=self._streams.floor(),
            compose=self._compose,
        )
        try:
            sealed = await self._persist(seal)
        except ValueError:
            lane.split(limit, too_large=False)
            return None
        if sealed is None:
            self._streams.nothing_waits(due)
            return None
        row, members = sealed
        self._streams.sealed(members, now_ms)
        lane.rows.append(row)
        return row

    def _compose(self, records: Sequence[Record], nodes: Mapping[int, Node], txn_id: str) -> sealing.Draft:
        """As sealing.compose, but a single record that cannot be rendered gets no content; it is parked then."""
        try:
            return sealing.compose(records, nodes, txn_id=txn_id, timezone=self._timezone, render=self._render)
        except Exception as error:
            if len(records) > 1:
                raise ValueError("one of these cannot be rendered") from error
            return sealing.Draft(b"", tuple(records))

    async def _send(self, lane: Lane, row: SealedRow) -> None:
        if not row.content:
            lane.found_culprit()
            await self._park(lane, row, "cannot be shown in a room")
        elif row.in_doubt and self._now_ms() > row.resend_until_ms:
            await self._park(lane, row, "unknown whether posted: the homeserver may have forgotten the attempt")
        else:
            answer = await self._homeserver.send_event(row.room_id, row.event_type, row.txn_id, row.content)
            tried = replace(row, attempts=row.attempts + 1)
            await self._settle(lane, tried, judge(answer, in_doubt=row.in_doubt))

    # What came of it

    async def _settle(self, lane: Lane, row: SealedRow, outcome: Outcome) -> None:
        now_ms = self._now_ms()
        lane.checked = lane.checked and self._watched
        if isinstance(outcome, NoAnswer):
            self._unanswered(lane, outcome)
            await self._keep(lane, replace(row, in_doubt=True))
            return
        self._answer_came(lane)
        if isinstance(outcome, PauseAccount):
            self._pause_account(outcome)
            await self._keep(lane, row)
            return
        self._dispatch.open_account()
        self._troubles.account_over()
        if isinstance(outcome, Done):
            self._budget.accepted(now_ms)
            await self._done(lane, row, outcome.event_id)
        elif isinstance(outcome, Later):
            self._budget.limited(now_ms, outcome.delay_ms)
            self._troubles.limited()
            await self._keep(lane, row)
        elif isinstance(outcome, Refused):
            await self._refused(lane, row, outcome)
        else:
            lane.not_before_ms = now_ms + ROOM_RETRY_MS
            await self._pause_room(lane, row, outcome)

    async def _done(self, lane: Lane, row: SealedRow, event_id: str) -> None:
        await self._persist(lambda: self._outbox.done(row, event_id))
        lane.rows.popleft()
        lane.delivered()
        if lane.room.paused:
            await self._persist(lambda: self._outbox.set_paused(lane.room.id, None))
            lane.room = replace(lane.room, paused=None)
        self._troubles.room_over(lane)

    async def _refused(self, lane: Lane, row: SealedRow, refusal: Refused) -> None:
        if refusal.regroup and len(row.records) > 1 and await self._unseal(lane, row, refusal.reason):
            lane.split(len(row.records), too_large=refusal.too_large)
            return
        if len(row.records) == 1:
            lane.found_culprit()
        unknown = "unknown whether posted: " if row.in_doubt else ""
        await self._park(lane, row, unknown + refusal.reason)

    async def _pause_room(self, lane: Lane, row: SealedRow, pause: PauseRoom) -> None:
        if not (pause.regroup and await self._unseal(lane, row, pause.reason)):
            await self._keep(lane, row)
        if lane.room.paused != pause.reason:
            await self._persist(lambda: self._outbox.set_paused(lane.room.id, pause.reason))
            lane.room = replace(lane.room, paused=pause.reason)
        self._troubles.room(lane, pause.reason, "nothing can be sent there, trying again every 10 minutes")

    async def _unseal(self, lane: Lane, row: SealedRow, reason: str) -> bool:
        spans = await self._persist(lambda: self._outbox.unseal(row, reason))
        if spans:
            lane.rows.popleft()
            self._streams.returned(spans)
        return bool(spans)

    async def _park(self, lane: Lane, row: SealedRow, reason: str) -> None:
        await self._persist(lambda: self._outbox.park(row, reason))
        lane.rows.popleft()
        self._troubles.parked(lane, row, reason)

    async def _keep(self, lane: Lane, row: SealedRow) -> None:
        """The row stays the next one to send."""
        lane.rows[0] = row
        await self._persist(lambda: self._outbox.attempt(row))

    def _answer_came(self, lane: Lane) -> None:
        """After an outage the first answer ends the others' waiting too."""
        if lane.unanswered:
            for other in self._lanes.values():
                if other.unanswered:
                    other.not_before_ms = 0
        lane.answered()
        if not any(other.unanswered for other in self._lanes.values()):
            self._troubles.reachable()

    async def _persist(self, write: Callable[[], Awaitable[T]]) -> T:
        """A write that must happen: again until the database takes it."""
        told = False
        while True:
            try:
                return await write()
            except StoreError as error:
                if not told:
                    self._troubles.database(error.text, error.next_step)
                told = True
                await self._wait(self._now_ms() + STORE_RETRY_MS)


def _cadence(node: Node) -> Post:
    """A cadence the database should not hold is no reason to keep records back."""
    try:
        return parse_post(node.post)
    except ValueError:
        return Post("every")
