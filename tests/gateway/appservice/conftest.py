"""Both modes of speaking, both intakes, both homeservers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from comatrix.gateway.demo.synapse import LoopbackSynapse
from tests.gateway.appservice.world import Pool, World, connect_memory, make_registration
from tests.support.homeserver import Homeserver
from tests.support.people import Place

MODES = ("bot", "push", "sync")
EVERY = [
    *(pytest.param(("memory", mode), id=f"memory-{mode}") for mode in MODES),
    *(pytest.param(("synapse", mode), id=f"synapse-{mode}", marks=pytest.mark.slow) for mode in MODES),
]
SERVICES = [param for param in EVERY if "bot" not in str(param.id)]
EACH = 36  # tests of each intake on the real homeserver, with some to spare


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """A Synapse that knows enough registrations."""
    folder = tmp_path_factory.mktemp("services")
    server = LoopbackSynapse(folder / "homeserver")
    made = Pool(server, folder, EACH)
    with ThreadPoolExecutor(max_workers=1) as thread, asyncio.Runner() as runner:
        thread.submit(lambda: runner.run(server.start())).result()
        try:
            yield made
        finally:
            thread.submit(lambda: runner.run(server.stop())).result()


@pytest.fixture
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """Started, with no room yet. Parametrise with EVERY or SERVICES, indirectly."""
    where, mode = request.param
    if where == "memory":
        server = Homeserver()
        place = Place(server, server)
        registered = None if mode == "bot" else make_registration(server.base_url, mode)
        if registered is not None:
            connect_memory(server, registered)
    else:
        pool: Pool = request.getfixturevalue("pool")
        place = Place(pool.server)
        registered = None if mode == "bot" else pool.take(mode)
    made = World(mode, place, tmp_path, registered)
    await made.start()
    yield made
    await made.stop()
    await place.aclose()
