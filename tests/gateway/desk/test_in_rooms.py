"""From what a person types into a homeserver to what the room shows, with the gateway's own parts between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from comatrix.codec import cbor
from comatrix.gateway.aead import aead
from comatrix.gateway.clock import monotonic_ms, wall_ms
from comatrix.gateway.commanding import open_commanding
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.directory import Directory
from comatrix.gateway.downlink import states
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.poster import Poster
from comatrix.gateway.edges.room_watch import RoomWatch
from comatrix.gateway.edges.store import descriptions, heard, mailbox, nodes, rooms
from comatrix.gateway.edges.store.delivery import Delivery
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.room_news import RoomNews
from comatrix.gateway.upgrades import Upgrades
from comatrix.gateway.uplink.associations import Associations
from tests.gateway.desk.world import GARDEN
from tests.support.homeserver import Homeserver
from tests.support.people import Person, Place

SET = "!cx set garden interval 60"


class Gateway:
    """Its room side. `start` again after `stop`: what is on disk goes on."""

    def __init__(self, path: Path, client: MatrixClient) -> None:
        self.path, self.client = path, client
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self.store = store = Store.open(self.path, wall_ms())
        directory = Directory(store, Associations(aead, lambda n: 0, frozenset()))
        poster = Poster(
            Delivery(store, sender=self.client.user_id, device=self.client.device_id),
            self.client,
            now_ms=wall_ms,
            wait=_wait_until,
            tell=lambda line: None,
            random=lambda n: 0,
            timezone=UTC,
        )
        self.commanding = commanding = await open_commanding(
            Settings(),
            store,
            directory,
            self.client,
            voice=lambda: poster.voice,
            whose=self.client.user_id,
            seen=lambda node: None,
            sealed=poster.sealed,
            changed=lambda node: directory.changed("node", node),
            tell=lambda line: None,
            air=lambda here: [],
        )
        poster.on_posted(commanding.replying.posted)
        upgrades = Upgrades(
            self.client,
            store,
            directory,
            now=monotonic_ms,
            replaced=poster.replaced,
            reload=poster.reload,
            voices_anew=poster.reload,
            tell=lambda line: None,
        )
        news = RoomNews(
            store, directory, upgrades, commanding, reload=poster.reload, watched=poster.watched, tell=lambda line: None
        )
        self.watch = RoomWatch(
            self.client,
            news,
            now=monotonic_ms,
            sleep=asyncio.sleep,
            timeout_ms=0,
            since=store.read(lambda connection: heard.since(connection, self.client.user_id)),
        )
        self._tasks = [asyncio.create_task(work) for work in (poster.run(), commanding.replying.run())]
        for _ in range(2):
            await self.watch.step()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.store.aclose()

    def states(self) -> list[str]:
        return [item.state for item in self.store.read(lambda connection: mailbox.recent(connection, 100))]


class Scene:
    """The owner's room, with a guest and the bot in it, and the node `garden`."""

    def __init__(self, homeserver: Homeserver, owner: Person, guest: Person, room_id: str, gateway: Gateway) -> None:
        self.homeserver, self.owner, self.guest = homeserver, owner, guest
        self.room_id, self.gateway = room_id, gateway

    async def say(self, who: Person, text: str, answers: int = 1) -> list[str]:
        """Typed and heard -> what the room shows of the bot once it has said so much more."""
        before = len(self.shown())
        await who.say(self.room_id, text)
        await self.gateway.watch.step()
        await until(lambda: len(self.shown()) >= before + answers)
        return self.shown()[before:]

    def shown(self) -> list[str]:
        """What the bot said, oldest first: texts, of an edit the new one, and the keys of reactions."""
        return [_text(event.content) for event in self._events()]

    def answers(self) -> int:
        """First replies."""
        return sum("m.in_reply_to" in event.content.get("m.relates_to", {}) for event in self._events())

    def _events(self) -> list[Any]:
        found = self.homeserver.rooms[self.room_id].events
        own = self.gateway.client.user_id
        return [one for one in found if one.sender == own and one.state_key is None]


def _text(content: dict[str, Any]) -> str:
    body: str = content.get("m.new_content", content).get("body") or content["m.relates_to"]["key"]
    return body


async def until(there: Callable[[], bool]) -> None:
    for _ in range(3_000):
        if there():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen")


async def _wait_until(until_ms: int) -> None:
    await asyncio.sleep(max(0, until_ms - wall_ms()) / 1000)


@pytest.fixture(params=["10", "11", "12"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    """In a room of each version whose powers differ."""
    homeserver = Homeserver()
    place = Place(homeserver, homeserver)
    client, owner, guest = await place.client(), await place.person(), await place.person()
    room_id = await owner.create_room(room_version=request.param, invite=[client.user_id, guest.user_id])
    for one in (client, guest.client):
        assert (await one.join(room_id)).ok
    with Store.open(tmp_path / "gateway.db", 0) as store:
        room = store.write(lambda c: rooms.add(c, room_id))
        store.write(lambda c: nodes.add(c, "garden", room.id, now_ms=0))
        store.write(lambda c: descriptions.put(c, 1, b"hash", cbor.encode(GARDEN.body()), 0))
    gateway = Gateway(tmp_path / "gateway.db", client)
    await gateway.start()
    yield Scene(homeserver, owner, guest, room_id, gateway)
    await gateway.stop()
    await place.aclose()


async def promote(scene: Scene, level: int) -> None:
    content = (await scene.owner.client.state_event(scene.room_id, "m.room.power_levels")).body or {}
    content["users"] = {**content.get("users", {}), scene.guest.user_id: level}
    await scene.owner.put_state(scene.room_id, "m.room.power_levels", content)
    await scene.gateway.watch.step()


async def test_the_rooms_own_powers_say_who_may(scene: Scene) -> None:
    (told,) = await scene.say(scene.owner, SET)
    assert told.endswith("queued as #1, waits for the node's next contact")
    (told,) = await scene.say(scene.guest, SET)
    assert told.startswith("set needs level 50 (operate) here and you have 0;")
    assert (await scene.say(scene.guest, "!cx nodes"))[0] == "garden: never heard"
    await promote(scene, 50)
    told = (await scene.say(scene.guest, "!cx say garden hello"))[0]
    assert "queued as #2" in told
    assert "needs level 100 (admin)" in (await scene.say(scene.guest, "!cx revoke garden"))[0]
    assert scene.homeserver.receipts[scene.room_id, scene.gateway.client.user_id].startswith("$")


@pytest.mark.parametrize("how", ["demoted", "kicked"])
async def test_what_waits_of_somebody_who_may_no_more_is_withdrawn(scene: Scene, how: str) -> None:
    await promote(scene, 50)
    await scene.say(scene.guest, SET)
    await scene.say(scene.owner, "!cx say garden hello")
    if how == "kicked":
        await scene.owner.kick(scene.room_id, scene.guest.user_id)
        await scene.gateway.watch.step()
    else:
        await promote(scene, 0)
    assert scene.gateway.states() == [states.WITHDRAWN, states.QUEUED]
    await until(lambda: scene.shown()[-1] == "🚫")
    assert "who asked for it may not any more" in scene.shown()[-2]


async def test_what_was_typed_in_another_room_stays(scene: Scene) -> None:
    gateway = scene.gateway
    own = await scene.guest.create_room(room_version="11", invite=[gateway.client.user_id])
    assert (await gateway.client.join(own)).ok
    await gateway.stop()
    with Store.open(gateway.path, 0) as store:
        room = store.write(lambda c: rooms.add(c, own))
        store.write(lambda c: nodes.bind_room(c, 1, 1, room.id))
    await gateway.start()
    await scene.guest.say(own, SET)
    await gateway.watch.step()
    await scene.owner.kick(scene.room_id, scene.guest.user_id)
    await gateway.watch.step()
    assert gateway.states() == [states.QUEUED]


async def test_where_the_bot_was_kicked_nothing_that_waits_goes_out(scene: Scene) -> None:
    await scene.say(scene.owner, SET)
    await scene.owner.kick(scene.room_id, scene.gateway.client.user_id)
    await scene.gateway.watch.step()
    assert scene.gateway.states() == [states.WITHDRAWN]


async def test_a_removed_message_is_withdrawn_and_an_edited_one_is_not_executed(scene: Scene) -> None:
    event_id = await scene.owner.say(scene.room_id, SET)
    await scene.gateway.watch.step()
    await scene.owner.redact(scene.room_id, event_id)
    await scene.gateway.watch.step()
    assert scene.gateway.states() == [states.WITHDRAWN]
    new = {"msgtype": "m.text", "body": SET}
    relation = {"rel_type": "m.replace", "event_id": event_id}
    await scene.owner.say(scene.room_id, f"* {SET}", **{"m.new_content": new, "m.relates_to": relation})
    await scene.gateway.watch.step()
    await until(lambda: "Edits are not executed: send the command again." in scene.shown())
    assert len(scene.gateway.states()) == 1


async def test_a_restart_hears_what_was_typed_meanwhile_and_answers_everything_once(scene: Scene) -> None:
    await scene.say(scene.owner, SET)
    await scene.gateway.stop()
    await scene.owner.say(scene.room_id, "!cx say garden hello")
    await scene.gateway.start()
    await until(lambda: scene.answers() == 2)
    for _ in range(2):
        await scene.gateway.stop()
        await scene.gateway.start()
    assert scene.gateway.states() == [states.QUEUED] * 2
    assert scene.answers() == 2


async def test_one_room_whose_powers_nobody_says_does_not_silence_it_for_ever(scene: Scene) -> None:
    scene.homeserver.fail("error", path="m.room.member", status=500, times=1_000)
    await scene.owner.say(scene.room_id, SET)
    for _ in range(10):
        await scene.gateway.watch.step()
    await until(lambda: len(scene.shown()) == 1)
    assert scene.shown()[0].startswith("I cannot see who may do what here")
    scene.homeserver.faults.clear()
    assert "queued as #1" in (await scene.say(scene.owner, SET))[0]
