"""What waits can be taken back; nodes that change are met as they are by then."""

from comatrix.gateway.downlink import states
from comatrix.gateway.edges.store import nodes
from tests.gateway.desk.world import BOB, OTHER, World

SET = "!cx set garden interval 60"
INTERVAL = "interval = 60 s"
WAITS = f"garden: {INTERVAL} - queued as #1, waits for the node's next contact"


async def test_removing_its_message_withdraws_what_has_not_left(world: World) -> None:
    said = await world.say(SET)
    world.news()
    await world.remove(said.event_id)
    assert await world.after() == [f"garden: {INTERVAL} - withdrawn before it left: its message was removed"]
    assert world.item().state == states.WITHDRAWN


async def test_removing_its_message_is_too_late_once_it_is_on_air(world: World) -> None:
    said = await world.say(SET)
    await world.contact()
    await world.remove(said.event_id)
    await world.answer(0, 60)
    assert "confirmed" in (await world.after())[-1], "and a message that is gone gets no reaction"


async def test_a_removal_in_another_room_takes_nothing_back(world: World) -> None:
    said = await world.say(SET)
    await world.remove(said.event_id, room_id=OTHER)
    await world.remove("$nothing of ours")
    assert world.item().state == states.QUEUED


async def test_what_waits_can_be_cancelled_by_whoever_may_operate(world: World) -> None:
    await world.say(SET)
    await world.say("!cx cancel #1 7 1", BOB)
    assert await world.after() == [
        WAITS,
        "There is no command #7 here. What waits: !cx queue",
        f"garden: {INTERVAL} - cancelled by {BOB}, it never left",
        "🚫",
    ]
    await world.say("!cx cancel 1", BOB)
    assert world.news() == ["#1 is over: cancelled."]


async def test_what_is_on_air_cannot_be_cancelled(world: World) -> None:
    await world.say(SET)
    await world.contact()
    await world.say("!cx cancel 1")
    assert "#1 is on air already and cannot be called back." in world.news()
    assert world.item().state == states.ON_AIR


async def test_what_was_typed_elsewhere_is_said_to_be_cancelled(world: World) -> None:
    """Its own reply, if it has one, is not here."""
    world.store.write(lambda c: nodes.bind_room(c, 3, 1, 1))
    await world.say("!cx set barn interval 60", room_id=OTHER)
    world.news()
    await world.say("!cx cancel 1")
    assert world.news()[0] == "#1 is cancelled."


# Nodes that change.


async def test_a_node_is_renamed_and_its_replies_follow(world: World) -> None:
    await world.say(SET)
    await world.say("!cx rename garden greenhouse")
    await world.contact()
    await world.answer(0, 60)
    texts = await world.after()
    assert "garden is called greenhouse now." in texts
    assert texts[-2].startswith(f"greenhouse: {INTERVAL} - confirmed by the node: 60 s")
    assert world.changed == [1]
    await world.say("!cx rename greenhouse shed")
    assert world.news() == ["There is a node shed already."]


async def test_in_one_batch_a_command_finds_what_the_one_before_left(world: World) -> None:
    lines = ["!cx rename garden greenhouse", SET, "!cx set greenhouse interval 60", "!cx revoke shed", "!cx nodes"]
    await world.hear(*map(world.said, [*lines, "!cx get shed interval"]))
    await world.post()
    texts = world.news()
    assert 'There is no node "garden" in this room.' in texts[1]
    assert texts[2].startswith("greenhouse: interval = 60 s - queued")
    assert texts[4] == "greenhouse: never heard"
    assert 'no node "shed"' in texts[5]
    assert world.changed == [1, 2]


async def test_revoking_a_node_withdraws_what_waits_for_it(world: World) -> None:
    await world.say(SET)
    await world.hear(world.said("!cx revoke garden"))
    assert world.item().state == states.WITHDRAWN, "in one step with the revocation"
    texts = await world.after()
    assert "garden is revoked: its keys are gone. To have it again: comatrix node add" in texts
    assert f"garden: {INTERVAL} - withdrawn before it left: the node was revoked" in texts


async def test_what_waits_for_a_node_that_moves_to_another_room_is_withdrawn(world: World) -> None:
    """Who may was asked of the room it left. What is on air stays."""
    await world.say("!cx get garden interval")
    await world.contact()
    await world.say(SET)
    world.store.write(lambda c: nodes.bind_room(c, 1, 1, 1))
    world.store.write(lambda c: nodes.set_room(c, 1, 2))
    await world.after()
    assert world.item(2).state == states.QUEUED, "it is in both"
    world.store.write(lambda c: c.execute("DELETE FROM node_room"))
    await world.contact()
    assert (world.item(1).state, world.item(2).state) == (states.ON_AIR, states.WITHDRAWN)
    assert "withdrawn before it left: its node belongs to another room now" in (await world.after())[-2]


async def test_a_node_is_blocked_and_heard_again(world: World) -> None:
    await world.say("!cx block garden")
    await world.say("!cx nodes")
    await world.say("!cx unblock garden")
    await world.say("!cx status garden")
    assert world.news() == [
        "garden is not heard any more, until: !cx unblock garden",
        "garden: blocked\nshed: never heard",
        "garden is heard again.",
        "garden: never heard",
    ]
    assert world.changed == [1, 1]


async def test_what_waits_is_listed(world: World) -> None:
    await world.say(SET)
    await world.say("!cx queue")
    await world.say("!cx queue shed")
    assert world.news()[1:] == [f"#1 garden: {INTERVAL}, waits for 0 s", "No command waits."]


async def test_help_is_of_everything_a_command_or_a_node(world: World) -> None:
    for line, told in (("help", "Each line after !cx:"), ("help set", "set NODE NAME"), ("help garden", "interval")):
        await world.say(f"!cx {line}")
        assert told in world.news()[0]
