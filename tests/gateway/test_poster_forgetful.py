"""Homeservers that remember transaction ids in memory, not at all, or a moment too late."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from comatrix.gateway.model import HomeserverAnswer
from tests.gateway.delivery_homeserver import (
    FakeHomeserver,
    Step,
    answer,
    hang_after,
    hang_before,
    lost_after,
    lost_before,
)
from tests.gateway.delivery_world import World
from tests.gateway.test_poster_doubt import doubted

MINUTE_MS = 60_000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.crash()


@pytest.mark.parametrize("step", [lost_before, lost_after])
@pytest.mark.parametrize("name", ["Dendrite", None])
async def test_where_ids_are_kept_in_memory_every_lost_answer_is_looked_for(
    world: World, step: Step, name: str | None
) -> None:
    world.server.name = name
    await doubted(world, step)
    world.server.forget()  # it was restarted
    await world.after(50_000)
    assert len(world.server.calls) == 2 and world.server.reads == []  # the PUT may still be at work
    await world.after(MINUTE_MS)
    assert [seq for _, seq in world.server.seqs()] == [1, 2]
    assert len(world.server.reads) == 1


@pytest.mark.parametrize("step", [hang_before, hang_after])
async def test_where_ids_are_kept_in_memory_a_restart_is_a_lost_answer(world: World, step: Step) -> None:
    world.server.name = "Dendrite"
    await doubted(world, step)
    world.server.forget()
    await world.restart(after_ms=5_000)
    await world.after(2 * MINUTE_MS)
    assert [seq for _, seq in world.server.seqs()] == [1, 2]
    assert len(world.server.reads) == 1


async def test_where_ids_are_kept_in_memory_a_lost_connection_of_another_room_counts(world: World) -> None:
    """The homeserver was restarted between this row's failure and its retry."""
    world.server.name = "Dendrite"
    other = world.node("other", world.room("!other:b"))
    garden = world.node("garden", world.room())
    await world.start()
    await world.say(other, 1)
    await world.say(garden, 2)
    await world.after(100)

    def stored_then_failed(server: FakeHomeserver, room: str, txn: str, content: bytes) -> HomeserverAnswer:
        server.store(room, txn, content)
        return HomeserverAnswer(500, {"errcode": "M_UNKNOWN"}, "M_UNKNOWN")

    world.server.script.extend([stored_then_failed, lost_before])
    await world.say(garden, 3)
    await world.after(100)
    await world.say(other, 4)
    await world.after(100)
    world.server.forget()
    await world.after(3 * MINUTE_MS)
    assert [seq for _, seq in world.server.seqs()] == [2, 3]
    assert [seq for _, seq in world.server.seqs("!other:b")] == [1, 4]


async def test_where_ids_are_kept_in_memory_a_failure_of_its_own_is_repeated(world: World) -> None:
    world.server.name = "Dendrite"
    await doubted(world, answer(500, "M_UNKNOWN"))
    await world.after(10_000)
    assert world.server.reads == []
    assert [seq for _, seq in world.server.seqs()] == [1, 2]


async def test_conduit_gets_a_minute_before_its_retry(world: World) -> None:
    world.server.name = "conduit"
    garden = await doubted(world, lost_after)
    await world.say(garden, 100)
    world.poster.reload()  # nobody hurries it
    await world.after(55_000)
    assert len(world.server.calls) == 2
    await world.after(10_000)
    assert [seq for _, seq in world.server.seqs()] == [1, 2, 3]
    assert world.server.reads == []


async def test_the_setting_counts_more_than_the_servers_name(world: World) -> None:
    world.dedupe = "none"
    await doubted(world, lost_after)
    await world.after(2 * MINUTE_MS)
    assert len(world.server.reads) == 1
    assert [seq for _, seq in world.server.seqs()] == [1, 2]
