"""A room is replaced by another: what waited moves, what may have been posted is looked for in the old one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from comatrix.gateway.edges.store import outbox
from comatrix.gateway.model import HomeserverAnswer
from tests.gateway.delivery_homeserver import FakeHomeserver, FakeVoices, Step, answer, lost_after, lost_before
from tests.gateway.delivery_world import World

MINUTE_MS = 60_000
forbidden = answer(403, "M_FORBIDDEN")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.crash()


async def upgrade(world: World, room: int, new_room_id: str = "!new:b") -> None:
    world.store.write(lambda c: c.execute("UPDATE room SET room_id = ? WHERE id = ?", (new_room_id, room)))
    await world.poster.replaced(room)


def tombstoned(world: World) -> None:
    world.server.rule = lambda room, content: forbidden if room == "!a:b" else None


async def test_what_was_refused_in_the_old_room_is_said_in_the_new_one(world: World) -> None:
    garden = world.node("garden", world.room())
    await world.start()
    await world.say(garden, 1)
    await world.after(100)
    tombstoned(world)
    await world.say(garden, 2, 3)
    await world.after(MINUTE_MS)
    await upgrade(world, garden.room)
    await world.say(garden, 4)
    await world.after(1000)
    assert [seq for _, seq in world.server.seqs("!a:b")] == [1]
    assert [seq for _, seq in world.server.seqs("!new:b")] == [2, 3, 4]
    assert world.server.checks[-1] == "!new:b"
    assert world.counts()["waiting"] == 0


@pytest.mark.parametrize("step", [lost_before, lost_after])
@pytest.mark.parametrize("crash", [False, True])
async def test_a_row_in_doubt_is_looked_for_in_the_old_room(world: World, step: Step, crash: bool) -> None:
    garden = world.node("garden", world.room())
    await world.start()
    await world.say(garden, 1)
    await world.after(100)
    world.server.script.append(step)
    await world.say(garden, 2)
    await world.after(100)
    tombstoned(world)
    await upgrade(world, garden.room)
    if crash:
        await world.restart()
    await world.say(garden, 3)
    await world.after(2 * MINUTE_MS)
    assert {room for room, _ in world.server.reads} == {"!a:b"}
    found = step is lost_after
    assert [seq for _, seq in world.server.seqs("!a:b")] == ([1, 2] if found else [1])
    assert [seq for _, seq in world.server.seqs("!new:b")] == ([3] if found else [2, 3])
    assert len({txn for room, txn in world.server.calls if room == "!a:b"}) == 2


async def test_an_old_room_that_cannot_be_read_parks_what_is_in_doubt(world: World) -> None:
    garden = world.node("garden", world.room())
    await world.start()
    world.server.script.append(lost_after)
    await world.say(garden, 1)
    await world.after(100)
    world.server.reading["!a:b"] = [HomeserverAnswer(403, {"errcode": "M_FORBIDDEN"}, "M_FORBIDDEN")]
    await upgrade(world, garden.room)
    await world.say(garden, 2)
    await world.after(MINUTE_MS)
    (row,) = world.store.read(outbox.parked_rows)
    assert row.reason.startswith("unknown whether posted")
    assert [seq for _, seq in world.server.seqs("!new:b")] == [2]


async def test_what_the_old_room_refuses_meanwhile_does_not_hold_up_the_new_one(world: World) -> None:
    garden = world.node("garden", world.room())
    await world.start()
    await world.say(garden, 1)
    await world.after(100)
    tombstoned(world)

    async def slow() -> None:
        await world.clock.wait(world.clock.ms + 500)

    world.server.latency = slow
    await world.say(garden, 2)
    await world.after(100)
    await upgrade(world, garden.room)
    await world.after(MINUTE_MS)
    assert [seq for _, seq in world.server.seqs("!new:b")] == [2]
    assert world.lines == []


async def test_an_encrypted_replacement_gets_nothing(world: World) -> None:
    garden = world.node("garden", world.room())
    world.server.encrypted["!new:b"] = True
    await world.start()
    await world.say(garden, 1)
    await world.after(100)
    await upgrade(world, garden.room)
    await world.say(garden, 2)
    await world.after(20 * MINUTE_MS)
    assert [seq for _, seq in world.server.seqs("!a:b")] == [1]
    assert world.server.seqs("!new:b") == []
    assert any("!new:b: is encrypted" in line for line in world.lines)


class SlowAboutTheOldRoom(FakeHomeserver):
    """Says whether the old room is encrypted only once it is `released`."""

    def __init__(self) -> None:
        super().__init__()
        self.released = asyncio.Event()

    async def state_event(self, room_id: str, event_type: str) -> HomeserverAnswer:
        found = await super().state_event(room_id, event_type)
        if room_id == "!a:b":
            await self.released.wait()
        return found


@pytest.mark.parametrize("encrypted", ["!a:b", "!new:b"])
async def test_what_is_heard_late_of_the_old_room_says_nothing_of_the_new_one(tmp_path: Path, encrypted: str) -> None:
    server = SlowAboutTheOldRoom()
    server.encrypted[encrypted] = True
    world = World(tmp_path, server=server)
    garden = world.node("garden", world.room())
    await world.start()
    await world.say(garden, 1)
    await world.after(100)
    assert server.checks == ["!a:b"]
    await upgrade(world, garden.room)
    await world.after(100)
    server.released.set()
    await world.after(MINUTE_MS)
    assert [seq for _, seq in server.seqs("!new:b")] == ([] if encrypted == "!new:b" else [1])
    await world.crash()


async def test_ghosts_are_prepared_for_the_new_room(world: World) -> None:
    world.voices = FakeVoices([1])
    garden = world.node("garden", world.room())
    await world.start()
    await world.say(garden, 1)
    await world.after(100)
    await upgrade(world, garden.room)
    await world.say(garden, 2)
    await world.after(1000)
    assert world.voices.prepared == [("@cx_node_1:b", "!a:b"), ("@cx_node_1:b", "!new:b")]
    assert [seq for _, seq in world.server.seqs("!new:b")] == [2]
