"""A text to a node is taken only where that is granted, and told to the mailbox once it is on disk."""

import asyncio
from pathlib import Path

import pytest

from comatrix.codec import coap, codes
from comatrix.codec.records import Text, encode
from comatrix.gateway.edges.store.transactions import Told
from comatrix.gateway.model import NewRecord
from comatrix.gateway.uplink.rendering import event_content
from tests.gateway.delivery_world import World
from tests.gateway.test_mail_in_answers import Scene

LONGEST = "é" * 200


@pytest.fixture
def scene() -> Scene:
    """Node 7 may send texts to node 8."""
    scene = Scene()
    scene.mail.items.clear()
    scene.world.grants.add((7, 8))
    return scene


def test_it_is_stored_in_the_senders_own_room_and_told_once_it_is_on_disk(scene: Scene) -> None:
    scene.disk.hold = True
    assert scene.post("m", Text("hi", -8)) == []
    assert scene.mail.calls == []
    scene.disk.sync()
    assert scene.sender.answer(scene.counter, scene.world.take()[0])[0] == coap.CHANGED
    assert scene.mail.calls == [("text",)]
    (record,) = scene.disk.records
    assert (record.kind, record.room, record.body) == ("node_text", 1, encode(Text("hi", -8)))


@pytest.mark.parametrize("to", [7, 9, 65_535])
def test_without_a_grant_it_is_refused_and_nothing_is_stored(scene: Scene, to: int) -> None:
    scene.world.grants.add((8, 9))
    assert scene.ask("m", Text("hi", -to))[0] == codes.FORBIDDEN
    scene.world.grants.clear()
    assert scene.ask("m", Text("hi", -8))[0] == codes.FORBIDDEN
    assert (scene.disk.records, scene.mail.calls) == ([], [])


def test_a_text_too_long_for_one_answer_is_refused(scene: Scene) -> None:
    assert scene.ask("m", Text(LONGEST, -8))[0] == coap.CHANGED
    assert scene.ask("m", Text(LONGEST + "!", -8))[0] == codes.TOO_LARGE
    assert len(scene.disk.records) == 1


def test_what_the_disk_refuses_is_told_to_nobody(scene: Scene) -> None:
    scene.disk.broken = True
    assert scene.ask("m", Text("hi", -8))[0] == codes.SERVICE_UNAVAILABLE
    assert scene.mail.calls == []


def test_it_is_acknowledged_even_if_the_mailbox_cannot_take_it_yet(scene: Scene) -> None:
    scene.mail.broken = True
    assert scene.ask("m", Text("hi", -8))[0] == coap.CHANGED


def test_a_text_to_a_room_is_not_told_to_the_mailbox(scene: Scene) -> None:
    assert scene.ask("m", Text("hi"))[0] == coap.CHANGED
    assert scene.mail.calls == []
    assert scene.disk.records[0].kind == "text"


async def test_its_room_reads_once_whom_it_was_for_by_name(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.render = event_content
    room = world.room()
    garden, cellar = world.node("garden", room), world.node("cellar", room)
    await world.start()
    body = encode(Text("water", -cellar.number))
    said = NewRecord(garden.number, 1, 1, room.id, "node_text", body, world.clock.ms, world.clock.ms, 1, b"12345678")
    told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
    world.store.append(said, None, told.set_result)
    await told
    world.poke()
    await world.after(60_000)
    assert [event["content"]["body"] for event in world.server.log] == ["garden: to cellar: water"]
    await world.crash()
