"""`comatrix coap` beside a gateway in a process of its own, with its database on disk."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from comatrix.gateway.demo.free_port import free_port
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


def test_a_node_over_dtls_is_spoken_for_and_a_key_from_before_is_told(ready: Comatrix, tmp_path: Path) -> None:
    secure = free_port(socket.SOCK_DGRAM)
    with (tmp_path / "home" / "comatrix.toml").open("a") as file:
        file.write(f'\n[dtls]\nlisten = "127.0.0.1:{secure}"\n')
    uri, add = f"coaps://127.0.0.1:{secure}", ("--room", "#shed:localhost", "--security", "dtls")
    with gateway_beside(tmp_path / "home"):
        assert ready("room", "create", "shed", "--invite", "@me:localhost").exit_code == 0
        made = tmp_path / "shed.json"
        assert ready("node", "add", "shed", *add, "--out", str(made)).exit_code == 0
        posted = ready("coap", "post", f"{uri}/r", "temperature=21.37", "--node", "shed")
        assert posted.exit_code == 0, posted.output
        assert ready("coap", "get", f"{uri}/t", "--psk-file", str(made)).exit_code == 0
        (line,) = [json.loads(line) for line in ready("tail", "--json").stdout.splitlines()]
        assert line["value"]["readings"][0]["raw"] == 2137
        assert ready("node", "revoke", "shed").exit_code == 0
        late = ready("coap", "get", f"{uri}/t", "--psk-file", str(made), "--timeout", "5")
        assert late.exit_code == 1 and "knows no PSK identity 'shed'" in late.stderr, late.output
