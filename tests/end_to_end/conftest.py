"""A whole CoMatrix for each test: gateway, link and nodes as processes, on the session's Synapse."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from comatrix.gateway.demo.stage import Stage
from comatrix.gateway.demo.synapse import LoopbackSynapse
from tests.end_to_end.cut_line import CutLine
from tests.end_to_end.log_check import check_log
from tests.support.micropython import ROOT, real_micropython


@pytest.fixture
async def stage(tmp_path: Path, synapse: LoopbackSynapse) -> AsyncIterator[Stage]:
    """Not opened yet. However the test ends, the gateway's log must hold no traceback and no secret."""
    real_micropython()
    made = Stage(tmp_path, print, synapse)
    try:
        yield made
    finally:
        await made.close()
        check_log(made)


@pytest.fixture(scope="session")
def compiled_firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The .mpy files `make firmware` builds, and nothing else, in a folder for MICROPYPATH."""
    folder = tmp_path_factory.mktemp("mpy")
    build = [sys.executable, str(ROOT / "firmware" / "micropython" / "build.py"), "--out", str(folder)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(folder.rglob("*.py"))
    return folder


@pytest.fixture
async def line(stage: Stage) -> AsyncIterator[CutLine]:
    """The wire to the homeserver, whole."""
    made = CutLine(stage.synapse.port)
    await made.join()
    yield made
    await made.cut()
