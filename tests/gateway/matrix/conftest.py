"""The homeservers that the suite runs over."""

from collections.abc import AsyncIterator

import pytest

from tests.support.homeserver import Homeserver
from tests.support.people import Place

BOTH = [pytest.param("memory", id="memory"), pytest.param("synapse", id="synapse", marks=pytest.mark.slow)]


@pytest.fixture
def homeserver() -> Homeserver:
    """The in-memory homeserver."""
    return Homeserver()


@pytest.fixture(params=BOTH)
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """Either homeserver, with no account of this test yet."""
    if request.param == "memory":
        server: Homeserver = request.getfixturevalue("homeserver")
        place = Place(server, server)
    else:
        place = Place(request.getfixturevalue("synapse"))
    yield place
    await place.aclose()


@pytest.fixture
async def memory(homeserver: Homeserver) -> AsyncIterator[Place]:
    """The in-memory homeserver only: for what no real one does on demand."""
    place = Place(homeserver, homeserver)
    yield place
    await place.aclose()
