"""Hears what was said in the rooms: who may what is asked first, then all of it commits with the token behind it."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from comatrix.gateway.desk.pace import Allowed, Pace
from comatrix.gateway.desk.rights import Known, Rights
from comatrix.gateway.desk.sitting import House, Sitting
from comatrix.gateway.desk.verbs import Verbs, find
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.addressing import Elsewhere, asked_untrusted, is_ours_to_answer
from comatrix.gateway.downlink.grammar import Parsed
from comatrix.gateway.downlink.hearing import Missed, News, Redacted, Said
from comatrix.gateway.downlink.items import VERBS as QUEUED
from comatrix.gateway.downlink.items import Item
from comatrix.gateway.downlink.letters import quoted
from comatrix.gateway.downlink.nearest import nearest
from comatrix.gateway.downlink.replies import Place, clock_words
from comatrix.gateway.downlink.verbs import VERBS
from comatrix.gateway.edges.store import heard as memory
from comatrix.gateway.edges.store import mailbox, nodes, plots, replies, rooms
from comatrix.gateway.model import Node, Room

TOO_FAST = "Too many commands in a row: this one and what follows is not done. Wait a minute."
MAY_NOT = "who asked for it may not any more"
UNSEEN = "it cannot be seen whether who asked for it still may"

Asked = tuple[News, Parsed | str | None]


class Mailroom(Protocol):
    """A transaction in which commands are queued and ended; what changed is told once it is on disk."""

    async def apply(self, job: Callable[[sqlite3.Connection], list[Item]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Tell:
    """Who hears of what is on disk. `changed(node)`: a person changed one; `sealed()`: there is something to send;
    `read(room id, event id)`: the newest command that was heard there; `operator(line)`: what needs a person."""

    changed: Callable[[int], None]
    sealed: Callable[[], None]
    read: Callable[[str, str], None]
    operator: Callable[[str], None]


@dataclass(slots=True)
class Batch:
    """What came of the news that commit together. `pace`: as it is then."""

    pace: Pace
    sittings: list[Sitting] = field(default_factory=list)

    @property
    def changed(self) -> list[Item]:
        """Commands that are new or over."""
        return [item for sitting in self.sittings for item in sitting.changed]


class Desk:
    """`rooms(room id)`: the configured room, None for one that is not listened to; `waiting(room)`: its commands that
    are not on air yet; `whose`: whose tokens those of the intake are."""

    def __init__(
        self,
        mail: Mailroom,
        house: House,
        verbs: Verbs,
        rights: Rights,
        tell: Tell,
        *,
        rooms: Callable[[str], Room | None],
        waiting: Callable[[Room], Sequence[Item]],
        whose: str,
        now_ms: Callable[[], int],
    ) -> None:
        self._mail = mail
        self._house = house
        self._verbs = verbs
        self._rights = rights
        self._tell = tell
        self._rooms = rooms
        self._waiting = waiting
        self._whose = whose
        self._now_ms = now_ms
        self._pace = Pace()
        self._called_otherwise: set[str] = set()  # rooms in which somebody named a gateway, and this one has no name

    async def heard(self, news: Sequence[News], since: str) -> None:
        """Commands, refusals, replies and the token, all or nothing. Raises StoreError, Unreachable: then the same
        comes again, and counts once."""
        asked = [self._asked(one) for one in news if self._rooms(one.room_id) is not None]
        people = [(one.room_id, one.sender) for one, it in asked if isinstance(one, Said) and isinstance(it, Parsed)]
        known = await self._rights.ask(people)
        batch = Batch(self._pace)

        def job(connection: sqlite3.Connection) -> list[Item]:
            nonlocal batch
            batch = Batch(self._pace.copy())
            for one, it in asked:
                self._hear(connection, one, it, known, batch)
            memory.set_since(connection, self._whose, since)
            return batch.changed

        await self._mail.apply(job)
        self._pace = batch.pace
        self._after(batch.sittings)

    async def who_may_changed(self, room_id: str) -> None:
        """Whoever may no more has what still waits of theirs withdrawn. Raises StoreError, Unreachable."""
        room = self._rooms(room_id)
        waiting = [] if room is None else self._waiting(room)
        known = await self._rights.ask((room_id, item.new.sender) for item in waiting)
        lost = [item for item in waiting if _refused(known, room_id, item)]
        if lost:
            await self._mail.apply(lambda connection: self._withdrawn(connection, room_id, lost, known))

    def _withdrawn(
        self, connection: sqlite3.Connection, room_id: str, lost: Sequence[Item], known: Known
    ) -> list[Item]:
        ended, now_ms = [], self._now_ms()
        for item in lost:
            why = MAY_NOT if known.found[room_id, item.new.sender] else UNSEEN
            ended.append(mailbox.end(connection, item.number, states.WITHDREW, now_ms, why))
        return [item for item in ended if item is not None]

    def _after(self, sittings: Sequence[Sitting]) -> None:
        for node in {node for sitting in sittings for node in sitting.nodes}:
            self._tell.changed(node)
        if any(sitting.sealed for sitting in sittings):
            self._tell.sealed()
        newest = {sitting.room.room_id: sitting.place.event_id for sitting in sittings if sitting.place is not None}
        for room_id, event_id in newest.items():
            self._tell.read(room_id, event_id)

    def _asked(self, one: News) -> Asked:
        asked = asked_untrusted(one, self._house.called) if isinstance(one, Said) else None
        if isinstance(asked, Elsewhere):
            self._named_another(one.room_id, asked.gateway)
            return one, None
        return one, asked

    def _named_another(self, room_id: str, gateway: str) -> None:
        """The operator is told once a room. In the room another gateway may be the one that was meant: silence."""
        room = self._rooms(room_id)
        if self._house.called.name or room is None or room_id in self._called_otherwise:
            return
        self._called_otherwise.add(room_id)
        self._tell.operator(
            f"a command in {room.alias or room_id} names the gateway {quoted(gateway)}; this one has no name and was "
            "silent. If it was meant, give it that name: [gateway] name"
        )

    def _hear(
        self, connection: sqlite3.Connection, one: News, asked: Parsed | str | None, known: Known, batch: Batch
    ) -> None:
        """Of the room as it is by now: it may have been found encrypted meanwhile."""
        room = rooms.by_name(connection, one.room_id)
        if room is None or room.encrypted or (isinstance(one, Said) and asked is None):
            return
        now_ms = self._now_ms()
        if not isinstance(one, Missed) and not memory.is_new(connection, one.event_id, now_ms):
            return
        sitting = Sitting(connection, self._house, room, now_ms)
        if isinstance(one, Missed):
            sitting.tell(_missed(one))
        elif isinstance(one, Redacted):
            _removed(sitting, one.redacts)
        elif asked is not None:
            sitting.place, sitting.sender = Place(one.event_id, one.thread), one.sender
            if not self._answer(sitting, one, asked, known, batch.pace):
                return
        batch.sittings.append(sitting)

    def _answer(self, sitting: Sitting, said: Said, asked: Parsed | str, known: Known, pace: Pace) -> bool:
        """-> whether anything was said or done: not where another gateway is meant, or after too many in a row."""
        here = nodes.of_room(sitting.connection, sitting.room.id)
        if isinstance(asked, Parsed) and self._is_elsewhere(sitting, said, asked, here):
            return False
        allowed = pace.take(said.room_id, said.sender, sitting.now_ms)
        if allowed is Allowed.NO:
            return False
        refusal = TOO_FAST if allowed is Allowed.LAST else self._refusal(sitting, said, asked, known, here)
        if refusal is not None:
            sitting.tell(refusal)
        elif isinstance(asked, Parsed):
            self._verbs.act(sitting, asked, here)
        return True

    def _is_elsewhere(self, sitting: Sitting, said: Said, parsed: Parsed, here: Sequence[Node]) -> bool:
        """Where gateways share a room, silence about what is not here."""
        if is_ours_to_answer(said, parsed, self._house.called):
            return False
        if parsed.verb == "cancel":
            return not any(self._verbs.number_here(sitting, word, here) for word in parsed.words)
        return _is_unknown(parsed, here)

    def _refusal(
        self, sitting: Sitting, said: Said, asked: Parsed | str, known: Known, here: Sequence[Node]
    ) -> str | None:
        """What is wrong, in words; None: nothing is."""
        if isinstance(asked, str):
            return asked
        if _is_unknown(asked, here):
            near = nearest(asked.node, [node.name for node in here])
            hint = f"Did you mean {near}?" if near else f"What there is: {self._house.called.prefix} nodes"
            return f"There is no node {quoted(asked.node)} in this room. {hint}"
        if _does_something(asked) and said.origin_ms + self._house.max_age_ms < sitting.now_ms:
            typed = clock_words(said.origin_ms or None, self._house.timezone)
            return f"Typed at {typed} and heard only now: it is not done. Type it again if it still holds."
        return known.refusal((said.room_id, said.sender), asked.verb, asked.level)


def _refused(known: Known, room_id: str, item: Item) -> bool:
    verb = VERBS[item.new.order.verb]
    return known.refusal((room_id, item.new.sender), verb.name, verb.level) is not None


def _does_something(parsed: Parsed) -> bool:
    """Not only looks at what the gateway knows."""
    return parsed.level != "view" or parsed.verb in QUEUED


def _is_unknown(parsed: Parsed, here: Sequence[Node]) -> bool:
    if parsed.verb == "help" and parsed.node.casefold() in VERBS:
        return False
    return bool(parsed.node) and find(here, parsed.node) is None


def _missed(missed: Missed) -> str:
    if not missed.count_at_least:
        return "I was away and cannot read what was said here meanwhile. None of it was done."
    return f"I was away and missed at least {missed.count_at_least} messages here. None of them was done."


def _removed(sitting: Sitting, event_id: str) -> None:
    """Who takes a command's message back cancels what has not left, and is drawn nothing."""
    plots.withdraw(sitting.connection, event_id)
    for number in replies.asked_by(sitting.connection, sitting.room.room_id, event_id):
        sitting.end(number, states.WITHDREW, "its message was removed")
    replies.removed(sitting.connection, sitting.room.room_id, event_id)
