"""An ordinary account of a default Synapse: 10 events at once, then one in 5 s. Nothing is lost, the lag is bounded."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from comatrix.gateway.model import Node
from comatrix.gateway.uplink.rendering import event_content
from comatrix.gateway.uplink.typed import TELEMETRY_KEY
from tests.gateway.delivery_homeserver import lost_before
from tests.gateway.delivery_world import World
from tests.gateway.test_poster_priority import limiter

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
MEMORY = Path("/dev/shm")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """In memory where that can be: thousands of commits, and no test of the disk."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else tmp_path) as folder:  # noqa: ASYNC240
        world = World(Path(folder))
        world.render = event_content
        yield world
        await world.crash()


async def minutes(world: World, nodes: list[Node], count: int, first: int = 0) -> list[int]:
    """Each node says a reading a minute, spread over it -> the worst lag of each minute in ms."""
    worst = []
    for minute in range(first, first + count):
        for node in nodes:
            await world.append(node, minute + 1, {0: 2000 + minute, 1: 450, 2: 398})
            world.poke()
            await world.after(MINUTE_MS // len(nodes))
        worst.append(max(lag["lag_ms"] or 0 for lag in world.poster.lags()))
    return worst


def posted(world: World) -> dict[int, list[tuple[int, int]]]:
    """Node -> (seq, when it was measured) in the order in which rooms show them."""
    found: dict[int, list[tuple[int, int]]] = {}
    for event in world.server.log:
        for one in event["content"][TELEMETRY_KEY]["records"]:
            found.setdefault(one["id"], []).append((one["seq"], one["t"]))
    return found


@pytest.mark.parametrize("rooms", [1, 20])
async def test_twenty_nodes_a_reading_a_minute_lose_nothing_and_lag_little(world: World, rooms: int) -> None:
    made = [world.room(f"!{n}:b") for n in range(rooms)]
    nodes = [world.node(f"node {n}", made[n % rooms]) for n in range(20)]
    world.server.rule = limiter(world)
    await world.start()
    worst = await minutes(world, nodes, 60)
    await world.after(5 * MINUTE_MS)
    found = posted(world)
    assert len(found) == 20
    for own in found.values():
        assert [seq for seq, _ in own] == list(range(1, 61))
        assert len({t for _, t in own}) == 60
    # 20 rooms need an event each in turn, one in 5 s: 100 s, and a few readings in each.
    assert max(worst[5:]) <= (15_000 if rooms == 1 else 160_000)
    assert world.counts() == {"done": len(world.server.log), "waiting": 0}
    refused = len(world.server.calls) - len(world.server.log)
    assert refused <= len(world.server.log) // 8


async def test_after_an_hours_outage_the_backlog_is_a_few_events_and_is_gone_soon(world: World) -> None:
    room = world.room()
    nodes = [world.node(f"node {n}", room) for n in range(20)]
    limited = limiter(world)
    down = False
    world.server.rule = lambda room, content: lost_before if down else limited(room, content)
    await world.start()
    await minutes(world, nodes, 10)
    down = True
    worst = await minutes(world, nodes, 60, first=10)
    (lag,) = world.poster.lags()
    assert lag["waiting"] >= 1150 and worst[-1] >= 58 * MINUTE_MS
    assert lag["next_ms"] is not None
    down = False
    before = len(world.server.log)
    await minutes(world, nodes, 3, first=70)
    await world.after(MINUTE_MS)
    (lag,) = world.poster.lags()
    assert (lag["waiting"], lag["lag_ms"]) == (0, None)
    assert all([seq for seq, _ in own] == list(range(1, 74)) for own in posted(world).values())
    largest = max((event["content"] for event in world.server.log[before:]), key=lambda one: len(one["body"]))
    lines = largest["body"].splitlines()
    assert len(lines) <= 40, "a line a node, and one for what was before"
    records = largest[TELEMETRY_KEY]["records"]
    assert len(records) >= 100
    shown = sum(line.count("°C") for line in lines)
    assert shown == len(records)


async def test_each_room_says_how_far_it_is_behind(world: World) -> None:
    rooms = [world.room(f"!{n}:b") for n in range(3)]
    nodes = [world.node(f"n{n}", room) for n, room in enumerate(rooms)]
    await world.start()
    for node in nodes:
        await world.append(node, 1, {0: 1})
    world.poke()
    await world.after(1000)
    assert [(lag["room"], lag["waiting"], lag["lag_ms"], lag["next_ms"]) for lag in world.poster.lags()] == [
        (f"!{n}:b", 0, None, None) for n in range(3)
    ]
    world.server.rule = limiter(world, burst=0)
    for node in nodes:
        for seq in (2, 3):
            await world.append(node, seq, {0: 1})
    world.poke()
    await world.after(2_000)
    world.server.rule = limiter(world, burst=1)
    lags = world.poster.lags()
    assert [lag["waiting"] for lag in lags] == [2, 2, 2]
    assert all(1_900 <= lag["lag_ms"] <= 2_000 and lag["lag_ms"] == world.clock.ms - lag["oldest_ms"] for lag in lags)
    assert {lag["rate"] for lag in lags} == {"1 event every 5 s"}
    assert [lag["events"] for lag in lags] == [1, 1, 1]
    await world.after(30_000)
    came = {event["room_id"]: event["origin_server_ts"] for event in world.server.log[3:]}
    assert len(came) == 3
    for lag in lags:
        assert came[lag["room"]] == pytest.approx(lag["next_ms"], abs=6_000)
    assert [lag["waiting"] for lag in world.poster.lags()] == [0, 0, 0]


async def test_a_span_says_when_its_next_event_is_expected(world: World) -> None:
    garden = world.node("garden", world.room(), "15min")
    await world.start()
    for seq in (1, 2):
        await world.append(garden, seq, {0: 1})
        world.poke()
        await world.after(MINUTE_MS)
    (lag,) = world.poster.lags()
    assert lag["waiting"] == 1
    assert lag["next_ms"] == pytest.approx(world.clock.ms + 13 * MINUTE_MS, abs=1_000)
    assert lag["rate"] == "as often as needed"


async def test_the_lag_counts_what_is_sealed_and_survives_a_restart(world: World) -> None:
    garden = world.node("garden", world.room())
    world.server.rule = lambda room, content: lost_before
    await world.start()
    await world.append(garden, 1, {0: 1})
    world.poke()
    said_ms = world.clock.ms
    await world.after(MINUTE_MS)
    await world.restart(after_ms=HOUR_MS)
    (lag,) = world.poster.lags()
    assert (lag["waiting"], lag["events"], lag["in_doubt"], lag["oldest_ms"]) == (1, 1, 1, said_ms)
