"""What goes first when the account may not send everything at once, and that nothing starves."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from comatrix.gateway.edges.store import outbox
from comatrix.gateway.model import HomeserverAnswer, Room, SealedRow
from comatrix.gateway.uplink.priority import (
    AGEING_MS,
    FINAL_EDIT,
    FIRST_REPLY,
    INTERMEDIATE_EDIT,
    REACTION,
    TELEMETRY,
)
from tests.gateway.delivery_homeserver import Step, answer, lost_after
from tests.gateway.delivery_world import World

MINUTE_MS = 60_000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.crash()


def limiter(world: World, *, burst: int = 10, interval_ms: int = 5_000) -> Callable[[str, bytes], Step | None]:
    """A homeserver's token bucket, as a default Synapse's."""
    level, at_ms = 0.0, world.clock.ms

    def rule(room: str, content: bytes) -> Step | None:
        nonlocal level, at_ms
        level, at_ms = max(0.0, level - (world.clock.ms - at_ms) / interval_ms), world.clock.ms
        if level + 1 > burst:
            wait_ms = int((level + 1 - burst) * interval_ms) + 1
            return lambda *_: HomeserverAnswer(429, {}, "M_LIMIT_EXCEEDED", retry_after_ms=wait_ms)
        level += 1
        return None

    return rule


def seal(world: World, room: Room, priority: int, name: str, target: str = "") -> None:
    """A row of the command side, with `name` for its event."""

    def job(connection: object) -> None:
        number = outbox.next_id(connection)  # type: ignore[arg-type]
        relates = {"m.relates_to": {"rel_type": "m.replace", "event_id": target}} if target else {}
        content = json.dumps({"name": name, **relates}).encode()
        row = SealedRow(
            number, room.id, room.room_id, "m.room.message", f"{world.store.instance}.{number}.msg", content,
            world.clock.ms, (), False, 0, "sealed", sender="@cx:b", device="CX",
        )  # fmt: skip
        outbox.seal(connection, replace(row, priority=priority), [])  # type: ignore[arg-type]

    world.store.write(job)
    world.poster.sealed()


def named(world: World) -> list[str]:
    """The names of the events, "records" for those of nodes."""
    return [event["content"].get("name", "records") for event in world.server.log]


async def exhausted(world: World, rooms: int) -> list[Room]:
    """Rooms with a node each that said something; the account is limited and its bucket empty."""
    made = [world.room(f"!{n}:b") for n in range(rooms)]
    nodes = [world.node(f"n{n}", room) for n, room in enumerate(made)]
    await world.start()
    world.server.rule = limiter(world)
    for node in nodes:
        await world.say(node, 1)
    await world.after(10 * MINUTE_MS)
    world.server.rule = limiter(world, burst=1)
    for _ in range(2):
        await world.say(nodes[0], 1)
        await world.after(50)
    return made


async def test_with_one_token_at_a_time_the_table_is_the_order(world: World) -> None:
    rooms = await exhausted(world, 12)
    before = len(world.server.log)
    order = [REACTION, INTERMEDIATE_EDIT, TELEMETRY, FINAL_EDIT, FIRST_REPLY]
    for room, priority in zip(rooms[1:], order, strict=False):
        seal(world, room, priority, str(priority))
    await world.after(2 * MINUTE_MS)
    assert [name for name in named(world)[before:] if name != "records"] == ["1", "2", "3", "4", "5"]


async def test_in_one_lane_too(world: World) -> None:
    rooms = await exhausted(world, 12)
    before = len(world.server.log)
    for priority in (REACTION, INTERMEDIATE_EDIT, TELEMETRY, FINAL_EDIT, FIRST_REPLY):
        seal(world, rooms[1], priority, str(priority))
    await world.after(2 * MINUTE_MS)
    assert [name for name in named(world)[before:] if name != "records"] == ["1", "2", "3", "4", "5"]
    assert world.server.most_in_flight["!1:b"] == 1


async def test_edits_of_one_event_keep_their_order(world: World) -> None:
    """The greatest timestamp wins: an earlier state sent later would stay for ever."""
    rooms = await exhausted(world, 12)
    before = len(world.server.log)
    seal(world, rooms[1], TELEMETRY, "other")
    seal(world, rooms[1], INTERMEDIATE_EDIT, "on air", target="$t")
    seal(world, rooms[1], FINAL_EDIT, "confirmed", target="$t")
    await world.after(2 * MINUTE_MS)
    assert [name for name in named(world)[before:] if name != "records"] == ["on air", "confirmed", "other"]


async def test_an_event_of_somebody_else_goes_at_once_and_hurries_nobody(world: World) -> None:
    """A command in one room is no reason to try a room that refuses."""
    closed, other = world.room("!closed:b"), world.room("!open:b")
    shut = answer(403, "M_FORBIDDEN")
    world.server.rule = lambda room, content: shut if room == "!closed:b" else None
    garden = world.node("garden", closed)
    await world.start()
    await world.say(garden, 1)
    await world.after(1000)
    tried = len([room for room, _ in world.server.calls if room == "!closed:b"])
    seal(world, other, FIRST_REPLY, "reply")
    await world.after(1000)
    assert named(world) == ["reply"]
    assert len([room for room, _ in world.server.calls if room == "!closed:b"]) == tried


async def test_nothing_overtakes_what_is_in_doubt_in_its_lane(world: World) -> None:
    """What was posted is in the room before what comes next, or it is known not to be."""
    room = world.room()
    garden = world.node("garden", room)
    await world.start()
    await world.say(garden, 1)
    await world.after(100)
    world.server.script.append(lost_after)
    await world.say(garden, 2)
    await world.after(100)
    seal(world, room, FIRST_REPLY, "reply")
    await world.after(10_000)
    assert world.server.calls[1] == world.server.calls[2]
    assert named(world) == ["records", "records", "reply"]
    world.server.script.append(lost_after)
    seal(world, room, REACTION, "reaction")
    await world.after(100)
    await world.say(garden, 3, kind="text")
    await world.after(10_000)
    assert world.server.calls[4] == world.server.calls[5]
    assert named(world)[3:] == ["reaction", "records"]


async def test_an_alarm_goes_before_the_telemetry_of_every_other_room(world: World) -> None:
    rooms = await exhausted(world, 30)
    nodes = {node.room: node for node in world.delivery.nodes()}
    for room in rooms[:-1]:
        await world.say(nodes[room.id], 2)
    await world.after(12_000)
    said_ms = world.clock.ms
    await world.say(nodes[rooms[-1].id], 3, kind="text")
    while world.server.log[-1]["room_id"] != "!29:b":
        await world.after(50)
    assert world.clock.ms - said_ms <= 5_100


async def test_after_a_pause_there_is_a_token_left_for_an_alarm(world: World) -> None:
    """Telemetry leaves one."""
    rooms = await exhausted(world, 30)
    nodes = {node.room: node for node in world.delivery.nodes()}
    world.server.rule = limiter(world)
    for room in rooms[:-1]:
        await world.say(nodes[room.id], 2)
    await world.after(MINUTE_MS)
    said_ms = world.clock.ms
    await world.say(nodes[rooms[-1].id], 3, kind="text")
    while world.server.log[-1]["room_id"] != "!29:b":
        await world.after(10)
    assert world.clock.ms - said_ms <= 100


async def test_a_new_nodes_first_reading_goes_first(world: World) -> None:
    rooms = await exhausted(world, 30)
    nodes = {node.room: node for node in world.delivery.nodes()}
    for room in rooms:
        await world.say(nodes[room.id], 2)
    await world.after(12_000)
    said_ms = world.clock.ms
    await world.say(world.node("new", world.room("!new:b"), "1h"), 1)
    while world.server.log[-1]["room_id"] != "!new:b":
        await world.after(50)
    assert world.clock.ms - said_ms <= 5_100


async def test_a_node_that_talks_without_end_does_not_silence_the_others(world: World) -> None:
    rooms = await exhausted(world, 12)
    nodes = {node.room: node for node in world.delivery.nodes()}
    talker, quiet = nodes[rooms[0].id], nodes[rooms[1].id]
    await world.say(quiet, 2)
    before = len(world.server.seqs("!1:b"))
    for _ in range(60):
        await world.say(talker, 1, kind="text")
        await world.after(1000)
    assert len(world.server.seqs("!1:b")) == before + 1


async def test_what_waits_gains_a_rank_so_that_nothing_starves(world: World) -> None:
    rooms = await exhausted(world, 40)
    nodes = {node.room: node for node in world.delivery.nodes()}
    seal(world, rooms[1], REACTION, "reaction")
    sealed_ms = world.clock.ms
    while "reaction" not in named(world) and world.clock.ms - sealed_ms < 10 * AGEING_MS:
        for room in rooms[2:]:
            await world.say(nodes[room.id], 1)
        await world.after(MINUTE_MS)
    assert "reaction" in named(world)
    assert world.clock.ms - sealed_ms <= 5 * AGEING_MS


async def test_an_alarm_behind_a_backlog_is_sealed_with_its_own_node_alone(world: World) -> None:
    room = world.room()
    noisy, door = world.node("noisy", room), world.node("door", room)
    await world.start()
    await world.say(noisy, 1)
    await world.say(door, 1)
    await world.after(1000)
    world.server.script.append(lambda *_: HomeserverAnswer(429, {}, "M_LIMIT_EXCEEDED", retry_after_ms=60_000))
    await world.say(noisy, 2)
    await world.after(100)
    await world.say(noisy, *range(700))
    await world.say(door, 5)
    await world.say(door, 6, kind="text")
    await world.after(10 * MINUTE_MS)
    shown = [[node for node, _ in event["content"]["records"]] for event in world.server.log]
    at = next(n for n, nodes in enumerate(shown) if noisy.number in nodes and door.number not in nodes)
    assert shown[at + 1] == [door.number] * 2  # after the one that was under way
    own = [seq for node, seq in world.server.seqs() if node == noisy.number]
    assert own == sorted(own) and len(own) == 702


async def test_an_account_without_limit_never_learns_one(world: World) -> None:
    rooms = [world.room(f"!{n}:b") for n in range(3)]
    nodes = [world.node(f"n{n}", room) for n, room in enumerate(rooms)]
    await world.start()
    for value in range(200):
        for node in nodes:
            await world.say(node, value)
        await world.after(60)
    await world.after(1000)
    assert len(world.server.log) >= 590
    assert {one["rate"] for one in world.poster.lags()} == {"as often as needed"}
