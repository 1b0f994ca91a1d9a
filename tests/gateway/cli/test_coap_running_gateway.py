"""`comatrix coap` beside a gateway in a process of its own, with its database on disk."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from comatrix.gateway.cli.connection import Place, is_running
from comatrix.gateway.config.paths import find_paths
from comatrix.gateway.demo.free_port import free_port
from tests.gateway.cli.conftest import Comatrix

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-c", "from comatrix.gateway.cli.main import main; main()"]


@pytest.fixture
def port(ready: Comatrix, tmp_path: Path) -> Iterator[int]:
    """The UDP port of a gateway that runs and has a room, #garden:localhost."""
    home, port = tmp_path / "home", free_port(socket.SOCK_DGRAM)
    with (home / "comatrix.toml").open("a") as file:
        file.write(f'\n[udp]\nbind = ["127.0.0.1:{port}"]\n')
    gateway = subprocess.Popen([*COMMAND, "--home", str(home), "gateway", "run"], stderr=subprocess.PIPE, text=True)
    place = Place(find_paths(str(home), {}, home), {})
    until = time.monotonic() + 20
    while not is_running(place):
        assert gateway.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    assert ready("room", "create", "garden", "--invite", "@me:localhost").exit_code == 0
    yield port
    gateway.send_signal(signal.SIGTERM)
    said = gateway.communicate(timeout=20)[1]
    assert gateway.returncode == 0 and "Traceback" not in said, said


def test_readings_are_posted_for_a_node_that_was_never_heard(ready: Comatrix, port: int, tmp_path: Path) -> None:
    out = ("--gateway-address", f"127.0.0.1:{port}", "--out", str(tmp_path / "garden.json"))
    assert ready("node", "add", "garden", "--room", "#garden:localhost", *out).exit_code == 0
    uri, node = f"coap://127.0.0.1:{port}", ("--node", "garden", "--yes")
    for value in ("21.37", "21.38"):
        posted = ready("coap", "post", f"{uri}/r", f"temperature={value}", *node)
        assert posted.exit_code == 0, posted.output
    lines = [json.loads(line) for line in ready("tail", "--json").stdout.splitlines()]
    assert [one["value"]["readings"][0]["raw"] for one in lines] == [2137, 2138]
