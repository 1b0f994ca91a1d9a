"""Appendix B.2 over LoRa says the very same on CPython and on a real MicroPython."""

from pathlib import Path

import pytest

from tests.lora import rekeying_script
from tests.lora.script_text import on_device
from tests.support.micropython import run_script

SCRIPT = on_device(rekeying_script)


@pytest.mark.parametrize("seed", [1, 2])
def test_micropython_makes_the_very_same_keys(tmp_path: Path, seed: int) -> None:
    line, digest = rekeying_script.run(5, seed)
    assert line == "agreed 5 texts 5 rising True"
    found = run_script(SCRIPT, tmp_path, arguments=("5", str(seed)), timeout_s=60).splitlines()
    assert found == [line, digest]
