"""What is told of a node comes from the running gateway where it knows better than the store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.admin.collaborators import Collaborators
from comatrix.gateway.admin.nodes import NodeOperations
from comatrix.gateway.admin.rooms import RoomOperations
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.edges.store import contexts
from comatrix.gateway.errors import UsageError
from tests.gateway.delivery_world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.crash()


def operations(world: World, live: dict[str, Any]) -> NodeOperations:
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
        live=lambda: live,
    )
    return NodeOperations(given, RoomOperations(given))


async def test_the_address_a_node_was_heard_from_is_shown(world: World) -> None:
    world.node("garden", world.room())
    heard = await operations(world, {"addresses": {"1": "192.0.2.7"}}).show({"name": "garden"})
    assert heard["address"] == "192.0.2.7"
    assert (await operations(world, {}).show({"name": "garden"}))["address"] is None


async def test_what_is_asked_wrongly_makes_no_new_keys(world: World) -> None:
    garden = world.node("garden", world.room())
    before = world.store.read(lambda connection: contexts.living(connection, garden.number))
    with pytest.raises(UsageError, match="observe must be true or false"):
        await operations(world, {}).rotate({"name": "garden", "gateway": "pi.local:5683", "observe": "yes"})
    assert world.store.read(lambda connection: contexts.living(connection, garden.number)) == before
