"""Only who may has a node told anything, when it is typed and while it waits; where nobody says, nobody may."""

import pytest

from comatrix.gateway.desk.desk import UNSEEN
from comatrix.gateway.desk.rights import MOST_TRIES
from comatrix.gateway.downlink import states
from comatrix.gateway.errors import Unreachable
from tests.gateway.desk.world import ANN, BOB, EVE, OTHER, ROOM, World

SET = "!cx set garden interval 60"
INTERVAL = "interval = 60 s"
WAITS = f"garden: {INTERVAL} - queued as #1, waits for the node's next contact"


@pytest.mark.parametrize(
    ("typed", "sender", "needed"),
    [
        (SET, EVE, 50),
        ("!cx say garden hello", EVE, 50),
        ("!cx cancel 1", EVE, 50),
        ("!cx alarm garden battery <3.3V", EVE, 50),
        ("!cx alarm garden battery off", EVE, 50),
        ("!cx alarm garden off", EVE, 50),
        ("!cx revoke garden", BOB, 100),
        ("!cx block garden", BOB, 100),
        ("!cx rename garden g", BOB, 100),
    ],
)
async def test_who_has_too_little_power_is_refused(world: World, typed: str, sender: str, needed: int) -> None:
    await world.say(typed, sender)
    (answer,) = world.news()
    assert f"needs level {needed} " in answer and answer.endswith("in the room's permissions.")
    assert (world.items(), world.changed) == ([], [])


async def test_who_may_view_may_look_at_limits_and_wakes_nobody(world: World) -> None:
    await world.say("!cx alarm garden battery <3.3V", BOB)
    changed = list(world.changed)
    world.news()
    for line in ("alarm garden", "alarm garden battery"):
        await world.say(f"!cx {line}", EVE)
        assert world.news() == [
            f"Alarms of garden:\nbattery below 3.30 V, over at 3.46 V: ok (by {BOB})",
        ]
    assert world.changed == changed == [1]


async def test_whoever_is_not_in_the_room_is_refused_everything(world: World) -> None:
    world.members = {BOB}
    await world.say("!cx nodes", ANN)
    assert world.news() == ["nodes is for members of this room, and you are not in it."]


async def test_a_batch_asks_once_about_each_person(world: World) -> None:
    typed = [world.said(SET, sender) for sender in (ANN, BOB, ANN, ANN)]
    await world.hear(*typed, world.said("hello", EVE))
    assert world.asked == [(ROOM, ANN), (ROOM, BOB)]


async def test_a_homeserver_that_does_not_say_who_may_is_asked_again_and_then_refused_in_words(world: World) -> None:
    world.members = None
    here, there = world.said(SET), world.said("!cx set barn interval 60", room_id=OTHER)
    for _ in range(MOST_TRIES - 1):
        with pytest.raises(Unreachable):
            await world.hear(here, there)
        assert world.items() == []
    await world.hear(here, there)
    await world.post()
    assert world.news() == ["I cannot see who may do what here, so set was not done. Try again later."] * 2
    await world.say(SET)
    assert len(world.news()) == 1, "the room waits no more until the homeserver said something"
    world.members = {ANN}
    await world.say(SET)
    assert world.news() == [WAITS]
    world.members = None
    with pytest.raises(Unreachable):
        await world.hear(world.said(SET))


@pytest.mark.parametrize("how", ["kicked", "demoted"])
async def test_whoever_may_no_more_has_withdrawn_what_waits(world: World, how: str) -> None:
    await world.say("!cx get garden interval", BOB)
    await world.contact()
    await world.say(SET, BOB)
    await world.say("!cx get garden interval", BOB)
    await world.say("!cx say shed hello", ANN)
    if how == "kicked":
        world.members = {ANN, EVE}
    else:
        world.powers = type(world.powers)("11", frozenset({ANN}), {"users": {ANN: 100}})
    await world.desk.who_may_changed(OTHER)
    await world.desk.who_may_changed("!nowhere:b")
    await world.desk.who_may_changed(ROOM)
    seen = [state for _, _, state in world.items()]
    looked = states.WITHDRAWN if how == "kicked" else states.QUEUED
    assert seen == [states.ON_AIR, states.WITHDRAWN, looked, states.QUEUED]
    assert any("withdrawn before it left: who asked for it may not any more" in text for text in await world.after())


async def test_what_cannot_be_checked_is_withdrawn_after_some_tries(world: World) -> None:
    await world.say(SET)
    world.members = None
    for _ in range(MOST_TRIES - 1):
        with pytest.raises(Unreachable):
            await world.desk.who_may_changed(ROOM)
        assert world.item().state == states.QUEUED
    await world.desk.who_may_changed(ROOM)
    assert (world.item().state, world.item().reason) == (states.WITHDRAWN, UNSEEN)


async def test_nobody_is_asked_where_nothing_waits(world: World) -> None:
    world.members = None
    await world.desk.who_may_changed(ROOM)
    assert world.asked == []
