"""One suite over a plain bot and an application service, over either intake, over both homeservers."""

import asyncio

import pytest

from tests.gateway.appservice.conftest import EVERY
from tests.gateway.appservice.world import World, messages, until

pytestmark = pytest.mark.parametrize("world", EVERY, indirect=True)


async def test_a_repeated_transaction_is_one_event(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    node = world.node("garden", room)
    first = await world.say(node, room, "21 C", "1.1.msg")
    again = await world.say(node, room, "21 C", "1.1.msg")
    assert first.ok and first.body == again.body
    assert [body for _, body in await messages(owner, room)] == ["21 C"]


async def test_a_repeated_transaction_is_one_event_also_after_a_restart(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    node = world.node("garden", room)
    first = await world.say(node, room, "21 C", "1.1.msg")
    await world.stop()
    await world.start()
    again = await world.say(node, room, "21 C", "1.1.msg")
    assert first.ok and first.body == again.body
    assert [body for _, body in await messages(owner, room)] == ["21 C"]


async def test_what_a_node_says_keeps_its_order(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    node = world.node("garden", room)
    for number in range(10):
        assert (await world.say(node, room, str(number))).ok
    assert [body for _, body in await messages(owner, room)] == [str(number) for number in range(10)]


async def test_encryption_switched_on_is_heard(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    await world.following()
    await owner.put_state(room.room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    await until(lambda: ("encrypted", room.room_id) in world.heard.news)


async def test_encryption_switched_on_while_the_gateway_was_away_is_heard(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    await world.following()
    await world.stop()
    await owner.put_state(room.room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    world.heard.news.clear()
    await world.start()
    await world.following()
    await until(lambda: ("encrypted", room.room_id) in world.heard.news)


async def test_a_room_encrypted_before_the_bot_came_is_heard_of(world: World) -> None:
    owner = await world.owner()
    await world.room(owner)
    await world.following()
    encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    room_id = await owner.create_room(preset="public_chat", initial_state=[encryption])
    world.bind(room_id)
    await world.bot_ready()
    assert (await world.client.join(room_id)).ok
    await until(lambda: ("encrypted", room_id) in world.heard.news)


async def test_the_bots_kick_its_return_and_new_powers_are_heard(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    await world.following()
    await asyncio.sleep(0.3)
    world.heard.news.clear()
    await owner.kick(room.room_id, world.bot.user_id, "enough")
    await until(lambda: ("left", room.room_id, "leave") in world.heard.news)
    assert (await owner.client.invite(room.room_id, world.bot.user_id)).ok
    if world.mode == "sync":  # nobody hears an invite of the bot there
        assert (await world.client.join(room.room_id)).ok
    await until(lambda: ("joined", room.room_id) in world.heard.news)
    await owner.put_state(room.room_id, "m.room.power_levels", {"users": {owner.user_id: 100}, "invite": 0})
    await until(lambda: ("power", room.room_id) in world.heard.news)


async def test_a_room_that_is_replaced_is_heard_of(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    await world.following()
    await owner.put_state(room.room_id, "m.room.tombstone", {"body": "moved", "replacement_room": "!new:localhost"})
    await until(lambda: ("upgraded", room.room_id, "!new:localhost") in world.heard.news)


async def test_what_was_said_before_the_bot_came_is_not_handed_on(world: World) -> None:
    owner = await world.owner()
    await world.room(owner)
    intake = world.speaking.intake
    await world.following()
    await world.stop_watching()  # an intake has one reader
    since = await _caught_up(world)
    old = await owner.create_room(preset="private_chat")
    for text in ("!cx garden valve on", "!cx garden valve off"):
        await owner.say(old, text)
    assert (await owner.client.invite(old, world.bot.user_id)).ok
    assert (await world.client.join(old)).ok
    world.bind(old)
    said: list[str] = []
    for step in range(40):
        if step == 3:
            await owner.say(old, "hello")
        answer = await intake.sync(since, 200)
        assert answer.ok and answer.body is not None, answer
        since = answer.body["next_batch"]
        part = answer.body["rooms"].get("join", {}).get(old, {})
        events = part.get("timeline", {}).get("events", [])
        said += [event["content"]["body"] for event in events if event["type"] == "m.room.message"]
        if said and step >= 3:
            break
    assert said == ["hello"]


async def _caught_up(world: World) -> str:
    answer = await world.speaking.intake.sync(None, 0)
    assert answer.ok and answer.body is not None, answer
    return str(answer.body["next_batch"])


async def test_what_is_typed_is_heard_once_also_while_the_gateway_was_away(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    node = world.node("garden", room)
    await world.following()
    await owner.say(room.room_id, "get garden interval")
    await until(lambda: world.heard.texts == ["get garden interval"])
    assert (await world.say(node, room, "interval = 60 s")).ok  # what our own users say is not heard
    await world.stop()
    await owner.say(room.room_id, "set garden interval 60")
    await world.start()
    await world.following()
    await until(lambda: len(world.heard.texts) > 1)
    await owner.say(room.room_id, "get garden interval")
    await until(lambda: len(world.heard.texts) > 2)
    assert world.heard.texts == ["get garden interval", "set garden interval 60", "get garden interval"]


async def test_what_was_typed_before_the_gateway_came_is_not_heard(world: World) -> None:
    owner = await world.owner()
    await world.bot_ready()
    room_id = await owner.create_room(preset="private_chat", invite=[world.bot.user_id])
    await owner.say(room_id, "set garden interval 1")
    assert (await world.client.join(room_id)).ok
    await owner.put_state(room_id, "m.room.topic", {"topic": "garden"})
    world.bind(room_id)
    await until(lambda: ("joined", room_id) in world.heard.news or world.mode == "sync")
    await world.following()
    for number in range(50):
        await owner.say(room_id, f"set garden interval {number + 2}")
        await asyncio.sleep(0.1)
        if world.heard.texts:
            break
    await asyncio.sleep(0.3)
    assert world.heard.texts and "set garden interval 1" not in world.heard.texts


async def test_what_is_taken_back_is_heard(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    await world.following()
    event_id = await owner.say(room.room_id, "set garden interval 60")
    await until(lambda: world.heard.texts == ["set garden interval 60"])
    await owner.redact(room.room_id, event_id)
    await until(lambda: world.heard.redacted == [event_id])
