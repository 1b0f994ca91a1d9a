"""Hears what was said in the rooms: who may what is asked first, then all of it commits with the token behind it."""

import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from comatrix.gateway.desk.pace import Allowed, Pace
from comatrix.gateway.desk.sitting import House, Sitting
from comatrix.gateway.desk.verbs import Verbs, find
from comatrix.gateway.downlink import grammar, states
from comatrix.gateway.downlink.grammar import GrammarError, Parsed
from comatrix.gateway.downlink.grants import Levels, RoomPowers, may
from comatrix.gateway.downlink.hearing import Missed, News, Redacted, Said
from comatrix.gateway.downlink.items import Item
from comatrix.gateway.downlink.nearest import nearest
from comatrix.gateway.downlink.replies import Place
from comatrix.gateway.downlink.verbs import VERBS
from comatrix.gateway.edges.store import heard as memory
from comatrix.gateway.edges.store import mailbox, nodes, plots
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import Node, Room

log = logging.getLogger(__name__)

CLOCKS_MS = 60_000  # a homeserver's clock may be this much ahead of ours
Act = Callable[[Sitting], None]


class Mailroom(Protocol):
    """A transaction in which commands are queued and ended; what changed is told once it is on disk."""

    async def apply(self, job: Callable[[sqlite3.Connection], list[Item]]) -> None: ...


class Desk:
    """`rooms(room id)`: the configured room; `here(room)`: its nodes; `waiting(room)`: its open
    commands; `powers(room id, user)`: what the homeserver says
    of them, None where it says nothing; `changed(node)`: a person changed one; `heard_in(room, event)`: the newest of
    a room's events that was a command; `gateway`: its name where a room has several, or ""."""

    def __init__(
        self,
        mail: Mailroom,
        house: House,
        verbs: Verbs,
        *,
        rooms: Callable[[str], Room | None],
        here: Callable[[Room], Sequence[Node]],
        waiting: Callable[[Room], Sequence[Item]],
        powers: Callable[[str, str], Awaitable[tuple[RoomPowers, bool] | None]],
        levels: Levels,
        prefix: str,
        gateway: str,
        max_age_ms: int,
        whose: str,
        now_ms: Callable[[], int],
        changed: Callable[[int], None],
        sealed: Callable[[], None],
        heard_in: Callable[[str, str], None],
    ) -> None:
        self._mail = mail
        self._house = house
        self._verbs = verbs
        self._rooms = rooms
        self._here = here
        self._waiting = waiting
        self._powers = powers
        self._levels = levels
        self._prefix = prefix
        self._gateway = gateway
        self._max_age_ms = max_age_ms
        self._whose = whose
        self._now_ms = now_ms
        self._changed = changed
        self._sealed = sealed
        self._heard_in = heard_in
        self._pace = Pace()

    async def heard(self, news: Sequence[News], since: str) -> None:
        """Commands, refusals, replies and the token, all or nothing. Raises StoreError: then the same comes again."""
        acts = [(one, act) for one in news if (act := await self._act(one)) is not None]
        told: list[Sitting] = []

        def job(connection: sqlite3.Connection) -> list[Item]:
            told.clear()
            for one, act in acts:
                if isinstance(one, Missed) or memory.is_new(connection, one.event_id, self._now_ms()):
                    told.append(self._sitting(connection, one))
                    act(told[-1])
            memory.set_since(connection, self._whose, since)
            return [item for sitting in told for item in sitting.changed]

        await self._mail.apply(job)
        if told:
            self._after(told)

    async def who_may_changed(self, room_id: str) -> None:
        """Whoever may no more has what still waits of theirs withdrawn. Raises StoreError."""
        room = self._rooms(room_id)
        waiting = [] if room is None else self._waiting(room)
        lost = [item.number for item in waiting if not await self._still_may(room_id, item)]

        def job(connection: sqlite3.Connection) -> list[Item]:
            now_ms, why = self._now_ms(), "who asked for it may not any more"
            ended = [mailbox.end(connection, number, states.WITHDREW, now_ms, why) for number in lost]
            return [item for item in ended if item is not None]

        if lost:
            await self._mail.apply(job)

    async def _still_may(self, room_id: str, item: Item) -> bool:
        found = await self._powers(room_id, item.new.sender)
        if found is None:
            raise StoreError("the homeserver does not say who may command", "comatrix doctor")
        powers, joined = found
        return may(item.new.sender, VERBS[item.new.order.verb].level, powers, joined, self._levels) is None

    def _after(self, told: Sequence[Sitting]) -> None:
        for node in {node for sitting in told for node in sitting.nodes}:
            self._changed(node)
        self._sealed()
        for sitting in told:
            if sitting.place is not None:
                self._heard_in(sitting.room.room_id, sitting.place.event_id)

    def _sitting(self, connection: sqlite3.Connection, one: News) -> Sitting:
        room = self._rooms(one.room_id)
        assert room is not None
        place = Place(one.event_id, one.thread) if isinstance(one, Said) else None
        sender = "" if isinstance(one, Missed) else one.sender
        return Sitting(connection, self._house, room, place, sender, self._now_ms())

    async def _act(self, one: News) -> Act | None:
        """What is to be done about it; None: nothing, it is nobody's command."""
        room = self._rooms(one.room_id)
        if room is None or room.encrypted:
            return None
        if isinstance(one, Missed):
            return _tells(f"I was away and missed at least {one.count_at_least} messages here. None was executed.")
        if isinstance(one, Redacted):
            return _withdraws(one.redacts)
        return await self._said(one, room)

    async def _said(self, said: Said, room: Room) -> Act | None:
        text = self._addressed(said)
        if text is None:
            return None
        allowed = self._pace.take(said.room_id, said.sender, self._now_ms())
        if allowed is not Allowed.YES:
            return (
                _tells("Too many commands in a row: this one and what follows is not done. Wait a minute.")
                if (allowed is Allowed.LAST)
                else None
            )
        if said.edited:
            return _tells("Edits are not executed: send the command again.")
        if said.too_long:
            return _tells(f"A command has at most {grammar.MAX_BYTES} bytes: nothing was done.")
        try:
            parsed = grammar.read_untrusted(text, self._prefix)
        except GrammarError as error:
            return _tells(error.text)
        return None if parsed is None else await self._parsed(said, parsed, room)

    async def _parsed(self, said: Said, parsed: Parsed, room: Room) -> Act | None:
        if parsed.gateway and parsed.gateway.casefold() != self._gateway.casefold():
            return None
        here = self._here(room)
        if parsed.node and find(here, parsed.node) is None and not _is_about_a_verb(parsed):
            return self._unknown(said, parsed, here)
        if parsed.level != "view" and said.origin_ms + self._max_age_ms < self._now_ms():
            return _tells("This was typed while I was away: it is not sent. Type it again if it still holds.")
        found = await self._powers(said.room_id, said.sender)
        if found is None:
            raise StoreError("the homeserver does not say who may command", "comatrix doctor")
        powers, joined = found
        refusal = may(said.sender, parsed.level, powers, joined, self._levels, parsed.verb)
        return self._does(parsed, here) if refusal is None else _tells(f"{refusal}.")

    def _does(self, parsed: Parsed, here: Sequence[Node]) -> Act:
        return lambda sitting: self._verbs.act(sitting, parsed, here)

    def _unknown(self, said: Said, parsed: Parsed, here: Sequence[Node]) -> Act | None:
        """Of a name that is not ours: silence where another gateway may own it."""
        if self._gateway and not parsed.gateway and not said.mentions_us:
            return None
        near = nearest(parsed.node, [node.name for node in here])
        hint = f"Did you mean {near}?" if near else f"What there is: {self._prefix} nodes"
        return _tells(f'There is no node "{parsed.node}" in this room. {hint}')

    def _addressed(self, said: Said) -> str | None:
        """The text from the prefix on: in front, or behind the name of whom the message mentions."""
        text = said.text.lstrip()
        if _begins(text, self._prefix):
            return text
        if said.mentions_us and not said.edited:
            _, found, rest = text.partition(self._prefix)
            if found and len(text) - len(rest) <= 128:
                return found + rest
        return None


def _is_about_a_verb(parsed: Parsed) -> bool:
    return parsed.verb == "help" and parsed.node.casefold() in VERBS


def _begins(text: str, prefix: str) -> bool:
    rest = text[len(prefix) :]
    return text[: len(prefix)].casefold() == prefix.casefold() and (not rest or rest[0].isspace())


def _tells(text: str) -> Act:
    return lambda sitting: sitting.tell(text)


def _withdraws(event_id: str) -> Act:
    """Who takes a command's message back cancels what has not left, and is drawn nothing."""

    def act(sitting: Sitting) -> None:
        plots.withdraw(sitting.connection, event_id)
        item = mailbox.by_event(sitting.connection, event_id)
        if item is not None:
            why = "its message was removed"
            ended = mailbox.end(sitting.connection, item.number, states.WITHDREW, sitting.now_ms, why)
            sitting.changed += [] if ended is None else [ended]

    return act


def nodes_of(connection: sqlite3.Connection, room: Room) -> list[Node]:
    """The nodes bound to a room: by default, or by a number of its own."""
    bound = {node for (node, _), row in nodes.bound_rooms(connection).items() if row == room.id}
    return [node for node in nodes.all_nodes(connection) if node.room == room.id or node.number in bound]
