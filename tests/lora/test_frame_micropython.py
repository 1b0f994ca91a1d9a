"""The same frames, and the same said of them, on CPython and on a real MicroPython."""

from pathlib import Path

import pytest

from tests.lora import frame_script
from tests.lora.script_text import on_device
from tests.support.micropython import run_script

SCRIPT = on_device(frame_script)


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
