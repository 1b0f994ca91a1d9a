"""What `comatrix queue` is told: how far each room is behind, and what a person decides."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.admin.collaborators import Collaborators
from comatrix.gateway.admin.queue import QueueOperations
from comatrix.gateway.cli.queue import lag_words
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.errors import UsageError
from tests.gateway.delivery_homeserver import START_MS, answer, lost_before
from tests.gateway.delivery_world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.crash()


def operations(world: World, live: Any = None) -> QueueOperations:
    def nobody() -> Any:
        raise AssertionError("the homeserver is not asked")

    given = Collaborators(
        store=world.store,
        settings=Settings(),
        homeserver=nobody,
        now_ms=world.clock.now_ms,
        random_bytes=bytes,
        local_address=str,
        wait=asyncio.sleep,
        changed=lambda what, key: world.poster.reload(),
        live=live,
    )
    return QueueOperations(given)


async def test_offline_each_room_says_what_waits_and_since_when(world: World) -> None:
    garden = world.node("garden", world.room())
    world.server.rule = lambda room, content: lost_before
    await world.start()
    await world.say(garden, 1)
    await world.after(100)
    await world.say(garden, 2, 3)
    world.node("idle", world.room("!idle:b"))
    found = await operations(world).list({})
    assert found["rooms"] == [{"room": "!a:b", "waiting": 3, "oldest_ms": START_MS}]
    (row,) = found["rows"]
    assert (row["records"], row["in_doubt"], row["sender"], row["oldest_ms"]) == (1, True, "@cx:b", START_MS)
    assert found["waiting"] == 2


async def test_running_it_also_says_when_the_next_event_is_expected(world: World) -> None:
    garden = world.node("garden", world.room())
    world.server.script.append(answer(429, "M_LIMIT_EXCEEDED", retry_after_ms=5_000))
    await world.start()
    await world.say(garden, 1)
    await world.after(1_000)
    found = await operations(world, lambda: {"lags": world.poster.lags()}).list({})
    (room,) = found["rooms"]
    assert (room["waiting"], room["rate"], room["trouble"]) == (1, "1 event every 5 s", "")
    assert room["next_ms"] == pytest.approx(START_MS + 5_000, abs=100)
    assert lag_words(room, UTC) == (
        "!a:b: 1 record waits, since 2023-11-14 22:13:20; next event expected 2023-11-14 22:13:25, 1 event every 5 s"
    )


def test_a_trouble_is_told_with_what_waits() -> None:
    room = {"room": "#a:b", "waiting": 7, "oldest_ms": START_MS, "next_ms": None, "rate": "", "trouble": "is encrypted"}
    assert lag_words(room, UTC) == "#a:b: 7 records wait, the oldest since 2023-11-14 22:13:20; is encrypted"


async def test_all_that_is_parked_is_retried_or_dropped_at_once(world: World) -> None:
    garden = world.node("garden", world.room())
    bad = True
    world.server.rule = lambda room, content: answer(400, "M_BAD_JSON") if bad else None
    await world.start()
    await world.say(garden, 1, 2)
    await world.after(1_000)
    parked = (await operations(world).list({"parked": True}))["rows"]
    assert [row["state"] for row in parked] == ["parked", "parked"]
    bad = False
    assert len((await operations(world).retry({}))["ids"]) == 2
    await world.after(1_000)
    assert sorted(seq for _, seq in world.server.seqs()) == [1, 2]
    with pytest.raises(UsageError, match="not parked"):
        await operations(world).drop({"id": parked[0]["id"]})
    assert await operations(world).drop({}) == {"ids": []}
