"""What must never reach the radio: whatever people and programs write that is no command, or not theirs to give."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from comatrix.codec import coap
from comatrix.gateway.config.secrets import read_secrets
from comatrix.gateway.demo.lossy_link import Address, Faults
from comatrix.gateway.demo.stage import Stage
from comatrix.gateway.uplink.typed import TELEMETRY_KEY
from tests.end_to_end.node_programs import OBEY
from tests.end_to_end.room_commands import PATIENCE_S, Typist, told_of
from tests.end_to_end.room_reading import events, seen, until
from tests.support.people import Person

pytestmark = pytest.mark.slow

WHOLE = Faults(loss=0.0, double=0.0, late=0.0, delay_s=(0.001, 0.005))
# A node whose own texts read like a command: the gateway's bot posts them.
TALKS = OBEY.replace("obedient().run()", 'node = obedient()\nnode.say("!cx call garden lamp 5")\nnode.run()')
NOT_COMMANDS: dict[str, dict[str, Any]] = {
    "notice": {"msgtype": "m.notice", "body": "!cx call garden lamp 10"},
    "emote": {"msgtype": "m.emote", "body": "!cx call garden lamp 11"},
    "picture": {"msgtype": "m.image", "body": "!cx call garden lamp 12", "url": "mxc://localhost/x"},
    "no prefix": {"msgtype": "m.text", "body": "call garden lamp 13"},
    "half a prefix": {"msgtype": "m.text", "body": "!cxcall garden lamp 14"},
    "talk of it": {"msgtype": "m.text", "body": "please do not type !cx call garden lamp 15"},
}
WRONG: tuple[str, ...] = ("!cx call garden lamp", "!cx call garden lamp 18 19", "!cx call garden lamp -1")
WRONG += (
    "!cx call garden lamp 1e3",
    "!cx fire",
    "!cx call garden bomb",
    "!cx call cellar lamp 20",
    '!cx say garden "open',
    "!cx get garden lamp",
)


@dataclass(slots=True)
class Air:
    """The `tap` of a link: the lengths of answers to the node, and how many confirmable messages the gateway began."""

    lengths: list[int] = field(default_factory=list)
    unasked: int = 0

    def __call__(self, data: bytes, node: Address, up: bool) -> None:
        """One datagram."""
        if not up:
            self.lengths.append(len(data))
            self.unasked += coap.decode_untrusted(data).type == coap.CON


@dataclass(slots=True)
class Room:
    """Alice made it, carol may command, mallory may only write."""

    stage: Stage
    id: str
    alice: Typist
    carol: Typist
    mallory: Typist
    owner: Person
    air: Air

    async def contacts(self, count: int) -> None:
        """So many more readings came: each answer could have carried something."""
        known = len(await seen(self.stage, self.id))

        async def came() -> bool:
            return len(await seen(self.stage, self.id)) >= known + count

        await until(came, PATIENCE_S, f"{count} more readings")

    async def replies(self, event_ids: list[str], count: int) -> list[str]:
        """What was answered to these messages, once it is so much."""
        texts: list[str] = []

        async def there() -> bool:
            told = await told_of(self.stage, self.id, event_ids)
            texts[:] = [text for one in told.values() for text in one.texts]
            return len(texts) >= count

        await until(there, PATIENCE_S, f"{count} replies, there are {texts}")
        return texts

    async def notices(self) -> int:
        """How many messages of the bot show no reading."""
        everything = [one for one in await events(self.stage, self.id) if one["type"] == "m.room.message"]
        people = {one.user_id for one in (self.alice, self.carol, self.mallory)}
        return sum(one["sender"] not in people and TELEMETRY_KEY not in one["content"] for one in everything)

    def done(self) -> list[str]:
        """What the node ever did."""
        path = self.stage.folder / "nodes" / "garden" / "done.txt"
        return path.read_text().splitlines() if path.exists() else []

    def rows(self) -> list[tuple[str, str, int]]:
        """(what, state, times on air) of every command of the mailbox."""
        with sqlite3.connect(f"file:{self.stage.place.paths.database}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT shown, state, attempts FROM command ORDER BY number").fetchall()


@pytest.fixture
async def room(stage: Stage) -> AsyncIterator[Room]:
    """The node runs in it; one command was typed before the bot came."""
    await stage.open_homeserver()
    assert stage.person is not None
    bot = read_secrets(stage.place.paths.secrets).user_id
    alice = Typist(stage, stage.person.account.access_token, stage.person.user_id)
    carol, mallory = await Typist.register(stage, "carol"), await Typist.register(stage, "mallory")
    owner = Person(stage.person, None)
    made = await owner.create_room(
        room_version="11",
        preset="private_chat",
        power_level_content_override={"users": {alice.user_id: 100, carol.user_id: 50}},
        invite=[bot, carol.user_id, mallory.user_id],
    )
    for one in (carol, mallory):
        await one.join(made)
    await alice.say(made, "!cx call garden lamp 1")
    await stage.start_gateway()
    link = await stage.open_link(WHOLE, seed=1)
    link.tap = air = Air()
    configuration = await stage.provision("garden", made, post="every", interval_s=1)
    await stage.start_node("garden", configuration | {"ack_timeout_ms": 1000}, TALKS)
    room = Room(stage, made, alice, carol, mallory, owner, air)
    await room.contacts(3)  # by then it said what it can be told, and every answer is as short as it gets
    yield room


async def test_nothing_that_is_no_command_costs_a_byte_on_air(room: Room) -> None:
    air, alice, mallory = room.air, room.alice, room.mallory
    before = len(air.lengths)
    await room.contacts(4)
    quiet = set(air.lengths[before:])
    before = len(air.lengths)
    refused = [await mallory.say(room.id, f"!cx {line}") for line in ("call garden lamp 2", "set garden level 2")]
    refused.append(await mallory.say(room.id, '!cx all say "2"'))
    for content in NOT_COMMANDS.values():
        await alice.send(room.id, "m.room.message", content)
    await alice.send(room.id, "eu.comatrix.command", {"msgtype": "m.text", "body": "!cx call garden lamp 21"})
    await room.owner.put_state(room.id, "m.room.topic", {"topic": "!cx call garden lamp 22"})
    talk = await alice.say(room.id, "hello")
    edit = {"rel_type": "m.replace", "event_id": talk}
    new = {"msgtype": "m.text", "body": "!cx call garden lamp 23"}
    edited = await alice.say(room.id, "* !cx call garden lamp 23", **{"m.new_content": new, "m.relates_to": edit})
    quote = {"m.in_reply_to": {"event_id": talk}}
    await alice.say(room.id, "> <@alice> !cx call garden lamp 24\n> !cx\n\nno!", **{"m.relates_to": quote})
    wrong = [await alice.say(room.id, line) for line in WRONG]
    texts = await room.replies([*refused, edited, *wrong], len(refused) + 1 + len(wrong))
    assert all("needs level 50" in text for text in texts[: len(refused)]), texts
    assert texts[len(refused)] == "Edits are not executed: send the command again."
    await room.contacts(4)
    assert set(air.lengths[before:]) <= quiet, "an answer that carries more than before"
    assert not air.unasked and room.rows() == [] and room.done() == []
    assert await room.notices() == len(texts), "something else was answered"

    command = await alice.say(room.id, "!cx call garden lamp 99")  # the same eyes see what does go on air
    await until(lambda: asyncio.sleep(0, room.done() == ["lamp(99)"]), PATIENCE_S, "the command")
    assert max(air.lengths[before:]) > max(quiet)
    assert len(await room.replies([command], 1)) >= 1
    assert [row[0] for row in room.rows()] == ["lamp(99)"]


async def test_what_is_taken_back_before_a_contact_never_leaves(room: Room) -> None:
    """By its author, by a moderator, and with its author: who is thrown out commands nothing."""
    node = room.stage.nodes["garden"]
    await node.stop()
    own = await room.alice.say(room.id, "!cx call garden lamp 31")
    others = await room.carol.say(room.id, "!cx call garden lamp 32")
    orphan = await room.carol.say(room.id, "!cx say garden 33")
    await room.replies([own, others, orphan], 3)
    await room.alice.redact(room.id, own)
    await room.alice.redact(room.id, others)
    await room.owner.kick(room.id, room.carol.user_id)
    withdrawn = [("lamp(31)", "withdrawn", 0), ("lamp(32)", "withdrawn", 0), ('"33"', "withdrawn", 0)]
    await until(lambda: asyncio.sleep(0, room.rows() == withdrawn), PATIENCE_S, "all of it withdrawn")
    await room.stage.resume_node("garden")
    await room.contacts(4)
    assert room.rows() == withdrawn and room.done() == []
    told = await told_of(room.stage, room.id, [own, others, orphan])
    assert [one.states[-1] for one in told.values()] == ["withdrawn"] * 3
    assert all(one.reactions == ["🚫"] for one in told.values() if one.event_id == orphan)
