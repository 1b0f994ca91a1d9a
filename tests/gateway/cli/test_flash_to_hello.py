"""`comatrix node flash` from an empty board to the node's hello at a running gateway, as a person types it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import Comatrix
from tests.gateway.cli.gateway_beside import gateway_beside
from tests.support.emulated_board import PtyBoard
from tests.support.micropython import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The .mpy set."""
    folder = tmp_path_factory.mktemp("mpy")
    build = [sys.executable, str(ROOT / "firmware" / "micropython" / "build.py"), "--out", str(folder)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def garden(ready: Comatrix, tmp_path: Path) -> Iterator[Comatrix]:
    """A gateway that runs, and garden.json for a node of it."""
    with gateway_beside(tmp_path / "home") as port:
        assert ready("room", "create", "garden").exit_code == 0
        out = ("--gateway-address", f"127.0.0.1:{port}", "--out", str(tmp_path / "garden.json"))
        added = ready("node", "add", "garden", "--room", "#garden:localhost", "--interval", "5", *out)
        assert added.exit_code == 0, added.output
        yield ready


def test_an_empty_board_says_hello_and_only_what_differs_is_written_again(
    garden: Comatrix, board: PtyBoard, firmware: Path, tmp_path: Path
) -> None:
    file = str(tmp_path / "garden.json")
    words = ("node", "flash", board.path, "--node", "garden", "--config", file, "--firmware", str(firmware))
    planned = garden(*words, "--dry-run")
    assert planned.exit_code == 0, planned.output
    assert "would be written" in planned.output and not list((tmp_path / "flash").iterdir())
    flashed = garden(*words)
    assert flashed.exit_code == 0, flashed.output + board.said.decode(errors="replace")[-2000:]
    assert "garden says hello" in flashed.output and "written and verified" in flashed.output
    assert (tmp_path / "flash" / "comatrix.mpy").exists() or (tmp_path / "flash" / "comatrix" / "__init__.mpy").exists()
    secret = json.loads((tmp_path / "garden.json").read_text())["secret"]
    assert secret not in flashed.output
    again = garden(*words, "--json")
    assert again.exit_code == 0, again.output
    told = json.loads(again.stdout)
    assert (told["write"], told["delete"], told["heard"]) == ([], [], True)
    quicker = garden("node", "config", board.path, "--interval", "7", "--room", "#garden:localhost")
    assert quicker.exit_code == 0 and "(hidden)" in quicker.output and secret not in quicker.output
    assert json.loads((tmp_path / "flash" / "config.json").read_text())["interval_s"] == 7
    third = garden("node", "flash", board.path, "--firmware", str(firmware), "--json")  # the board keeps its own
    assert third.exit_code == 0 and json.loads(third.stdout)["write"] == [], third.output
    lost = garden("node", "config", board.path, "--gateway", "127.0.0.1:9")
    assert lost.exit_code == 0, lost.output
    unheard = garden("node", "flash", board.path, "--firmware", str(firmware), "--wait", "2")
    assert unheard.exit_code == 1 and "garden was not heard within 2 s" in unheard.stderr
    assert unheard.stderr.endswith(f"node console {board.path}\n")
    erased = garden("node", "erase", board.path, "--yes", "--json")
    assert erased.exit_code == 0 and "config.json" in json.loads(erased.stdout)["deleted"]
    assert not list((tmp_path / "flash").iterdir())
