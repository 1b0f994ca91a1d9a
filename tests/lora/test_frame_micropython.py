"""The same frames, and the same said of them, on CPython and on a real MicroPython."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support.micropython import ROOT, run_script

# A script for both interpreters, without annotations: not for the type checker.
frame_script: Any = import_module("tests.lora.frame_script")
SCRIPT = (ROOT / "tests" / "lora" / "frame_script.py").read_text()


def test_a_seed_gives_the_same_frames_again_and_another_seed_others() -> None:
    first, again, other = (frame_script.run(100, seed) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("seed", [1, 2])
def test_micropython_seals_and_reads_the_very_same(tmp_path: Path, seed: int) -> None:
    line, digest = frame_script.run(400, seed)
    counts = [int(word) for word in line.split()[1::2]]
    assert counts[0] > 500 and min(counts) > 100, line
    found = run_script(SCRIPT, tmp_path, arguments=("400", str(seed))).splitlines()
    assert found == [line, digest]
