"""What comes of an attempt: done, kept, unsealed, parked; a lane, a room or the account waits."""

from dataclasses import replace

from comatrix.gateway.edges.poster.lookout import LookOut
from comatrix.gateway.edges.poster.parts import STORE_RETRY_MS, Parts
from comatrix.gateway.model import SealedRow
from comatrix.gateway.uplink.dispatch import ROOM_RETRY_MS
from comatrix.gateway.uplink.lane import Lane, Place
from comatrix.gateway.uplink.outcome import Done, Later, NoAnswer, Outcome, PauseAccount, PauseRoom, Refused

UNKNOWN = "unknown whether posted: "


class Settling:
    """Every change of a row is on disk before it counts."""

    def __init__(self, parts: Parts, lookout: LookOut) -> None:
        self._parts = parts
        self._lookout = lookout
        self._lanes = parts.dispatch.lanes
        self._troubles = parts.troubles

    async def sent(self, lane: Lane, row: SealedRow, outcome: Outcome, *, watched: bool) -> None:
        """The row was sent, and this came back."""
        lane.place.checked = lane.place.checked and watched
        if isinstance(outcome, NoAnswer):
            self.unanswered(lane, outcome)
            await self._doubted(lane, row, outcome)
            return
        self.answer_came(lane)
        if isinstance(outcome, PauseAccount):
            await self._account_refused(lane, row, outcome)
            return
        self._parts.dispatch.open_account()
        self._troubles.account_over()
        if isinstance(outcome, Done):
            self._parts.budget.accepted(self._parts.now_ms())
            await self.done(lane, row, outcome.event_id)
        elif isinstance(outcome, Later):
            self._parts.budget.limited(self._parts.now_ms(), outcome.delay_ms)
            self._troubles.limited()
            await self._keep(lane, row)
        elif isinstance(outcome, Refused):
            await self._refused(lane, row, outcome)
        else:
            await self._room_refused(lane, row, outcome)

    async def done(self, lane: Lane, row: SealedRow, event_id: str) -> None:
        """It is in the room."""
        await self._parts.persist(lambda: self._parts.outbox.done(row, event_id))
        lane.left(row)
        lane.delivered(event_id)
        for posted in self._parts.posted:
            posted(row)
        self._troubles.room_over(lane)
        place = lane.place
        if place.room.paused and not any(other.trouble for other in place.lanes):
            await self._parts.persist(lambda: self._parts.outbox.set_paused(place.room.id, None))
            place.room = replace(place.room, paused=None)

    async def absent(self, lane: Lane, row: SealedRow) -> None:
        """Its event is not in the room: no doubt is left. It goes out next as the lane's voice is now."""
        voice, now_ms = lane.voice, self._parts.now_ms()
        row = replace(row, in_doubt=False, sender=voice.user_id, device=voice.device_id, sealed_ms=now_ms)
        await self._parts.persist(lambda: self._parts.outbox.absent(row))
        lane.lost.discard(row.id)
        lane.unscoped.discard(row.id)
        lane.kept(row)

    async def release(self, lane: Lane, row: SealedRow, reason: str) -> None:
        """Its event does not exist and cannot be sent from here: its records wait again, or it is parked."""
        if not (row.records and await self._unseal(lane, row, reason)):
            await self.park(lane, row, reason)

    async def park(self, lane: Lane, row: SealedRow, reason: str) -> None:
        """Out of the way until a person decides."""
        await self._parts.persist(lambda: self._parts.outbox.park(row, reason))
        lane.left(row)
        self._troubles.parked(lane.place, row, reason)

    async def park_foreign(self, place: Place, row: SealedRow) -> None:
        """It was sealed for a user we are not: what that one posted is not for us to say."""
        reason = f"{UNKNOWN}sealed for {row.sender} on device {row.device}"
        await self._parts.persist(lambda: self._parts.outbox.park(row, reason))
        self._troubles.parked(place, row, reason)

    def stop(self, place: Place) -> None:
        """The room is encrypted."""
        place.stopped = True
        self._troubles.encrypted(place)

    def unanswered(self, lane: Lane, outcome: NoAnswer) -> None:
        """The lane backs off. Every room may have changed meanwhile, and the homeserver may have been restarted."""
        lane.back_off(self._parts.now_ms(), self._parts.random)
        self._lookout.doubt_rooms()
        self._troubles.unreachable(outcome.reason)
        if outcome.lost:
            for other in self._lanes.values():
                other.lost |= {row.id for row in other.rows if row.in_doubt}

    def answer_came(self, lane: Lane) -> None:
        """After an outage the first answer ends the others' waiting too."""
        if lane.unanswered:
            for other in self._lanes.values():
                if other.unanswered:
                    other.not_before_ms = 0
        lane.answered()
        if not any(other.unanswered for other in self._lanes.values()):
            self._troubles.reachable()

    def later(self, lane: Lane, outcome: Later) -> None:
        """Some other request than a send was limited: only this lane waits."""
        lane.not_before_ms = self._parts.now_ms() + (outcome.delay_ms or STORE_RETRY_MS)

    def pause_account(self, outcome: PauseAccount) -> None:
        """Nothing can be sent at all."""
        self._parts.dispatch.pause_account(self._parts.now_ms())
        self._troubles.account(outcome.reason, outcome.next_step)

    async def pause_room(self, lane: Lane, reason: str) -> None:
        """Nothing can be sent there now."""
        place = lane.place
        lane.not_before_ms = self._parts.now_ms() + ROOM_RETRY_MS
        lane.revived = False
        if place.room.paused != reason:
            await self._parts.persist(lambda: self._parts.outbox.set_paused(place.room.id, reason))
            place.room = replace(place.room, paused=reason)
        self._troubles.room(lane, reason, "nothing can be sent there, trying again every 10 minutes")

    def fall_back(self, lane: Lane, reason: str) -> bool:
        """The voice cannot speak there -> whether another one speaks for its nodes now."""
        if lane.voice.user_id == self._parts.outbox.voice.user_id:
            return False
        self._parts.voices.fall_back(lane.voice, lane.place.room, reason)
        return self._lookout.fell_silent(lane)

    def revive(self, lane: Lane, *, device: bool) -> bool:
        """Have the voice prepared anew, once for each row -> whether there is hope in that."""
        plain = lane.voice.user_id == self._parts.outbox.voice.user_id and not device
        if lane.revived or plain:
            return False
        lane.revived, lane.ready = True, False
        self._parts.voices.forget(lane.voice, None if device else lane.place.room)
        if device:  # what the homeserver remembered of transactions went with it
            lane.unscoped |= {row.id for row in lane.rows if row.in_doubt}
        return True

    async def _account_refused(self, lane: Lane, row: SealedRow, outcome: PauseAccount) -> None:
        await self._keep(lane, row)
        if outcome.device_is_gone and self.revive(lane, device=True):
            return
        if outcome.only_this_user and self.fall_back(lane, outcome.reason):
            return
        lane.revived = False
        self.pause_account(outcome)

    async def _room_refused(self, lane: Lane, row: SealedRow, pause: PauseRoom) -> None:
        moved = row.room_id != lane.place.room.room_id
        if moved or self.revive(lane, device=False):
            await self._keep(lane, row)
            return
        lane.not_before_ms = self._parts.now_ms() + ROOM_RETRY_MS
        if not (pause.regroup and row.records and await self._unseal(lane, row, pause.reason)):
            await self._keep(lane, row)
        await self.pause_room(lane, pause.reason)

    async def _refused(self, lane: Lane, row: SealedRow, refusal: Refused) -> None:
        if refusal.regroup and len(row.records) > 1 and await self._unseal(lane, row, refusal.reason):
            lane.split(len(row.records), too_large=refusal.too_large)
            return
        if len(row.records) == 1:
            lane.found_culprit()
        await self.park(lane, row, (UNKNOWN if row.in_doubt else "") + refusal.reason)

    async def _unseal(self, lane: Lane, row: SealedRow, reason: str) -> bool:
        spans = await self._parts.persist(lambda: self._parts.outbox.unseal(row, reason))
        if spans:
            lane.left(row)
            self._parts.streams.returned(spans)
        return bool(spans)

    async def _doubted(self, lane: Lane, row: SealedRow, outcome: NoAnswer) -> None:
        if outcome.lost:
            lane.lost.add(row.id)
        lane.doubted_ms = self._parts.now_ms()
        await self._keep(lane, replace(row, in_doubt=True))

    async def _keep(self, lane: Lane, row: SealedRow) -> None:
        """The row waits for its next attempt."""
        lane.kept(row)
        await self._parts.persist(lambda: self._parts.outbox.attempt(row))
