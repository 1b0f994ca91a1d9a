"""What the poster needs of the store: waiting records, sealed rows, rooms. One transaction a method."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from comatrix.gateway.edges.store import nodes, outbox, records, replies, rooms
from comatrix.gateway.model import Arrivals, Node, Record, Room, SealedRow, Voice
from comatrix.gateway.uplink.ports import Compose
from comatrix.gateway.uplink.sealing import EVENT_TYPE, Draft, txn_id
from comatrix.gateway.uplink.typed import addressee

T = TypeVar("T")


class Transactional(Protocol):
    """The part of Store that is used here."""

    @property
    def instance(self) -> str: ...
    async def run(self, job: Callable[[sqlite3.Connection], T]) -> T: ...
    def read(self, job: Callable[[sqlite3.Connection], T]) -> T: ...


class Delivery:
    """The outbox. `sender`, `device`: the gateway's own account."""

    def __init__(self, store: Transactional, *, sender: str, device: str) -> None:
        self._store = store
        self._voice = Voice(sender, device)

    @property
    def voice(self) -> Voice:
        """The gateway's own account."""
        return self._voice

    def became(self, voice: Voice) -> None:
        """A person signed in again, and got another device."""
        self._voice = voice

    async def begin(self) -> list[SealedRow]:
        """At start: every open row is in doubt -> all of them, in order."""
        return await self._store.run(self._begin)

    def _begin(self, connection: sqlite3.Connection) -> list[SealedRow]:
        outbox.doubt_open(connection)
        return outbox.open_rows(connection)

    def open_rows(self) -> list[SealedRow]:
        """Sealed rows without an answer, in order."""
        return self._store.read(outbox.open_rows)

    def nodes(self) -> list[Node]:
        """All, also revoked ones: what they said is still posted."""
        return self._store.read(lambda connection: nodes.all_nodes(connection, revoked=True))

    def rooms(self) -> list[Room]:
        """All rooms nodes are bound to."""
        return self._store.read(rooms.all_rooms)

    def cursors(self) -> list[tuple[int, int, int, int]]:
        """(room, node, sealed row id, sealed_ms) of every stream that was ever sealed."""
        return self._store.read(records.cursors)

    def newest_events(self) -> dict[tuple[int, str], str]:
        """(room, sender) -> event id of the newest event known there."""
        return self._store.read(outbox.newest_events)

    def waiting(self, after: int | None) -> list[Arrivals]:
        """Unsealed records that arrived after row id `after`; None: all."""
        return self._store.read(
            lambda connection: records.waiting(connection, outbox.floor(connection) if after is None else after)
        )

    def bodies(self, room: int, node: int, first_id: int, last_id: int) -> list[bytes]:
        """Bodies of a stream's records, oldest first."""
        return self._store.read(lambda connection: records.bodies(connection, room, node, first_id, last_id))

    async def seal(
        self,
        streams: Sequence[Arrivals],
        *,
        voice: Voice,
        priority: int,
        after_event: str | None,
        limit: int,
        now_ms: int,
        floor: int,
        compose: Compose,
    ) -> tuple[SealedRow, tuple[Record, ...]] | None:
        """The oldest waiting records of these streams of one room -> a row sealed for `voice`, synced; None: nothing.

        Raises what `compose` raises; then nothing is sealed.
        """
        room = streams[0].room
        first_id, last_id = min(part.first_id for part in streams), max(part.last_id for part in streams)
        numbers = [part.node for part in streams]

        def job(connection: sqlite3.Connection) -> tuple[SealedRow, tuple[Record, ...]] | None:
            found = records.unsealed(connection, room, numbers, first_id=first_id, last_id=last_id, limit=limit)
            if not found:
                return None
            # One that came behind a newer one, but stands before it in this event or an earlier one, is in its place.
            found = [
                replace(one, late=False) if one.late and not records.behind_newer(connection, one) else one
                for one in found
            ]
            row_id = outbox.next_id(connection)
            txn = txn_id(self._store.instance, row_id, "msg")
            draft = compose(found, _named(connection, found), txn)
            row = _row(
                connection,
                row_id,
                room,
                txn,
                draft,
                sender=voice.user_id,
                device=voice.device_id,
                sealed_ms=now_ms,
                priority=priority,
                after_event=after_event,
            )
            outbox.seal(connection, row, draft.members)
            outbox.set_floor(connection, floor)
            return row, draft.members

        return await self._store.run(job)

    async def done(self, row: SealedRow, event_id: str) -> None:
        """It is in the room."""

        def job(connection: sqlite3.Connection) -> None:
            outbox.done(connection, row.id, event_id, row.attempts)
            if not row.records:
                replies.posted(connection, row.id, event_id)

        await self._store.run(job)

    async def attempt(self, row: SealedRow) -> None:
        """Stores the row's attempts and doubt after an attempt that settled nothing."""
        await self._store.run(
            lambda connection: outbox.attempt(connection, row.id, row.attempts, in_doubt=row.in_doubt)
        )

    async def absent(self, row: SealedRow) -> None:
        """It was looked for in its room and is not there: no doubt is left. It goes out next as `row` is."""
        await self._store.run(lambda connection: outbox.absent(connection, row))

    async def park(self, row: SealedRow, reason: str) -> None:
        """Out of the way until a person decides."""
        await self._store.run(lambda connection: outbox.park(connection, row.id, reason))

    async def unseal(self, row: SealedRow, reason: str) -> list[Arrivals]:
        """Its records wait again -> their streams; empty: they cannot, the row is as it was."""
        return await self._store.run(lambda connection: outbox.unseal(connection, row.id, reason))

    async def set_encrypted(self, room: int) -> None:
        """Remembered for ever."""
        await self._store.run(lambda connection: rooms.set_encrypted(connection, room))

    async def set_paused(self, room: int, reason: str | None) -> None:
        """Why nothing is sent there now; None: it goes on."""
        await self._store.run(lambda connection: rooms.set_paused(connection, room, reason))


def _row(
    connection: sqlite3.Connection, row_id: int, room: int, txn: str, draft: Draft, *, sealed_ms: int, **whose: Any
) -> SealedRow:
    """The row of a draft. `whose`: fields of SealedRow."""
    found = rooms.by_id(connection, room)
    assert found is not None, "a record names a room that was never there"
    return SealedRow(
        id=row_id,
        room=room,
        room_id=found.room_id,
        event_type=EVENT_TYPE,
        txn_id=txn,
        content=draft.content,
        sealed_ms=sealed_ms,
        records=tuple(record.id for record in draft.members),
        in_doubt=False,
        attempts=0,
        state="sealed",
        nodes=tuple(sorted({record.node for record in draft.members})),
        oldest_ms=min(record.received_ms for record in draft.members),
        **whose,
    )


def _named(connection: sqlite3.Connection, members: Sequence[Record]) -> dict[int, Node]:
    """Who spoke, and to whom."""
    numbers = {record.node for record in members} | {addressee(record) for record in members} - {None}
    found = [nodes.by_number(connection, number) for number in numbers if number is not None]
    return {node.number: node for node in found if node is not None}
