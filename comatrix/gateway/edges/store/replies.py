"""Answers to people, sealed like any event (tables outbox, reply): one reply a command, edited in place.

At most one row of a command is open at a time, so what changed meanwhile is one edit, not many.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from comatrix.gateway.downlink.items import Item
from comatrix.gateway.downlink.replies import REACTIONS
from comatrix.gateway.edges.store import outbox
from comatrix.gateway.model import Room, SealedRow, Voice
from comatrix.gateway.uplink.priority import FIRST_REPLY
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
    """The reply to a command as it stands. `event_id` None: the homeserver does not have it yet; `open`: an event of
    it is on its way, or parked."""

    command: int
    thread: str | None
    event_id: str | None
    open: bool
    shown: str
    sealed_ms: int
    reacted: bool


def shown(item: Item) -> str:
    """What tells one wording of a reply from the next."""
    return f"{item.state}/{item.attempts}"


def seal(connection: sqlite3.Connection, instance: str, voice: Voice, speech: Speech, now_ms: int) -> int:
    """The event is frozen -> its outbox row. Raises ValueError where it cannot be JSON for Matrix."""
    row_id = outbox.next_id(connection)
    txn = txn_id(instance, row_id, speech.kind)
    row = SealedRow(
        id=row_id,
        room=speech.room.id,
        room_id=speech.room.room_id,
        event_type=REACTION_TYPE if speech.kind == "react" else EVENT_TYPE,
        txn_id=txn,
        content=canonical(speech.make(txn)),
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


def begin(
    connection: sqlite3.Connection, command: int, row_id: int, shown: str, thread: str | None, now_ms: int
) -> None:
    """The first reply to a command was sealed as this row."""
    connection.execute(
        "INSERT INTO reply (command, thread, first, last, shown, sealed_ms) VALUES (?, ?, ?, ?, ?, ?)",
        (command, thread, row_id, row_id, shown, now_ms),
    )


def edited(connection: sqlite3.Connection, command: int, row_id: int, shown: str, now_ms: int) -> None:
    """An edit was sealed."""
    connection.execute(
        "UPDATE reply SET last = ?, shown = ?, sealed_ms = ? WHERE command = ?", (row_id, shown, now_ms, command)
    )


def reacted(connection: sqlite3.Connection, command: int, row_id: int | None) -> None:
    """The reaction was sealed as this row; None: there is none to send."""
    connection.execute("UPDATE reply SET last = coalesce(?, last), reacted = 1 WHERE command = ?", (row_id, command))


def of(connection: sqlite3.Connection, command: int) -> Reply | None:
    """None: nobody is told of this command, or its reply is long forgotten."""
    row = connection.execute(
        "SELECT command, thread, first.event_id, coalesce(last.state NOT IN ('done', 'dropped'), 0), reply.shown,"
        " reply.sealed_ms, reacted FROM reply LEFT JOIN outbox AS first ON first.id = reply.first"
        " LEFT JOIN outbox AS last ON last.id = reply.last WHERE command = ?",
        (command,),
    ).fetchone()
    return None if row is None else Reply(row[0], row[1], row[2], bool(row[3]), row[4], row[5], bool(row[6]))


def command_of(connection: sqlite3.Connection, row_id: int) -> int | None:
    """The command whose newest event is this outbox row."""
    row = connection.execute("SELECT command FROM reply WHERE last = ?", (row_id,)).fetchone()
    return None if row is None else int(row[0])


def behind(connection: sqlite3.Connection) -> list[int]:
    """Commands whose reply shows another state than they have, or has no reaction yet; the oldest first."""
    marks = ", ".join("?" * len(REACTIONS))
    rows = connection.execute(
        "SELECT reply.command FROM reply JOIN command ON number = reply.command"
        f" WHERE reply.shown <> state || '/' || attempts OR (NOT reacted AND state IN ({marks}))"
        f" ORDER BY reply.command LIMIT {AT_ONCE}",
        tuple(REACTIONS),
    )
    return [int(command) for (command,) in rows]
