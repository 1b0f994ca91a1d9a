"""The poster's promise: exactly once and in order, or parked with a reason."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.edges.poster import Poster
from comatrix.gateway.edges.store import outbox, rooms
from comatrix.gateway.edges.store.delivery import Delivery
from comatrix.gateway.errors import StoreError
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
from tests.gateway.delivery_world import World, render

MINUTE_MS = 60_000
forbidden = answer(403, "M_FORBIDDEN")
too_large = answer(413, "M_TOO_LARGE")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.crash()


async def test_a_committed_record_is_in_its_room(world: World) -> None:
    garden = world.node("garden", world.room())
    await world.start()
    seqs = await world.say(garden, 1)
    await world.after(100)
    assert world.server.seqs() == [[garden.number, seq] for seq in seqs]
    assert world.counts() == {"done": 1, "waiting": 0}


@pytest.mark.parametrize("step", [hang_before, hang_after])
async def test_exactly_once_through_a_crash_around_the_put(world: World, step: Step) -> None:
    garden = world.node("garden", world.room())
    world.server.script.append(step)
    await world.start()
    await world.say(garden, 1, 2)
    await world.after(100)
    (first,) = world.server.calls
    await world.restart()
    await world.say(garden, 3)
    await world.after(100)
    assert world.server.calls[1] == first  # the same transaction id; the fake checks the bytes
    assert [seq for _, seq in world.server.seqs()] == [1, 2, 3]
    assert world.counts()["waiting"] == 0


async def test_exactly_once_through_a_crash_before_the_answer_is_recorded(world: World) -> None:
    garden = world.node("garden", world.room())
    await world.start()

    async def never(row: Any, event_id: str) -> None:
        await asyncio.get_running_loop().create_future()

    world.delivery.done = never  # type: ignore[method-assign]
    await world.say(garden, 1)
    await world.after(100)
    assert world.counts() == {"sealed": 1, "waiting": 0}
    await world.restart()
    await world.after(100)
    assert [seq for _, seq in world.server.seqs()] == [1]
    assert world.counts() == {"done": 1, "waiting": 0}


@pytest.mark.parametrize("step", [lost_before, lost_after])
async def test_a_lost_answer_is_retried_with_the_same_bytes(world: World, step: Step) -> None:
    garden = world.node("garden", world.room())
    world.server.script.extend([step, step, answer(429, "M_LIMIT_EXCEEDED", retry_after_ms=2000), step])
    await world.start()
    await world.say(garden, 1)
    await world.after(100)
    await world.say(garden, 2)
    await world.after(5 * MINUTE_MS)
    assert [seq for _, seq in world.server.seqs()] == [1, 2]
    assert len(set(world.server.calls[:5])) == 1
    assert sum("does not answer" in line for line in world.lines) == 2  # the 429 in between was an answer
    assert sum("answers again" in line for line in world.lines) == 2


async def test_back_off_doubles_to_a_minute(world: World) -> None:
    garden = world.node("garden", world.room())
    world.server.rule = lambda room, content: lost_before
    await world.start()
    await world.say(garden, 1)
    await world.after(60 * MINUTE_MS)
    assert 60 <= len(world.server.calls) <= 75


async def test_order_is_kept_and_one_event_is_in_flight_a_room(world: World) -> None:
    room = world.room()
    both = [world.node(name, room) for name in ("garden", "attic")]
    await world.start()

    async def slow() -> None:
        await world.clock.wait(world.clock.ms + 300)

    world.server.latency = slow
    for _ in range(20):
        for node in both:
            await world.say(node, 1)
        await world.after(60)
    await world.after(5000)
    assert world.server.most_in_flight["!a:b"] == 1
    for node in both:
        own = [seq for number, seq in world.server.seqs() if number == node.number]
        assert own == sorted(own)
        assert len(own) == 20


async def test_a_slow_homeserver_gets_fewer_and_larger_events(world: World) -> None:
    garden = world.node("garden", world.room())
    await world.start()
    world.server.script.append(lost_before)
    await world.say(garden, 1)
    await world.after(100)
    await world.say(garden, *range(2, 402))
    await world.after(5000)
    assert world.server.batches() == [1, 200, 200]


async def test_413_halves_and_the_smaller_size_is_remembered(world: World) -> None:
    garden = world.node("garden", world.room())
    world.server.rule = lambda room, content: too_large if content.count(b"[") > 31 else None
    await world.say(garden, *range(100))
    await world.start()
    await world.after(10_000)
    assert [seq for _, seq in world.server.seqs()] == list(range(1, 101))
    assert world.server.batches() == [25, 25, 25, 25]
    assert len(world.server.calls) == 6
    assert world.counts()["unsealed"] == 2


async def test_one_bad_record_is_parked_and_its_neighbours_are_posted(world: World) -> None:
    garden = world.node("garden", world.room())
    world.server.rule = lambda room, content: (
        answer(400, "M_BAD_JSON") if f"[{garden.number},7]".encode() in content else None
    )
    await world.say(garden, *range(20))
    await world.start()
    await world.after(10_000)
    assert [seq for _, seq in world.server.seqs()] == [seq for seq in range(1, 21) if seq != 7]
    (parked,) = world.store.read(outbox.parked_rows)
    assert len(parked.records) == 1
    assert parked.reason == "M_BAD_JSON: in words"
    assert any("queue --parked" in line for line in world.lines)


async def test_a_record_that_cannot_be_rendered_is_parked_alone(world: World) -> None:
    def broken(records: Any, nodes: Any, **more: Any) -> dict[str, Any]:
        return {"x": 0.5} if any(record.seq == 3 for record in records) else render(records, nodes, **more)

    world.render = broken
    garden = world.node("garden", world.room())
    await world.say(garden, *range(6))
    await world.start()
    await world.after(10_000)
    assert [seq for _, seq in world.server.seqs()] == [1, 2, 4, 5, 6]
    assert world.counts()["parked"] == 1


async def test_a_refusal_in_doubt_parks_as_unknown(world: World) -> None:
    garden = world.node("garden", world.room())
    world.server.script.extend([lost_before, answer(400, "M_BAD_JSON")])
    await world.start()
    await world.say(garden, 1)
    await world.after(100)
    await world.say(garden, 2)
    await world.after(10_000)
    (parked,) = world.store.read(outbox.parked_rows)
    assert parked.reason.startswith("unknown whether posted: M_BAD_JSON")
    assert [seq for _, seq in world.server.seqs()] == [2]


async def test_a_full_database_keeps_the_row_until_it_can_be_settled(world: World) -> None:
    garden = world.node("garden", world.room())
    await world.start()
    real, failures = world.delivery.done, [StoreError("no space left", "df -h")] * 3

    async def failing(row: Any, event_id: str) -> None:
        if failures:
            raise failures.pop()
        await real(row, event_id)

    world.delivery.done = failing  # type: ignore[method-assign]
    await world.say(garden, 1)
    await world.after(30_000)
    assert world.counts() == {"done": 1, "waiting": 0}
    assert len(world.server.calls) == 1
    assert [line for line in world.lines if "no space left" in line] == [
        "no space left; sending waits for it. See: df -h"
    ]


async def test_a_proxys_403_is_no_answer(world: World) -> None:
    garden = world.node("garden", world.room())
    world.server.script.append(lambda server, room, txn, content: HomeserverAnswer(403, None, error="HTML"))
    await world.start()
    await world.say(garden, 1)
    await world.after(5000)
    assert world.server.calls[0] == world.server.calls[1]
    assert world.store.read(lambda c: rooms.by_name(c, "!a:b")).paused is None  # type: ignore[union-attr]


async def test_start_looks_only_above_what_is_sealed(world: World) -> None:
    garden = world.node("garden", world.room())
    await world.start()
    for value in range(5):
        await world.say(garden, value)
        await world.after(100)
    assert world.store.read(outbox.floor) == 4


async def test_it_runs_on_the_real_store_and_clock(tmp_path: Path) -> None:
    world = World(tmp_path)
    garden = world.node("garden", world.room())

    async def wait(until_ms: int) -> None:
        await asyncio.sleep((until_ms - time.time_ns() // 1_000_000) / 1000)

    poster = Poster(
        Delivery(world.store, sender="@cx:b", device="CX"),
        world.server,
        now_ms=lambda: time.time_ns() // 1_000_000,
        wait=wait,
        tell=world.lines.append,
        random=lambda n: 0,
        timezone=UTC,
        render=render,
    )
    task = asyncio.create_task(poster.run())
    for value in range(50):
        await world.say(garden, value)
        poster.poke()
    await asyncio.sleep(0.2)
    task.cancel()
    assert [seq for _, seq in world.server.seqs()] == list(range(1, 51))
    assert world.counts()["waiting"] == 0
    await asyncio.wait([task])
    await world.crash()


def test_the_fake_forgets_no_transaction() -> None:
    server = FakeHomeserver()
    server.store("!a:b", "1", b"{}")
    server.store("!a:b", "1", b"{}")
    assert len(server.events) == 1
