"""Builds the way from rooms to nodes: mailbox, desk, replies."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from comatrix.gateway.clock import wall_ms
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.config.values import span_ms
from comatrix.gateway.desk.desk import Desk, nodes_of
from comatrix.gateway.desk.picturing import Picturing
from comatrix.gateway.desk.replying import EDIT_SPACING_MS, Replying
from comatrix.gateway.desk.sitting import House
from comatrix.gateway.desk.verbs import Verbs, last_contact_ms
from comatrix.gateway.directory import Directory
from comatrix.gateway.downlink import catalogue
from comatrix.gateway.downlink.grants import Levels
from comatrix.gateway.downlink.hearing import News
from comatrix.gateway.downlink.items import Item, Order
from comatrix.gateway.downlink.listing import NodeNow
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.room_powers import RoomPowersBook
from comatrix.gateway.edges.store import mailbox, status
from comatrix.gateway.edges.store.descriptions import described_untrusted
from comatrix.gateway.edges.store.mail import Mail
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import Voice

Seen = Callable[[int], int | None]  # node -> when the running gateway heard it last, Unix ms


@dataclass(frozen=True, slots=True)
class Commanding:
    """`mail` is what receiving asks; `replying.run()` and `picturing.run()` run until cancelled."""

    mail: Mail
    powers: RoomPowersBook
    replying: Replying
    picturing: Picturing
    desk: Desk

    def watched(self, watched: bool) -> None:
        """Whether what happens to rooms is heard of at once."""
        self.powers.watched(watched)

    async def heard(self, news: Sequence[News], since: str) -> None:
        """What people said, and the token behind it."""
        await self.desk.heard(news, since)

    async def who_may_changed(self, room_id: str) -> None:
        """Powers changed in a room, or somebody left it."""
        self.powers.changed(room_id)
        await self.desk.who_may_changed(room_id)

    async def changed(self, what: str) -> None:
        """A person changed a "command" or a "node" at the command line."""
        if what in ("command", "node"):
            await self.mail.begin()
            self.replying.poke()


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
) -> Commanding:
    """`voice()`: the bot; `whose`: whose tokens those of the intake are; `sealed()`: there is something to send;
    `changed(node)`: a person changed one. Raises StoreError."""
    commands = settings.commands
    pokes: list[Callable[[], None]] = []

    def told(item: Item) -> None:
        for poke in pokes:
            poke()

    mail = Mail(
        store,
        now_ms=wall_ms,
        changed=told,
        number_of=_number_of,
        cap=commands.per_node,
    )
    house = House(
        instance=store.instance,
        voice=voice,
        timezone=ZoneInfo(settings.gateway.timezone),
        expected_ms=lambda connection, node: _expected_ms(connection, node, seen),
        ttl_ms=span_ms(commands.ttl),
        per_node=commands.per_node,
    )
    spacing_ms = 0 if settings.appservice.enabled else EDIT_SPACING_MS
    replying = Replying(store, mail, house, now_ms=wall_ms, sealed=sealed, spacing_ms=spacing_ms)
    pokes.append(replying.poke)
    picturing = Picturing(store, matrix, house, prefix=commands.prefix, now_ms=wall_ms, sealed=sealed)
    powers = RoomPowersBook(matrix)
    receipts: set[asyncio.Task[object]] = set()

    def heard_in(room_id: str, event_id: str) -> None:
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(matrix.mark_read(room_id, event_id))
        receipts.add(task)  # never repeated: the next one says the same
        task.add_done_callback(receipts.discard)

    def answered() -> None:
        sealed()
        picturing.poke()

    desk = Desk(
        mail,
        house,
        Verbs(seen, commands.prefix),
        rooms=directory.room_by_id if commands.enabled else lambda room_id: None,
        here=lambda room: store.read(lambda connection: nodes_of(connection, room)),
        waiting=lambda room: store.read(
            lambda connection: [item for item in mailbox.open_items(connection) if item.new.room == room.id]
        ),
        powers=powers.look,
        levels=Levels(commands.view, commands.operate, commands.admin),
        prefix=commands.prefix,
        gateway=settings.gateway.name,
        max_age_ms=span_ms(commands.max_age),
        whose=whose,
        now_ms=wall_ms,
        changed=changed,
        sealed=answered,
        heard_in=heard_in,
    )
    await mail.begin()
    return Commanding(mail, powers, replying, picturing, desk)


def _number_of(body: bytes | None, order: Order) -> int | str | None:
    return catalogue.number_of(described_untrusted(body), order)


def _expected_ms(connection: sqlite3.Connection, node: int, seen: Seen) -> int | None:
    known = status.of(connection, node)
    now = NodeNow("", seen_ms=last_contact_ms(known, seen(node)), interval_s=known.wake_interval_s)
    return now.expected_ms(wall_ms())
