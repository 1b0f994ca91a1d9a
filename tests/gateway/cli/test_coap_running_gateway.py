"""`comatrix coap` beside a gateway in a process of its own, with its database on disk."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import Comatrix
from tests.gateway.cli.gateway_beside import gateway_beside

pytestmark = pytest.mark.slow


@pytest.fixture
def port(ready: Comatrix, tmp_path: Path) -> Iterator[int]:
    """The UDP port of a gateway that runs and has a room, #garden:localhost."""
    with gateway_beside(tmp_path / "home") as port:
        assert ready("room", "create", "garden", "--invite", "@me:localhost").exit_code == 0
        yield port


def test_readings_are_posted_for_a_node_that_was_never_heard(ready: Comatrix, port: int, tmp_path: Path) -> None:
    out = ("--gateway-address", f"127.0.0.1:{port}", "--out", str(tmp_path / "garden.json"))
    assert ready("node", "add", "garden", "--room", "#garden:localhost", *out).exit_code == 0
    uri, node = f"coap://127.0.0.1:{port}", ("--node", "garden", "--yes")
    for value in ("21.37", "21.38"):
        posted = ready("coap", "post", f"{uri}/r", f"temperature={value}", *node)
        assert posted.exit_code == 0, posted.output
    lines = [json.loads(line) for line in ready("tail", "--json").stdout.splitlines()]
    assert [one["value"]["readings"][0]["raw"] for one in lines] == [2137, 2138]
