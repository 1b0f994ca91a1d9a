"""A gateway's LoRa side, closed when the test is over."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.lora.receiving_world import ReceivingWorld


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ReceivingWorld]:
    made = ReceivingWorld(tmp_path / "comatrix.db", ("roof", "shed"))
    yield made
    made.receiver.close()
    await made.settle()
    await made.store.aclose()
