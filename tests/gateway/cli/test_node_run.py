"""`comatrix node run`: a node on this computer that is heard, obeys, and ends with Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from comatrix.gateway.cli.node_run import kept_in
from tests.gateway.cli.conftest import Comatrix
from tests.gateway.cli.gateway_beside import gateway_beside
from tests.support.micropython import real_micropython


@pytest.fixture
def garden(ready: Comatrix, tmp_path: Path) -> Iterator[Comatrix]:
    """A gateway that runs, and garden.json for a node of it."""
    with gateway_beside(tmp_path / "home") as port:
        assert ready("room", "create", "garden").exit_code == 0
        out = ("--gateway-address", f"127.0.0.1:{port}", "--out", str(tmp_path / "garden.json"))
        assert ready("node", "add", "garden", "--room", "#garden:localhost", "--interval", "1", *out).exit_code == 0
        yield ready


def started(tmp_path: Path, *words: str) -> "subprocess.Popen[str]":
    home, config = str(tmp_path / "home"), str(tmp_path / "garden.json")
    environ = {**os.environ, "COMATRIX_MICROPYTHON": real_micropython().path, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "comatrix", "--home", home, "node", "run", "garden", "--config", config, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environ,
        text=True,
    )


@pytest.mark.slow
def test_a_node_without_a_board_is_heard_and_obeys(garden: Comatrix, tmp_path: Path) -> None:
    running = started(tmp_path)
    try:
        deadline = time.monotonic() + 30
        while (done := garden("command", "set", "garden", "interval", "2s", "--wait")).exit_code and (
            time.monotonic() < deadline
        ):
            time.sleep(0.5)  # what it can be told is known once it was heard
        assert "confirmed - the node says 2 s" in done.output, done.output
    finally:
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=20)
    assert running.returncode == 0, said
    assert said.startswith("garden runs on MicroPython ")
    again = started(tmp_path)
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=20)
    assert (tmp_path / "home" / "run" / "garden" / "state.0").exists()


@pytest.mark.slow
def test_a_program_of_ones_own_that_ends_is_told(garden: Comatrix, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("print('mine ran')\n")
    said, _ = (running := started(tmp_path, "--main", str(tmp_path / "mine.py"))).communicate(timeout=30)
    assert running.returncode == 1
    assert "mine ran" in said and "program ended by itself" in said


def test_beside_the_service_a_node_keeps_its_files_at_home(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert kept_in(tmp_path / "mine", tmp_path) == tmp_path / "mine" / "run"
    assert kept_in(Path("/proc/1"), tmp_path) == tmp_path / ".local" / "state" / "comatrix" / "run"


def test_a_node_without_its_configuration_is_told_in_words(ready: Comatrix, tmp_path: Path) -> None:
    missing = ready("node", "run", "garden", "--config", str(tmp_path / "garden.json"))
    assert missing.exit_code == 2 and "comatrix node add garden --room ROOM" in missing.output
    (tmp_path / "other.json").write_text('{"name": "other", "gateway": "127.0.0.1:5683"}')
    other = ready("node", "run", "garden", "--config", str(tmp_path / "other.json"))
    assert other.exit_code == 2 and "is not the configuration of a node garden over UDP" in other.output
