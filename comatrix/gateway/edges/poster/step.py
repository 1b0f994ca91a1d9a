"""One step of one lane: ask about the room, prepare the voice, look for a row in doubt, seal, send."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from comatrix.gateway.edges.poster.lookout import LookOut
from comatrix.gateway.edges.poster.parts import Parts
from comatrix.gateway.edges.poster.reading import look_for
from comatrix.gateway.edges.poster.settling import UNKNOWN, Settling
from comatrix.gateway.model import Node, Record, SealedRow
from comatrix.gateway.uplink import sealing
from comatrix.gateway.uplink.dispatch import ROOM_RETRY_MS
from comatrix.gateway.uplink.lane import Lane
from comatrix.gateway.uplink.outcome import Done, Later, NoAnswer, PauseAccount, judge, judge_encryption
from comatrix.gateway.uplink.readback import Absent, Dedupe, Found, dedupe_of, must_read_back

ENCRYPTION = "m.room.encryption"


class Steps:
    """`watched`: what happens to rooms is heard of at once. While not, a room is asked about before each event."""

    def __init__(self, parts: Parts, lookout: LookOut, settling: Settling) -> None:
        self._parts = parts
        self._lookout = lookout
        self._settling = settling
        self._server_name: str | None = None
        self.watched = True

    async def step(self, lane: Lane) -> None:
        """What the lane needs first."""
        sent = False
        try:
            sent = await self._go(lane)
        finally:
            if lane.token and not sent:
                self._parts.budget.returned()
            lane.token = lane.busy = False

    async def _go(self, lane: Lane) -> bool:
        """-> whether something was sent."""
        row = self._chosen(lane)
        if row is not None and lane.stranded(row):
            await self._strand(lane, row)
            return False
        if not lane.place.checked:
            await self._check(lane)
            return False
        if row is not None and row.in_doubt and not await self._may_repeat(lane, row):
            return False
        if not lane.ready and not await self._prepare(lane):
            return False
        if row is None:
            row = await self._seal(lane)
        if row is None or not lane.place.checked or lane.place.stopped or lane.stranded(row):
            return False
        return await self._send(lane, row)

    def _chosen(self, lane: Lane) -> SealedRow | None:
        """The row to send; None: seal one."""
        row, now_ms = lane.first(), self._parts.now_ms()
        due_ms = self._parts.streams.due_ms(lane.key)
        if row is None or not lane.may_seal() or due_ms is None or due_ms > now_ms:
            return row
        return None if self._parts.streams.priority(lane.key, now_ms) < row.priority else row

    async def _check(self, lane: Lane) -> None:
        """Nothing goes to a room before the homeserver said that it is not encrypted: since this start, and since
        anything could have happened to it unheard."""
        room_id = lane.place.room.room_id
        found = judge_encryption(await self._parts.homeserver.state_event(room_id, ENCRYPTION))
        if room_id != lane.place.room.room_id:
            return  # replaced meanwhile: of the room in its place nothing is known yet
        if found is False:
            lane.place.checked = True  # what comes of the event itself ends the back-off
            return
        if isinstance(found, NoAnswer):
            self._settling.unanswered(lane, found)
            return
        self._settling.answer_came(lane)
        if found is True:
            self._settling.stop(lane.place)
            await self._parts.persist(lambda: self._parts.outbox.set_encrypted(lane.place.room.id))
        elif isinstance(found, PauseAccount):
            self._settling.pause_account(found)
        elif isinstance(found, Later):
            self._settling.later(lane, found)
        elif not isinstance(found, Done):
            lane.not_before_ms = self._parts.now_ms() + ROOM_RETRY_MS
            trouble = f"cannot find out whether it is encrypted ({found.reason})"
            self._parts.troubles.room(lane, trouble, "nothing is sent there until then")

    async def _prepare(self, lane: Lane) -> bool:
        """Whether the voice can speak."""
        answer = await self._parts.voices.prepare(lane.voice, lane.place.room)
        if answer.ok:
            lane.ready = True
            return True
        outcome = judge(answer, in_doubt=True)
        if isinstance(outcome, NoAnswer):
            self._settling.unanswered(lane, outcome)
            return False
        self._settling.answer_came(lane)
        if isinstance(outcome, Later):
            self._settling.later(lane, outcome)
        elif isinstance(outcome, PauseAccount) and not outcome.only_this_user:
            self._settling.pause_account(outcome)
        elif not isinstance(outcome, Done) and not self._settling.fall_back(lane, outcome.reason):
            await self._settling.pause_room(lane, outcome.reason)
        return False

    # Doubt

    async def _may_repeat(self, lane: Lane, row: SealedRow) -> bool:
        """Whether the homeserver will recognise the row if it has it; if not, it is looked for now, or later."""
        dedupe = await self._dedupe(row)
        if self._unsettled(lane, row, dedupe):
            return False
        new_scope = (row.sender, row.device) != (lane.voice.user_id, lane.voice.device_id)
        lost = row.id in lane.lost
        if new_scope or row.id in lane.unscoped or must_read_back(row, dedupe, self._parts.now_ms(), lost=lost):
            await self._look_for(lane, row)
            return False
        return True

    async def _dedupe(self, row: SealedRow) -> Dedupe:
        if self._parts.dedupe == "auto" and self._server_name is None:
            self._server_name = await self._parts.homeserver.server_name()
        return dedupe_of(self._parts.dedupe, self._server_name, device=row.device)

    def _unsettled(self, lane: Lane, row: SealedRow, dedupe: Dedupe) -> bool:
        """Whether the last attempt may still be at work: then the lane waits, whoever hurries it."""
        now_ms = self._parts.now_ms()
        over_ms = min(lane.doubted_ms, now_ms) + dedupe.settles_ms
        if row.id not in lane.lost or now_ms >= over_ms:
            return False
        lane.not_before_ms = over_ms
        return True

    async def _strand(self, lane: Lane, row: SealedRow) -> None:
        """The row cannot be sent from here any more."""
        if not row.in_doubt:
            await self._settling.release(lane, row, "its room was replaced, or its sender cannot speak there")
        elif not self._unsettled(lane, row, await self._dedupe(row)):
            await self._look_for(lane, row)

    async def _look_for(self, lane: Lane, row: SealedRow) -> None:
        verdict = await look_for(self._parts.homeserver, row, own=self._parts.ours(row.sender))
        if isinstance(verdict, NoAnswer):
            self._settling.unanswered(lane, verdict)
            return
        self._settling.answer_came(lane)
        if isinstance(verdict, Found):
            await self._settling.done(lane, row, verdict.event_id)
        elif isinstance(verdict, Later):
            self._settling.later(lane, verdict)
        elif isinstance(verdict, PauseAccount):
            if not (verdict.device_is_gone and self._settling.revive(lane, device=True)):
                self._settling.pause_account(verdict)
        elif isinstance(verdict, Absent) and lane.stranded(row):
            await self._settling.release(lane, replace(row, in_doubt=False), "it is not in the room it was sealed for")
        elif isinstance(verdict, Absent) or (row.forced and not lane.stranded(row)):
            await self._settling.absent(lane, row)
        else:
            await self._settling.park(lane, row, UNKNOWN + verdict.reason)

    # Sealing and sending

    async def _seal(self, lane: Lane) -> SealedRow | None:
        now_ms, streams = self._parts.now_ms(), self._parts.streams
        due = streams.due(lane.key, now_ms, lane.limit)
        if not due or not lane.may_seal():
            return None
        limit = min(lane.limit, sum(part.count for part in due))
        seal = partial(
            self._parts.outbox.seal,
            due,
            voice=lane.voice,
            priority=streams.priority(lane.key, now_ms),
            after_event=lane.last_event,
            limit=limit,
            now_ms=now_ms,
            floor=streams.floor(),
            compose=partial(self._compose, lane),
        )
        try:
            sealed = await self._parts.persist(seal)
        except ValueError:
            lane.split(limit, too_large=False)
            return None
        if sealed is None:
            streams.nothing_waits(due)
            return None
        row, members = sealed
        streams.sealed(members, now_ms)
        lane.took(row)
        return row

    def _compose(self, lane: Lane, records: Sequence[Record], nodes: Mapping[int, Node], txn_id: str) -> sealing.Draft:
        """As sealing.compose, but a single record that cannot be rendered gets no content; it is parked then."""
        own_voice = lane.voice.user_id != self._parts.outbox.voice.user_id
        try:
            return sealing.compose(
                records,
                nodes,
                txn_id=txn_id,
                timezone=self._parts.timezone,
                own_voice=own_voice,
                render=self._parts.render,
            )
        except Exception as error:
            if len(records) > 1:
                raise ValueError("one of these cannot be rendered") from error
            return sealing.Draft(b"", tuple(records))

    async def _send(self, lane: Lane, row: SealedRow) -> bool:
        """-> whether it was sent."""
        if not row.content:
            lane.found_culprit()
            await self._settling.park(lane, row, "cannot be shown in a room")
            return False
        if (row.sender, row.device) != (lane.voice.user_id, lane.voice.device_id):
            await self._settling.absent(lane, row)  # never in doubt: nobody knows it under its old device
            return False
        answer = await self._parts.homeserver.send_event(
            row.room_id, row.event_type, row.txn_id, row.content, voice=lane.voice
        )
        tried = replace(row, attempts=row.attempts + 1)
        await self._settling.sent(lane, tried, judge(answer, in_doubt=row.in_doubt), watched=self.watched)
        return True
