"""A ghost a node: named, invited, joined, made again when somebody took it away. On both homeservers."""

import asyncio

import pytest

from comatrix.gateway.edges.store import nodes
from tests.gateway.appservice.conftest import SERVICES
from tests.gateway.appservice.world import World, delete_device, messages, shown_name, until
from tests.support.homeserver import Homeserver

pytestmark = pytest.mark.parametrize("world", SERVICES, indirect=True)


async def test_a_node_speaks_under_its_own_name(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    garden, cellar = world.node("garden", room), world.node("cellar", room)
    assert (await world.say(garden, room, "21 C")).ok
    assert (await world.say(cellar, room, "12 C")).ok
    ghosts = [world.voices.voice(room, node.number).user_id for node in (garden, cellar)]
    assert await messages(owner, room) == [(ghosts[0], "21 C"), (ghosts[1], "12 C")]
    assert [await shown_name(owner, room, user) for user in ghosts] == [("join", "garden"), ("join", "cellar")]


async def test_the_name_is_set_before_the_join_so_that_nobody_sees_a_number(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    node = world.node("garden", room)
    assert (await world.say(node, room, "21 C")).ok
    ghost = world.voices.voice(room, node.number).user_id
    answer = await owner.client.messages(room.room_id, event_filter={"types": ["m.room.member"]})
    joins = [e["content"] for e in (answer.body or {})["chunk"] if e["state_key"] == ghost]
    assert [content["displayname"] for content in joins if content["membership"] == "join"] == ["garden"]


async def test_a_renamed_node_is_shown_under_its_new_name(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    node = world.node("garden", room)
    assert (await world.say(node, room, "21 C")).ok
    world.store.write(lambda connection: nodes.rename(connection, node.number, "orchard"))
    world.speaking.reload()
    ghost = world.voices.voice(room, node.number).user_id
    for _ in range(200):
        if (await shown_name(owner, room, ghost))[1] == "orchard":
            return
        await asyncio.sleep(0.05)
    raise AssertionError("still called garden")


async def test_a_kicked_ghost_comes_back_with_its_next_event(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    node = world.node("garden", room)
    assert (await world.say(node, room, "1")).ok
    ghost = world.voices.voice(room, node.number).user_id
    await owner.kick(room.room_id, ghost)
    assert (await world.say(node, room, "2")).ok
    assert await messages(owner, room) == [(ghost, "1"), (ghost, "2")]


async def test_a_deleted_device_is_made_again_with_the_next_event(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    node = world.node("garden", room)
    assert (await world.say(node, room, "1")).ok
    voice = world.voices.voice(room, node.number)
    await delete_device(world, voice)
    assert (await world.send(voice, room, "2", "9.9.msg")).errcode == "M_UNKNOWN_DEVICE"
    assert (await world.say(node, room, "2")).ok
    assert await messages(owner, room) == [(voice.user_id, "1"), (voice.user_id, "2")]


async def test_where_the_bot_may_not_invite_it_speaks_for_the_node_and_says_so_once(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner, levels={"invite": 100, "users": {}})
    node, other = world.node("garden", room), world.node("cellar", room)
    for text in ("1", "2"):
        assert (await world.say(node, room, text)).ok
    assert (await world.say(other, room, "3")).ok
    assert await messages(owner, room) == [(world.bot.user_id, "1"), (world.bot.user_id, "2"), (world.bot.user_id, "3")]
    assert [line.partition(" ")[0] for line in world.lines] == ["garden", "cellar"]
    assert "speak for itself" in world.lines[0] and world.bot.user_id in world.lines[0]


async def test_a_refused_ghost_is_tried_again_when_something_changed(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner, levels={"invite": 100, "users": {}})
    node = world.node("garden", room)
    assert (await world.say(node, room, "1")).ok
    levels = {"users": {owner.user_id: 100}, "invite": 0}
    await owner.put_state(room.room_id, "m.room.power_levels", levels)
    world.speaking.reload()
    assert (await world.say(node, room, "2")).ok
    ghost = world.voices.voice(room, node.number).user_id
    assert await messages(owner, room) == [(world.bot.user_id, "1"), (ghost, "2")]


async def test_in_a_crowded_room_the_bot_speaks(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    made = [world.node(f"n{number}", room) for number in range(3)]
    assert {world.voices.voice(room, node.number).user_id for node in made}.isdisjoint({world.bot.user_id})
    made.append(world.node("one too many", room))
    assert {world.voices.voice(room, node.number) for node in made} == {world.bot}


async def test_a_restart_asks_the_homeserver_nothing(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    node = world.node("garden", room)
    assert (await world.say(node, room, "1")).ok
    await world.stop()
    await world.start()
    voice = world.voices.voice(room, node.number)
    await world.following()
    server = world.place.server
    before = server.request_count if isinstance(server, Homeserver) else 0
    assert (await world.voices.prepare(voice, room)).ok
    assert (await world.voices.prepare(world.bot, room)).ok
    if isinstance(server, Homeserver) and world.mode == "push":  # the other one syncs meanwhile
        assert server.request_count == before
    assert (await world.send(voice, room, "2", "9.9.msg")).ok


async def test_a_database_put_back_asks_anew_and_finds_everything_there(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    node = world.node("garden", room)
    assert (await world.say(node, room, "1")).ok
    ghost = world.voices.voice(room, node.number)
    await world.stop()
    world.path.with_name(world.path.name + ".instance").unlink()  # as beside a copy put back
    await world.start()
    assert world.store.restored
    await owner.kick(room.room_id, ghost.user_id)
    assert (await world.say(node, room, "2")).ok
    assert await messages(owner, room) == [(ghost.user_id, "1"), (ghost.user_id, "2")]


async def test_a_ghost_joins_each_of_its_rooms_with_several_at_once(world: World) -> None:
    owner = await world.owner()
    made = [await world.room(owner) for _ in range(3)]
    node = world.node("garden", made[0])
    answers = await asyncio.gather(*(world.say(node, room, "hello") for room in made))
    assert all(answer.ok for answer in answers)
    for room in made:
        assert await messages(owner, room) == [(world.voices.voice(room, node.number).user_id, "hello")]


async def test_sixteen_ghosts_come_in_without_waiting(world: World) -> None:
    owner = await world.owner()
    rooms = [await world.room(owner) for _ in range(6)]
    made = [(world.node(f"n{number}", rooms[number // 3]), rooms[number // 3]) for number in range(16)]
    answers = await asyncio.gather(*(world.say(node, room, "hello") for node, room in made))
    assert [answer.status for answer in answers] == [200] * 16
    await until(lambda: not world.lines)
