"""The command line beside a gateway that runs: real processes, a real socket."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from comatrix.gateway.cli.connection import Place, is_running
from comatrix.gateway.config.paths import find_paths
from tests.gateway.cli.conftest import Comatrix

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-c", "from comatrix.gateway.cli.main import main; main()"]


@pytest.fixture
def running(ready: Comatrix, tmp_path: Path) -> Iterator[Comatrix]:
    """A gateway on a free port, in a process of its own."""
    home = tmp_path / "home"
    with (home / "comatrix.toml").open("a") as file:
        file.write('\n[udp]\nbind = ["127.0.0.1:0"]\n')
    gateway = subprocess.Popen([*COMMAND, "--home", str(home), "gateway", "run"], stderr=subprocess.PIPE, text=True)
    place = Place(find_paths(str(home), {}, home), {})
    until = time.monotonic() + 20
    while not is_running(place):
        assert gateway.poll() is None, gateway.stderr and gateway.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.05)
    yield ready
    gateway.send_signal(signal.SIGTERM)
    said = gateway.communicate(timeout=20)[1]
    assert gateway.returncode == 0, said
    assert "Traceback" not in said
    assert not place.paths.socket.exists()


def test_commands_reach_the_running_gateway(running: Comatrix, tmp_path: Path) -> None:
    status = json.loads(running("status", "--json").stdout)
    assert status["running"] and status["live"]["listening"]
    assert "running" in running("status").stdout
    assert running("room", "create", "garden", "--invite", "@me:localhost").exit_code == 0
    out = ("--out", str(tmp_path / "garden.json"))
    added = running("node", "add", "garden", "--room", "#garden:localhost", "--gateway-address", "pi:5683", *out)
    assert added.exit_code == 0, added.output
    assert json.loads((tmp_path / "garden.json").read_text())["node"] == 1
    assert [one["name"] for one in json.loads(running("node", "list", "--json").stdout)] == ["garden"]
    assert running("node", "rename", "garden", "shed").exit_code == 0
    assert running("node", "revoke", "shed").exit_code == 0
    assert running("queue", "retry", "9").exit_code == 2
    second = running("gateway", "run")
    assert second.exit_code == 2 and second.stderr.splitlines()[-1] == "next: comatrix status"


def test_tail_follow_ends_quietly_on_ctrl_c(running: Comatrix, tmp_path: Path) -> None:
    words = [*COMMAND, "--home", str(tmp_path / "home"), "tail", "-f"]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    follower = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
    time.sleep(1.0)
    assert follower.poll() is None
    follower.send_signal(signal.SIGINT)
    out, err = follower.communicate(timeout=10)
    assert (follower.returncode, out.strip(), err.strip()) == (130, "", "")
    assert running("status").exit_code == 0
