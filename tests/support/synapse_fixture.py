"""A real homeserver for the session: started with the first test that asks for it, ended with the session."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from comatrix.gateway.demo.synapse import LoopbackSynapse


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackSynapse]:
    """Synapse without limits. Tests that stop it, or want limits, start one of their own.

    It is started and stopped in a thread of its own, because a test's event loop may be running already."""
    server = LoopbackSynapse(tmp_path_factory.mktemp("synapse"))
    with ThreadPoolExecutor(max_workers=1) as thread, asyncio.Runner() as runner:
        thread.submit(lambda: runner.run(server.start())).result()
        try:
            yield server
        finally:
            thread.submit(lambda: runner.run(server.stop())).result()
