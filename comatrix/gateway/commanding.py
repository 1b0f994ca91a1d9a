"""Builds the way from rooms to nodes: mailbox, desk, replies."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from comatrix.gateway.clock import wall_ms, zone
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.config.values import span_ms
from comatrix.gateway.desk.alarming import Alarming
from comatrix.gateway.desk.desk import Desk, Tell
from comatrix.gateway.desk.picturing import Picturing
from comatrix.gateway.desk.replying import EDIT_SPACING_MS, Replying
from comatrix.gateway.desk.rights import Rights
from comatrix.gateway.desk.sitting import House
from comatrix.gateway.desk.verbs import Seen, Verbs, last_contact_ms
from comatrix.gateway.directory import Directory
from comatrix.gateway.downlink import catalogue, listing, states
from comatrix.gateway.downlink.addressing import Called
from comatrix.gateway.downlink.airtime_report import Air
from comatrix.gateway.downlink.alarm_words import limit_of
from comatrix.gateway.downlink.costs import CostOf, free
from comatrix.gateway.downlink.grants import Levels
from comatrix.gateway.downlink.hearing import News
from comatrix.gateway.downlink.items import Item, Order
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.room_powers import RoomPowersBook
from comatrix.gateway.edges.store import mailbox, status
from comatrix.gateway.edges.store.descriptions import described_untrusted
from comatrix.gateway.edges.store.mail import Hinders, Mail
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import Room, Voice

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Commanding:
    """`mail` is what receiving asks; `replying`, `alarming` and `picturing` each `run()` until cancelled."""

    mail: Mail
    powers: RoomPowersBook
    replying: Replying
    alarming: Alarming
    picturing: Picturing
    desk: Desk

    def watched(self, watched: bool) -> None:
        """Whether what happens to rooms is heard of at once."""
        self.powers.watched(watched)

    async def heard(self, news: Sequence[News], since: str) -> None:
        """What people said, and the token behind it. Raises StoreError, Unreachable."""
        await self.desk.heard(news, since)

    async def who_may_changed(self, room_id: str) -> None:
        """Powers changed in a room, or somebody left it. Raises StoreError, Unreachable."""
        self.powers.changed(room_id)
        await self.desk.who_may_changed(room_id)

    async def changed(self, what: str) -> None:
        """A person changed something at the command line: a "command", a "node", an "alarm", a row of the "queue"."""
        try:
            if what in ("command", "node"):
                await self.mail.look()
        except StoreError as error:
            log.warning("what was changed is not known to the mailbox yet: %s", error.text)
        self.replying.poke()
        if what in ("alarm", "node"):
            self.alarming.poke()


@dataclass(slots=True)
class Receipts:
    """People see that their command was read. Never repeated: the next one says the same."""

    matrix: MatrixClient
    _tasks: set[asyncio.Task[object]] = field(default_factory=set)

    def read(self, room_id: str, event_id: str) -> None:
        """The newest command heard in a room."""
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(self.matrix.mark_read(room_id, event_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def open_commanding(
    settings: Settings,
    store: Store,
    directory: Directory,
    matrix: MatrixClient,
    *,
    voice: Callable[[], Voice],
    whose: str,
    seen: Seen,
    sealed: Callable[[], None],
    changed: Callable[[int], None],
    tell: Callable[[str], None],
    air: Air,
    now_ms: Callable[[], int] = wall_ms,
    cost: CostOf = free,
    hinders: Hinders = lambda node, command: None,
) -> Commanding:
    """`voice()`: the bot; `whose`: whose tokens those of the intake are; `seen(node)`: when it was heard last;
    `sealed()`: there is something to send; `changed(node)`: a person changed one; `tell(line)`: the operator;
    `air(nodes)`: the links; `cost(node, item)`: in airtime; `hinders(node, command)`: as in Mail. Raises
    StoreError."""

    def told(item: Item) -> None:
        replying.poke()

    mail = Mail(
        store,
        now_ms=now_ms,
        changed=told,
        number_of=_number_of,
        ttl_ms=span_ms(settings.commands.ttl),
        hinders=hinders,
    )
    house = _house(settings, store, voice, seen, now_ms, cost)
    spacing_ms = 0 if settings.appservice.enabled else EDIT_SPACING_MS
    replying = Replying(store, mail, house, now_ms=now_ms, sealed=sealed, spacing_ms=spacing_ms)
    silence = settings.alarms.silence
    alarming = Alarming(store, house, now_ms=now_ms, seen=seen, sealed=sealed, tell=tell, silence=silence)

    def node_changed(node: int) -> None:
        changed(node)
        alarming.poke()

    commands = settings.commands
    picturing = Picturing(store, matrix, house, prefix=commands.prefix, now_ms=now_ms, sealed=sealed)

    def answered() -> None:
        sealed()
        picturing.poke()

    powers = RoomPowersBook(matrix)
    desk = Desk(
        mail,
        house,
        Verbs(seen, commands.prefix, air),
        Rights(powers.look, Levels(commands.view, commands.operate, commands.admin)),
        Tell(node_changed, answered, Receipts(matrix).read, tell),
        rooms=directory.room_by_id if commands.enabled else lambda room_id: None,
        waiting=lambda room: store.read(lambda connection: _waiting(connection, room)),
        whose=whose,
        now_ms=now_ms,
    )
    await mail.begin()
    return Commanding(mail, powers, replying, alarming, picturing, desk)


def _house(
    settings: Settings,
    store: Store,
    voice: Callable[[], Voice],
    seen: Seen,
    now_ms: Callable[[], int],
    cost: CostOf,
) -> House:
    commands = settings.commands
    return House(
        instance=store.instance,
        voice=voice,
        timezone=zone(settings.gateway.timezone),
        expected_ms=lambda connection, node: _expected_ms(connection, node, seen, now_ms()),
        called=Called(commands.prefix, settings.gateway.name),
        ttl_ms=span_ms(commands.ttl),
        max_age_ms=span_ms(commands.max_age),
        per_node=commands.per_node,
        limits=[limit_of(text) for text in settings.alarms.limits],
        cost=cost,
    )


def _waiting(connection: sqlite3.Connection, room: Room) -> list[Item]:
    """Commands typed in a room that are not on air yet."""
    items = mailbox.open_items(connection)
    return [item for item in items if item.new.room == room.id and item.state == states.QUEUED]


def _number_of(body: bytes | None, order: Order) -> int | str | None:
    return catalogue.number_of(described_untrusted(body), order)


def _expected_ms(connection: sqlite3.Connection, node: int, seen: Seen, now_ms: int) -> int | None:
    known = status.of(connection, node)
    return listing.expected_ms(last_contact_ms(known, seen(node)), known.wake_interval_s, now_ms)
