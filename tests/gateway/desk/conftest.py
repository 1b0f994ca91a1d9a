"""The world of these tests."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.desk.world import World

Made = Callable[..., World]


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Made]:
    """Makes a world, otherwise than usual."""
    worlds = []

    def make(**options: Any) -> World:
        worlds.append(World(tmp_path, **options))
        return worlds[-1]

    yield make
    for world in worlds:
        await world.store.aclose()


@pytest.fixture
async def world(made: Made) -> World:
    """The usual one."""
    return made()
