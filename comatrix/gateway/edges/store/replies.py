"""Answers to people, sealed like any event (tables outbox, reply): one reply a command, edited in place.

At most one row of a command is on its way at a time, so what changed meanwhile is one edit, not many. But how it ended
does not wait for an edit that is in no hurry: behind it in its lane, it makes that one hurry.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from comatrix.gateway.downlink.items import Item
from comatrix.gateway.downlink.replies import REACTIONS, Place
from comatrix.gateway.edges.store import outbox
from comatrix.gateway.model import Room, SealedRow, Voice
from comatrix.gateway.uplink.priority import FIRST_REPLY, INTERMEDIATE_EDIT
from comatrix.gateway.uplink.sealing import EVENT_TYPE, canonical, txn_id

REACTION_TYPE = "m.reaction"
AT_ONCE = 1000

Make = Callable[[str], dict[str, Any]]  # transaction id -> content


@dataclass(frozen=True, slots=True)
class Speech:
    """An event to seal. `kind`: "msg", "edit" or "react"."""

    room: Room
    make: Make
    kind: str = "msg"
    priority: int = FIRST_REPLY


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to a command as it stands. `asked`, `event_id` None: that event is not there (any more).

    `row_state`: of the outbox row sealed last, "" once that is forgotten."""

    asked: str | None
    thread: str | None
    room_id: str
    sender: str
    event_id: str | None
    shown: str
    sealed_ms: int
    row_state: str


def shown(item: Item) -> str:
    """What tells one wording of a reply from the next."""
    return f"{item.state}/{item.attempts}"


def seal(connection: sqlite3.Connection, instance: str, voice: Voice, speech: Speech, now_ms: int) -> int:
    """The event is frozen -> its outbox row. What cannot be JSON for Matrix has no content: the poster parks it."""
    row_id = outbox.next_id(connection)
    txn = txn_id(instance, row_id, speech.kind)
    row = SealedRow(
        id=row_id,
        room=speech.room.id,
        room_id=speech.room.room_id,
        event_type=REACTION_TYPE if speech.kind == "react" else EVENT_TYPE,
        txn_id=txn,
        content=_content(speech.make(txn)),
        sealed_ms=now_ms,
        records=(),
        in_doubt=False,
        attempts=0,
        state="sealed",
        sender=voice.user_id,
        device=voice.device_id,
        kind=speech.kind,
        priority=speech.priority,
        oldest_ms=now_ms,
    )
    outbox.seal(connection, row, ())
    return row_id


def begin(connection: sqlite3.Connection, item: Item, place: Place | None, row_id: int, now_ms: int) -> None:
    """This row says of a command what is so: its first reply, or one in place of a reply that is gone."""
    asked, thread = (None, None) if place is None else (place.event_id, place.thread)
    connection.execute(
        "INSERT INTO reply (command, asked, thread, room_id, sender, first, last, shown, sealed_ms)"
        " SELECT ?1, ?2, ?3, room_id, sender, id, id, ?5, ?6 FROM outbox WHERE id = ?4"
        " ON CONFLICT (command) DO UPDATE SET (asked, thread, room_id, sender, first, event_id, last, shown, sealed_ms)"
        " = (excluded.asked, excluded.thread, excluded.room_id, excluded.sender, excluded.first, NULL, excluded.last,"
        " excluded.shown, excluded.sealed_ms)",
        (item.number, asked, thread, row_id, shown(item), now_ms),
    )


def posted(connection: sqlite3.Connection, row_id: int, event_id: str) -> None:
    """An outbox row without records is in its room: where it is a reply, this is what its edits are about."""
    connection.execute("UPDATE reply SET event_id = ? WHERE first = ?", (event_id, row_id))


def edited(connection: sqlite3.Connection, item: Item, row_id: int, now_ms: int) -> None:
    """An edit was sealed as this row."""
    connection.execute(
        "UPDATE reply SET last = ?, shown = ?, sealed_ms = ? WHERE command = ?",
        (row_id, shown(item), now_ms, item.number),
    )


def end(connection: sqlite3.Connection, command: int, row_id: int | None = None) -> None:
    """Nothing is left to say. `row_id`: of the reaction, where there is one."""
    connection.execute("UPDATE reply SET last = coalesce(?, last), over = 1 WHERE command = ?", (row_id, command))


def of(connection: sqlite3.Connection, command: int) -> Reply | None:
    """None: nobody is told of this command."""
    row = connection.execute(
        "SELECT asked, thread, reply.room_id, reply.sender, reply.event_id, shown, reply.sealed_ms,"
        " coalesce(last.state, '') FROM reply LEFT JOIN outbox AS last ON last.id = reply.last"
        " WHERE command = ?",
        (command,),
    ).fetchone()
    return None if row is None else Reply(*row)


def asked_by(connection: sqlite3.Connection, room_id: str, event_id: str) -> list[int]:
    """The commands that this message of the room asked for: one, or with "all" some."""
    rows = connection.execute(
        "SELECT command FROM reply WHERE asked = ? AND room_id = ? ORDER BY command", (event_id, room_id)
    )
    return [int(command) for (command,) in rows]


def removed(connection: sqlite3.Connection, room_id: str, event_id: str) -> None:
    """Somebody removed this event of the room: a message gets no reaction any more, a reply no edit."""
    where = "room_id = ? AND NOT over AND"
    connection.execute(f"UPDATE reply SET asked = NULL WHERE {where} asked = ?", (room_id, event_id))
    connection.execute(f"UPDATE reply SET event_id = NULL WHERE {where} event_id = ?", (room_id, event_id))


def behind(connection: sqlite3.Connection) -> list[int]:
    """Commands whose reply may speak and has something to say: another state, its reaction, or, where the room was
    replaced under it, the same once more. The oldest first.

    One may not speak while an event of it is on its way, or parked until a person decides; except of its end, behind an
    edit that went before.
    """
    marks = ", ".join("?" * len(REACTIONS))
    rows = connection.execute(
        "SELECT reply.command FROM reply JOIN command ON number = reply.command JOIN room ON room.id = command.room"
        " LEFT JOIN outbox AS last ON last.id = reply.last"
        " WHERE NOT over AND NOT room.encrypted AND room.successor IS NULL"
        " AND (coalesce(last.state, 'done') IN ('done', 'dropped')"
        "  OR (last.state = 'parked' AND last.room_id <> room.room_id)"
        "  OR (last.state = 'sealed' AND last.kind = 'edit' AND last.priority = ? AND command.ended_ms IS NOT NULL))"
        " AND (reply.shown <> command.state || '/' || command.attempts OR last.state = 'parked'"
        f"  OR command.state IN ({marks}))"
        f" ORDER BY reply.command LIMIT {AT_ONCE}",
        (INTERMEDIATE_EDIT, *REACTIONS),
    )
    return [int(command) for (command,) in rows]


def _content(content: dict[str, Any]) -> bytes:
    try:
        return canonical(content)
    except ValueError:
        return b""
