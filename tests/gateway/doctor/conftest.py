"""A gateway in good health: its folder, its homeserver on a real socket, a room, a node that was heard."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import Loopback
from tests.gateway.doctor.patient import Patient


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Patient]:
    """Nothing but that no gateway runs is to be told of it."""
    loopback = Loopback()
    healthy = Patient(tmp_path / "home", loopback)
    try:
        yield healthy
    finally:
        healthy.close()
        loopback.close()
