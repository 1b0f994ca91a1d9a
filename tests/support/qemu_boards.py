"""Microcontrollers that QEMU emulates, running MicroPython for them."""

import functools
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.emulated_board import PtyBoard
from tests.support.one_at_a_time import one_at_a_time

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "qemu"
INSTALL = "apt-get install -y make xz-utils bzip2 qemu-system-arm gcc-arm-none-eabi libnewlib-arm-none-eabi"
TOOLS = ("make", "xz", "bzip2", "qemu-system-arm", "arm-none-eabi-gcc")
# What runs on which machine; the Cortex-M3 with `cryptolib` is the same machine with another firmware.
BOARDS = {
    "cortex-m3": ("mps2-an385", "firmware.elf"),
    "cortex-m3 with cryptolib": ("mps2-an385", "firmware-aes.elf"),
    "microbit": ("microbit", "microbit.hex"),
}


@functools.cache
def _missing() -> str:
    """Why there are none; empty where there are."""
    if lacking := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"no {', '.join(lacking)} here: {INSTALL}"
    with one_at_a_time("qemu"):
        if all((CACHE / image).exists() for _, image in BOARDS.values()):
            return ""
        script = [str(ROOT / "tests" / "support" / "get_qemu_port.sh"), str(CACHE)]
        done = subprocess.run(script, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip()


def qemu_board(name: str, folder: Path) -> PtyBoard:
    """One of BOARDS at a pseudo terminal. Skips the test, saying what to type, where something is missing."""
    if why := _missing():
        pytest.skip(why)
    machine, image = BOARDS[name][0], CACHE / BOARDS[name][1]
    loaded = ["-device", f"loader,file={image}"] if image.suffix == ".hex" else ["-semihosting", "-kernel", str(image)]
    serial = ["-nographic", "-monitor", "null", "-serial", "stdio"]
    return PtyBoard(["qemu-system-arm", "-M", machine, *loaded, *serial], folder, interrupts=False)
