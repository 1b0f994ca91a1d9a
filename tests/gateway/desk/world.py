"""A desk over a real database, in virtual time: people type, a node answers, and the room shows what was posted."""

import asyncio
import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from comatrix.codec import cbor
from comatrix.codec.description import Description, Method, Setting
from comatrix.codec.records import Command
from comatrix.gateway.desk.desk import Desk, Tell
from comatrix.gateway.desk.replying import EDIT_SPACING_MS, Replying
from comatrix.gateway.desk.rights import Rights
from comatrix.gateway.desk.sitting import House
from comatrix.gateway.desk.verbs import Verbs
from comatrix.gateway.downlink import catalogue, states
from comatrix.gateway.downlink.addressing import Called
from comatrix.gateway.downlink.airtime_report import LinkReport
from comatrix.gateway.downlink.costs import Cost
from comatrix.gateway.downlink.grants import Levels, RoomPowers
from comatrix.gateway.downlink.hearing import Missed, News, Redacted, Said
from comatrix.gateway.downlink.items import Item, Order
from comatrix.gateway.edges.store import descriptions, mailbox, nodes, outbox, rooms
from comatrix.gateway.edges.store.delivery import Delivery
from comatrix.gateway.edges.store.descriptions import described_untrusted
from comatrix.gateway.edges.store.mail import Mail
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import Room, SealedRow, Voice
from tests.gateway.store.ordering import result

START_MS = 1_700_000_000_000
MINUTE_MS = 60_000
ROOM, OTHER = "!garden:b", "!other:b"
ANN, BOB, EVE, BOT = "@ann:b", "@bob:b", "@eve:b", "@cx:b"
POWERS = RoomPowers("11", frozenset({ANN}), {"users": {ANN: 100, BOB: 50}})
GARDEN = Description(
    [Setting("interval", "s", 5, 86_400)],
    [Method("relay", [Setting("state", "", 0, 1)]), Method("label", ["text"])],
)


@dataclass(frozen=True, slots=True)
class Posted:
    """An event of the bot as the room has it."""

    event_id: str
    room_id: str
    type: str
    content: dict[str, Any]

    @property
    def text(self) -> str:
        """What a person reads: of an edit the new text."""
        body: str = self.content.get("m.new_content", self.content).get("body", "")
        return body


class World:
    """Ann (100), Bob (50) and Eve (0) are in ROOM, with the nodes `garden` and `shed`; `barn` is bound to OTHER.

    `restart()` leaves only what is on disk. `members`: who is in the rooms; None: the homeserver does not say.
    """

    def __init__(self, folder: Path, called: Called | None = None, spacing_ms: int = EDIT_SPACING_MS) -> None:
        self.path = folder / "gateway.db"
        self.now_ms = START_MS
        self.called = called or Called()
        self.spacing_ms = spacing_ms
        self.powers: RoomPowers = POWERS
        self.members: set[str] | None = {ANN, BOB, EVE}
        self.voice = Voice(BOT, "CX")
        self.asked: list[tuple[str, str]] = []  # who was asked about
        self.changed: list[int] = []
        self.operator: list[str] = []
        self.read: list[tuple[str, str]] = []
        self.room: list[Posted] = []  # of every room
        self.seen: dict[int, int] = {}
        self.results = 0
        self.cost: Cost | None = None
        self._events = 0
        self._shown = 0
        self.open()
        self.store.write(self._provision)

    @staticmethod
    def _provision(connection: sqlite3.Connection) -> None:
        garden, other = rooms.add(connection, ROOM).id, rooms.add(connection, OTHER).id
        for number, (name, room) in enumerate((("garden", garden), ("shed", garden), ("barn", other)), 1):
            nodes.add(connection, name, room, now_ms=0)
            descriptions.put(connection, number, b"hash", cbor.encode(GARDEN.body()), 0)

    def open(self) -> None:
        """A new process over the same database."""
        self.store = store = Store.open(self.path, self.now_ms)
        self.mail = Mail(store, now_ms=lambda: self.now_ms, changed=lambda item: self.replying.poke(), number_of=number)
        house = House(
            instance=store.instance,
            voice=lambda: self.voice,
            timezone=UTC,
            expected_ms=lambda connection, node: self.seen.get(node),
            called=self.called,
            ttl_ms=60 * MINUTE_MS,
            max_age_ms=10 * MINUTE_MS,
            per_node=3,
            cost=lambda node, item: self.cost,
        )
        self.replying = Replying(
            store,
            self.mail,
            house,
            now_ms=lambda: self.now_ms,
            sealed=lambda: None,
            spacing_ms=self.spacing_ms,
            sleep=never,
        )
        self.desk = Desk(
            self.mail,
            house,
            Verbs(self.seen.get, self.called.prefix, lambda here: [LinkReport("udp", nodes=len(here))]),
            Rights(self._look, Levels()),
            Tell(
                self.changed.append,
                lambda: None,
                lambda room_id, event_id: self.read.append((room_id, event_id)),
                self.operator.append,
            ),
            rooms=self.room_by_id,
            waiting=self._waiting,
            whose=BOT,
            now_ms=lambda: self.now_ms,
        )

    async def restart(self) -> None:
        """The process dies and another begins."""
        await self.store.aclose()
        self.open()
        await self.mail.begin()

    # The room

    def said(self, text: str, sender: str = ANN, room_id: str = ROOM, **more: Any) -> Said:
        """A message, not heard yet."""
        self._events += 1
        return Said(room_id, f"$said{self._events}", sender, text, **{"origin_ms": self.now_ms, **more})

    async def hear(self, *news: News) -> None:
        """One sync's worth."""
        await self.desk.heard(news, f"token{self._events}")

    async def say(self, text: str, sender: str = ANN, **more: Any) -> Said:
        """Typed, heard, and answered in the room."""
        said = self.said(text, sender, **more)
        await self.hear(said)
        await self.post()
        return said

    async def remove(self, event_id: str, room_id: str = ROOM) -> None:
        """A moderator removes an event."""
        self._events += 1
        await self.hear(Redacted(room_id, f"$removal{self._events}", event_id, BOB))

    async def missed(self, count: int) -> None:
        """More was said than can be read."""
        await self.hear(Missed(ROOM, count))
        await self.post()

    async def post(self) -> None:
        """As the poster does, until nothing is left: sends what is sealed, and lets replies follow."""
        while rows := self.open_rows():
            for row in rows:
                await self.send(row)
            await self.replying.look()

    async def send(self, row: SealedRow) -> None:
        """One event reaches its room."""
        event_id = f"$posted{row.id}"
        content = json.loads(row.content)
        assert content["eu.comatrix.id"] == row.txn_id
        self.room.append(Posted(event_id, row.room_id, row.event_type, content))
        await Delivery(self.store, sender=BOT, device="CX").done(row, event_id)

    async def after(self, ms: int = 0) -> list[str]:
        """Time passes -> what the room shows then that it did not before."""
        self.now_ms += ms
        await self.replying.look()
        await self.post()
        return self.news()

    def news(self) -> list[str]:
        """Texts, and keys of reactions, since the last call."""
        new, self._shown = self.room[self._shown :], len(self.room)
        return [one.text or one.content["m.relates_to"]["key"] for one in new]

    def replies_to(self, event_id: str) -> list[Posted]:
        """First replies to a message, edits not counted."""
        return [
            one
            for one in self.room
            if one.content.get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id") == event_id
        ]

    # The node

    async def contact(self, node: int = 1) -> Command | None:
        """The node asks; what it is handed."""
        return await self.mail.air(node)

    async def answer(self, status: int = 0, value: object = None, *, id: int = 1, node: int = 1) -> None:
        """The node's word on a command of this id."""
        self.results += 1
        record = result(self.results, id, status, value, node=node, at_ms=self.now_ms)
        self.store.append(record, None, lambda told: None)
        await self.mail.result_stored()

    # The database

    def open_rows(self) -> list[SealedRow]:
        """Events that are on their way."""
        return self.store.read(outbox.open_rows)

    def item(self, number: int = 1) -> Item:
        """The command with this number."""
        item = self.store.read(lambda connection: mailbox.by_number(connection, number))
        assert item is not None
        return item

    def items(self) -> list[tuple[int, str, str]]:
        """(node, what, state) of every command."""
        items = self.store.read(lambda connection: mailbox.recent(connection, 100))
        return [(item.new.node, item.new.order.shown, item.state) for item in items]

    def since(self) -> str:
        """The token stored last."""
        found: str = self.store.read(lambda c: c.execute("SELECT since FROM heard_until").fetchone()[0])
        return found

    def room_by_id(self, room_id: str) -> Room | None:
        """As the directory knows it."""
        return next((room for room in self.store.read(rooms.all_rooms) if room.room_id == room_id), None)

    async def break_disk(self) -> None:
        """No command can be written."""
        await self.store.run(
            lambda c: c.execute("CREATE TRIGGER no BEFORE INSERT ON command BEGIN SELECT raise(ABORT, 'disk'); END")
        )

    async def mend_disk(self) -> None:
        """It can again."""
        await self.store.run(lambda c: c.execute("DROP TRIGGER no"))

    def _waiting(self, room: Room) -> list[Item]:
        items = self.store.read(mailbox.open_items)
        return [item for item in items if item.new.room == room.id and item.state == states.QUEUED]

    async def _look(self, room_id: str, user_id: str) -> tuple[RoomPowers, bool] | None:
        self.asked.append((room_id, user_id))
        return None if self.members is None else (self.powers, user_id in self.members)


async def never(seconds: float) -> None:
    """Time does not pass by itself."""
    await asyncio.Event().wait()


def number(body: bytes | None, order: Order) -> int | str | None:
    """As the gateway numbers orders."""
    return catalogue.number_of(described_untrusted(body), order)
