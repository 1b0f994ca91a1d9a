"""Hostile typing to a whole gateway: few answers, each message answered once, and what is queued is what was asked."""

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from comatrix.codec import cbor
from comatrix.codec.description import Description, Method, Setting, description_hash
from comatrix.gateway.cli.connection import Place as At
from comatrix.gateway.cli.connection import call
from comatrix.gateway.desk.pace import A_MINUTE, AGAIN, BURST, Allowed, Pace
from comatrix.gateway.downlink.hearing import Redacted, Said
from comatrix.gateway.edges.store import descriptions, mailbox
from comatrix.gateway.uplink.sanitise import BIDI_CONTROLS
from tests.end_to_end.room_commands import COMMAND_KEY
from tests.end_to_end.running_gateway import RunningGateway, until
from tests.support.homeserver_client import HomeserverProcess
from tests.support.people import Place

DESCRIBED = cbor.encode(Description([Setting("label")], [Method("lamp", [Setting("number", "", 0, 100_000)])]).body())
LAST = "!cx call garden lamp 9999"  # typed behind everything else: what came before it was heard
ODD: dict[str, Any] = {
    "60 KB behind the prefix": "!cx say garden " + "x" * 60_000,
    "60 KB of words": "!cx " + "a " * 30_000,
    "NUL": "!cx call garden lamp 1\0",
    "NUL in the verb": "!cx c\0all garden lamp 1",
    "bidi": "!cx call garden lamp \u202e1",
    "bidi in a text": '!cx say garden "\u2066abc\u2069"',
    "invisible in the name": "!cx call gar\u200bden lamp 1",
    "a line end": "!cx call garden lamp 1\n!cx call garden lamp 2",
    "half a character": "!cx call garden lamp 1\ufffd",
    "an open quote": "!cx say garden \"one 'two",
    "quotes in quotes": "!cx say garden " + "\"'" * 40 + '"',
    "backslash at the end": "!cx say garden x\\",
    "digits": "!cx call garden lamp " + "9" * 3_000,
    "other digits": "!cx call garden lamp １",
    "an option again": "!cx call garden lamp 1 ttl=1d ttl=2d",
    "a huge span": "!cx call garden lamp 1 ttl=" + "9" * 60 + "d",
    "a huge number": "!cx cancel " + "9" * 30,
    "33 words": "!cx " + "call " * 33,
    "a path": "!cx call ../../garden lamp 1",
    "SQL": '!cx call "garden\'; DROP TABLE command; --" lamp 1',
    "markup": "!cx <img src=x> @room https://matrix.to/#/@a:b",
    "all of all": "!cx all all call lamp 1",
}  # every one is refused, in one notice
DEAF: tuple[dict[str, Any], ...] = (
    {},
    {"msgtype": "m.text"},
    {"msgtype": "m.text", "body": 7},
    {"msgtype": "m.text", "body": ["!cx call garden lamp 1"]},
    {"msgtype": "m.text", "formatted_body": "!cx call garden lamp 1"},
    {"msgtype": ["m.text"], "body": "!cx call garden lamp 1"},
    {
        "msgtype": "m.text",
        "body": "!cx call garden lamp 1",
        "m.relates_to": {"rel_type": "m.replace"},
        "m.new_content": 1,
    },
    {"body": "!cx call garden lamp 1"},
    {"msgtype": "m.text", "body": "!cx call barn/garden lamp 1"},  # another gateway's, if there is one
    {"msgtype": "m.notice", "body": "!cx call garden lamp 1"},
)
UNKNOWABLE = 1  # of those: an edit without its new content reads as an edit, and is answered as one


@dataclass(slots=True)
class Desk:
    """A gateway whose node has told what it can do, at a homeserver process, and what its room says."""

    world: RunningGateway
    process: HomeserverProcess

    async def send(self, content: dict[str, Any]) -> str:
        """-> the event's id."""
        room_id, txn = self.world.room.room_id, secrets.token_hex(8)
        data = json.dumps(content).encode()
        answer = await self.world.person.client.send_event(room_id, "m.room.message", txn, data)
        assert answer.ok and answer.body is not None, answer
        return str(answer.body["event_id"])

    async def say(self, text: str) -> str:
        """-> the event's id."""
        return await self.send({"msgtype": "m.text", "body": text})

    def heard(self, text: str, event_id: str) -> Said:
        """As if the person had typed it just now."""
        return Said(self.world.room.room_id, event_id, self.world.person.user_id, text, int(time.time() * 1000))

    async def notices(self) -> list[dict[str, Any]]:
        """What the bot said in the room but readings and edits, oldest first."""
        mine = [event for event in await self.process.events() if event["sender"] == self.world.user_id]
        said = [event for event in mine if event["type"] == "m.room.message"]
        return [one for one in said if one["content"].get("m.relates_to", {}).get("rel_type") != "m.replace"]

    async def answered(self) -> Counter[str]:
        """Event -> how many replies it has."""
        found = [one["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] for one in await self.notices()]
        return Counter(found)

    async def until_answered(self, event_id: str) -> Counter[str]:
        """What is answered once this message is."""

        async def there() -> bool:
            return event_id in await self.answered()

        await until(there)
        return await self.answered()

    def states(self) -> list[str]:
        """Of all commands."""
        items = self.world.gateway.store.read(lambda connection: mailbox.recent(connection, 2_000))
        return [item.state for item in items]

    def queued(self) -> list[str]:
        """What waits for the node; nothing was ever on air, since no node speaks."""
        items = self.world.gateway.store.read(lambda connection: mailbox.recent(connection, 2_000))
        assert all(item.attempts == 0 and item.id is None for item in items)
        return [item.new.order.shown for item in items]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Desk]:
    """Until the block ends."""
    async with HomeserverProcess() as process:
        place = Place(process)
        world = RunningGateway(place, folder)
        async with world.running(by_person=True):
            gateway = world.gateway
            gateway.store.write(
                lambda connection: descriptions.put(connection, 1, description_hash(DESCRIBED), DESCRIBED, 0)
            )
            await until(lambda: _follows(world))
            yield Desk(world, process)
        await place.aclose()


async def _follows(world: RunningGateway) -> bool:
    return world.gateway.watched.follows


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The gateway runs."""
    async with running(tmp_path) as desk:
        yield desk


@pytest.mark.parametrize("part", [0, 1])
async def test_each_odd_command_is_refused_in_one_short_notice(desk: Desk, part: int) -> None:
    texts = dict(list(ODD.items())[part * 15 : part * 15 + 15])  # fewer than one person may type in a row
    asked = {await desk.say(text): name for name, text in texts.items()}
    last = await desk.say(LAST)
    counted = await desk.until_answered(last)
    assert {asked.get(event_id, "last"): count for event_id, count in counted.items()} == dict.fromkeys(
        [*texts, "last"], 1
    )
    assert desk.queued() == ["lamp(9999)"]
    for one in await desk.notices():
        content = one["content"]
        assert content["msgtype"] == "m.notice" and content["m.mentions"] == {} and "formatted_body" not in content
        assert len(content["body"].encode()) < 600, content["body"]
        assert not set(content["body"]) & (set(BIDI_CONTROLS) | {"\0", "\u200b"})


async def test_what_is_no_text_is_not_heard(desk: Desk) -> None:
    for content in DEAF:
        await desk.send(content)
    last = await desk.say(LAST)
    counted = await desk.until_answered(last)
    assert sum(counted.values()) == 1 + UNKNOWABLE and desk.queued() == ["lamp(9999)"]


async def test_of_a_thousand_commands_in_a_second_a_burst_is_done_and_one_refusal_said(desk: Desk) -> None:
    typed = [desk.heard(f"!cx call garden lamp {number}", f"$flood{number}") for number in range(1_000)]
    for begin in range(0, 1_000, 100):  # as ten answers to a sync bring them
        await desk.world.gateway.commanding.heard(typed[begin : begin + 100], f"s{begin}")
    counted = await desk.until_answered(f"$flood{BURST}")
    assert desk.queued() == [f"lamp({number})" for number in range(BURST)]
    assert counted == Counter(f"$flood{number}" for number in range(BURST + 1))
    (refusal,) = [one["content"]["body"] for one in await desk.notices() if COMMAND_KEY not in one["content"]]
    assert refusal.startswith("Too many commands in a row")


async def test_the_same_answer_again_is_not_heard_again_and_costs_nobody_a_command(desk: Desk) -> None:
    """As after a disk that was full for a while: each try brings all of it."""
    typed = [desk.heard(f"!cx call garden lamp {number}", f"$again{number}") for number in range(5)]
    for _ in range(1 + BURST // len(typed)):
        await desk.world.gateway.commanding.heard(typed, "s1")
    last = await desk.say(LAST)
    counted = await desk.until_answered(last)
    assert counted == Counter([*(one.event_id for one in typed), last])
    assert desk.queued() == [*(f"lamp({number})" for number in range(5)), "lamp(9999)"]


async def test_a_message_taken_back_in_another_room_takes_nothing_back(desk: Desk) -> None:
    """A homeserver gone bad may say that it was; whoever rules that room does not rule this one."""
    command = await desk.say(LAST)
    await desk.until_answered(command)
    gateway = desk.world.gateway
    given = {"name": "other", "alias": "", "invite": []}
    other = await asyncio.to_thread(call, At(desk.world.paths, {}), "room.create", given)
    mallory = "@mallory:localhost"
    await gateway.commanding.heard([Redacted(other["room_id"], "$there", command, mallory)], "s1")
    assert desk.states() == ["queued"]
    await gateway.commanding.heard([Redacted(desk.world.room.room_id, "$here", command, mallory)], "s2")
    assert desk.states() == ["withdrawn"]


@pytest.mark.slow
async def test_a_gap_of_200_is_answered_once_each_in_order(desk: Desk) -> None:
    """The homeserver leaves most of it out of its next answer: it is read page by page, talk and commands."""
    await desk.process.fail("html", path="/sync", times=1_000)
    await desk.say("the last that is heard at once")
    asked = {}
    for number in range(200):
        event_id = await desk.say(f"!cx call garden lamp {number}" if number % 12 == 0 else f"talk of {number}")
        if number % 12 == 0:
            asked[event_id] = f"lamp({number})"
    await desk.process.control("DELETE", "faults")
    counted = await desk.until_answered(list(asked)[-1])
    assert counted == Counter(list(asked)) and desk.queued() == list(asked.values())


def test_who_was_told_to_wait_is_heard_again_when_half_a_burst_is_there() -> None:
    """So a flood that never ends gets few answers, and what was said holds: what follows is not done."""
    pace = Pace()
    allowed = [pace.take("!room", "@mallory", now_ms) for now_ms in range(0, 60_000, 100)]
    assert set(allowed[:BURST]) == {Allowed.YES}
    assert allowed.count(Allowed.YES) <= BURST + A_MINUTE
    assert allowed.count(Allowed.LAST) <= 1 + A_MINUTE // AGAIN
    first = allowed.index(Allowed.LAST)
    assert set(allowed[first + 1 : first + 150]) == {Allowed.NO}
    assert pace.take("!room", "@alice", 0) is Allowed.YES, "nobody else is slowed down"
