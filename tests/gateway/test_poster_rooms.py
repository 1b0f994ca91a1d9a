"""Trouble of one room or one cadence is nobody else's; an encrypted room never gets an event."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from comatrix.gateway.edges.store import nodes, rooms
from tests.gateway.delivery_homeserver import answer, hang_before, lost_before
from tests.gateway.delivery_world import World

MINUTE_MS = 60_000
forbidden = answer(403, "M_FORBIDDEN")
too_large = answer(413, "M_TOO_LARGE")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.crash()


async def test_rooms_are_served_side_by_side_but_at_most_eight(world: World) -> None:
    for n in range(12):
        node = world.node(f"n{n}", world.room(f"!{n}:b"))
        await world.say(node, 1)
    world.server.script.extend([hang_before] * 12)
    await world.start()
    await world.after(1000)
    assert sum(world.server.in_flight.values()) == 8


async def test_429_slows_all_rooms_of_the_account(world: World) -> None:
    pair = [world.node(name, world.room(f"!{name}:b")) for name in ("one", "two")]
    world.server.script.append(answer(429, "M_LIMIT_EXCEEDED", retry_after_ms=4000))
    await world.start()
    await world.say(pair[0], 1)
    await world.after(100)
    await world.say(pair[1], 1)
    await world.after(3800)
    assert len(world.server.calls) == 1
    await world.after(200)
    assert len(world.server.events) == 1
    await world.after(4000)
    assert len(world.server.events) == 2
    assert sum("limits" in line for line in world.lines) == 1


async def test_a_paused_room_stops_nobody_else_and_recovers(world: World) -> None:
    closed, opened = (world.node(name, world.room(f"!{name}:b")) for name in ("closed", "open"))
    shut = True
    world.server.rule = lambda room, content: forbidden if shut and room == "!closed:b" else None
    await world.start()
    for value in range(3):
        await world.say(closed, value)
        await world.say(opened, value)
        await world.after(100)
    assert world.server.batches("!open:b") == [1, 1, 1]
    assert world.server.batches("!closed:b") == []
    assert len([line for line in world.lines if "M_FORBIDDEN" in line]) == 1
    assert world.store.read(lambda c: rooms.by_name(c, "!closed:b")).paused == "M_FORBIDDEN: in words"  # type: ignore[union-attr]
    await world.after(10 * MINUTE_MS)
    assert len([room for room, _ in world.server.calls if room == "!closed:b"]) == 2
    shut = False
    await world.after(10 * MINUTE_MS)
    assert world.server.batches("!closed:b") == [3]
    assert world.lines[-1] == "!closed:b: sending again"
    assert world.store.read(lambda c: rooms.by_name(c, "!closed:b")).paused is None  # type: ignore[union-attr]


async def test_a_refused_token_pauses_everything_and_is_tried_every_minute(world: World) -> None:
    pair = [world.node(name, world.room(f"!{name}:b")) for name in ("one", "two")]
    bad = True
    world.server.rule = lambda room, content: answer(401, "M_UNKNOWN_TOKEN") if bad else None
    for node in pair:
        await world.say(node, 1)
    await world.start()
    await world.after(100)
    before = len(world.server.calls)
    await world.after(5 * MINUTE_MS)
    assert len(world.server.calls) - before == 5
    assert sum("account cannot send" in line for line in world.lines) == 1
    bad = False
    await world.after(MINUTE_MS)
    assert len(world.server.events) == 2
    assert "the account can send again" in world.lines


async def test_an_encrypted_room_never_gets_an_event(world: World) -> None:
    garden = world.node("garden", world.room())
    world.server.encrypted["!a:b"] = True
    await world.start()
    await world.say(garden, 1)
    await world.after(60 * MINUTE_MS)
    assert len([line for line in world.lines if "is encrypted" in line]) == 1
    world.server.encrypted["!a:b"] = False  # remembered for ever
    await world.restart()
    await world.say(garden, 2)
    await world.after(60 * MINUTE_MS)
    assert world.server.calls == []
    assert world.counts()["waiting"] == 2


async def test_an_encrypted_room_is_not_asked_about_again(world: World) -> None:
    garden = world.node("garden", world.room())
    world.server.encrypted["!a:b"] = True
    await world.start()
    for value in range(5):
        await world.say(garden, value)
        await world.after(MINUTE_MS)
    assert world.server.checks == ["!a:b"]


async def test_encryption_noticed_while_running_stops_the_room(world: World) -> None:
    room = world.room()
    garden = world.node("garden", room)
    await world.start()
    await world.say(garden, 1)
    await world.after(1000)
    world.store.write(lambda connection: rooms.set_encrypted(connection, room.id))
    world.poster.reload()
    await world.say(garden, 2)
    await world.after(60 * MINUTE_MS)
    assert len(world.server.calls) == 1
    assert world.poster.troubles() == ["!a:b: is encrypted"]


async def test_a_backlog_does_not_wait_for_the_next_span(world: World) -> None:
    garden = world.node("garden", world.room(), "15min")
    await world.say(garden, *range(450))
    await world.start()
    await world.after(1000)
    assert world.server.batches() == [200, 200, 50]


@pytest.mark.parametrize("post", ["15min", "change"])
async def test_a_split_event_does_not_wait_for_its_cadence(world: World, post: str) -> None:
    garden = world.node("garden", world.room(), post)
    await world.start()
    await world.say(garden, 1)
    await world.after(1000)
    await world.say(garden, 2, 3)
    world.server.script.append(too_large)
    await world.after(15 * MINUTE_MS + 1000)
    assert world.server.batches() == [1, 1, 1]


async def test_after_an_outage_all_rooms_go_on_with_the_first_answer(world: World) -> None:
    pair = [world.node(name, world.room(f"!{name}:b")) for name in ("one", "two")]
    down = True
    world.server.rule = lambda room, content: lost_before if down else None
    await world.start()
    await world.say(pair[0], 1)
    await world.after(20 * MINUTE_MS)
    await world.say(pair[1], 1)
    await world.after(7 * MINUTE_MS + 30_000)
    down = False
    while not world.server.events:
        await world.after(1000)
    assert len(world.server.events) == 2
    assert world.lines[-1] == "the homeserver answers again"
    assert len(world.lines) == 2


async def test_nothing_is_sent_while_encryption_is_unknown(world: World) -> None:
    garden = world.node("garden", world.room())
    world.server.encrypted["!a:b"] = None
    await world.start()
    await world.say(garden, 1)
    await world.after(10 * MINUTE_MS)
    assert world.server.calls == []
    world.server.encrypted["!a:b"] = False
    await world.after(2 * MINUTE_MS)
    assert len(world.server.events) == 1


async def test_a_room_encrypted_during_an_outage_gets_nothing_after_it(world: World) -> None:
    room = world.room()
    garden = world.node("garden", room)
    await world.start()
    await world.say(garden, 1)
    await world.after(1000)
    world.server.rule = lambda room, content: lost_before
    await world.say(garden, 2)
    await world.after(MINUTE_MS)
    world.server.encrypted["!a:b"] = True
    world.server.rule = lambda room, content: None
    await world.after(10 * MINUTE_MS)
    assert world.server.batches() == [1]
    assert len([line for line in world.lines if "is encrypted" in line]) == 1


async def test_while_the_rooms_are_not_watched_each_is_looked_at_before_every_event(world: World) -> None:
    garden = world.node("garden", world.room())
    await world.start()
    for value, watched in enumerate((True, True, False, False, True, True)):
        world.poster.watched(watched)
        await world.say(garden, value)
        await world.after(1000)
    # At first; for each event while unwatched; and once for the time in between.
    assert len(world.server.checks) == 1 + 2 + 1
    world.server.encrypted["!a:b"] = True
    world.poster.watched(False)
    await world.say(garden, 9)
    await world.after(MINUTE_MS)
    assert world.server.batches() == [1] * 6


async def test_what_keeps_a_room_from_being_looked_at_is_told_in_words(world: World) -> None:
    garden = world.node("garden", world.room())
    world.server.unreadable["!a:b"] = (401, "M_UNKNOWN_TOKEN")
    await world.start()
    await world.say(garden, 1)
    await world.after(5 * MINUTE_MS)
    assert [line for line in world.lines if "comatrix init --force" in line] == world.lines[-1:]
    world.server.unreadable["!a:b"] = (403, "M_FORBIDDEN")
    await world.after(5 * MINUTE_MS)
    assert "cannot find out whether it is encrypted (M_FORBIDDEN" in world.lines[-1]
    assert world.server.calls == []
    world.server.unreadable.clear()
    world.poster.reload()
    await world.after(1000)
    assert world.server.batches() == [1]


async def test_every_15min_coalesces_and_the_first_goes_at_once(world: World) -> None:
    garden = world.node("garden", world.room(), "15min")
    await world.start()
    for value in range(31):
        await world.say(garden, value)
        await world.after(MINUTE_MS)
    assert world.server.batches() == [1, 15, 15]
    await world.restart()
    await world.say(garden, 1)
    await world.after(MINUTE_MS)
    assert len(world.server.events) == 3  # a restart is no first reading


async def test_unchanged_readings_ride_in_the_next_event_or_after_an_hour(world: World) -> None:
    door = world.node("door", world.room(), "change")
    await world.start()
    for value in (0, 0, 0, 1, 1):
        await world.say(door, value)
        await world.after(MINUTE_MS)
    assert world.server.batches() == [1, 3]
    await world.restart()
    await world.say(door, 1)
    await world.after(50 * MINUTE_MS)
    assert world.server.batches() == [1, 3]
    await world.after(11 * MINUTE_MS)
    assert world.server.batches() == [1, 3, 2]


async def test_a_text_does_not_wait_for_the_cadence(world: World) -> None:
    garden = world.node("garden", world.room(), "1d")
    await world.start()
    await world.say(garden, 1)
    await world.after(1000)
    await world.say(garden, 2, kind="text")
    await world.after(1000)
    assert world.server.batches() == [1, 1]


async def test_a_new_cadence_and_a_new_node_count_at_once(world: World) -> None:
    room = world.room()
    garden = world.node("garden", room, "1d")
    await world.start()
    await world.say(garden, 1, 2)
    await world.after(1000)
    await world.say(garden, 3)
    await world.after(1000)
    assert len(world.server.seqs()) == 2
    world.store.write(lambda connection: nodes.set_post(connection, garden.number, "every"))
    attic = world.node("attic", world.room("!new:b"))
    world.poster.reload()
    await world.say(attic, 4)
    await world.after(1000)
    assert len(world.server.seqs()) == 3
    assert world.server.batches("!new:b") == [1]


async def test_a_room_bound_while_running_is_found_by_its_first_record(world: World) -> None:
    await world.start()
    await world.say(world.node("late", world.room("!late:b")), 1)
    await world.after(1000)
    assert world.server.batches("!late:b") == [1]
