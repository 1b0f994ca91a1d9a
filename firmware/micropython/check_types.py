"""Checks the node's types against the stubs of each port's MicroPython (part of `make lint`).

    python firmware/micropython/check_types.py

The ports' stubs hold the same module names, so each is installed into a folder of its own, below .cache.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
STUBS = {"esp32": "micropython-esp32-stubs==1.25.0.post5", "rp2": "micropython-rp2-stubs==1.25.0.post3"}
PIP = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]


def check(port: str, requirement: str) -> int:
    """mypy's exit code."""
    folder = ROOT / ".cache" / f"stubs-{port}"
    if not (folder / "machine.pyi").exists():
        subprocess.run([*PIP, str(folder), requirement], check=True)
    places = [folder, ROOT, ROOT / "lora", HERE]
    environment = {**os.environ, "MYPYPATH": os.pathsep.join(map(str, places))}
    config = ["--config-file", str(HERE / "mypy.ini"), "--cache-dir", str(ROOT / ".mypy_cache" / port)]
    print(f"the node on {port}:", flush=True)
    command = [sys.executable, "-m", "mypy", *config, str(HERE / "comatrix_node")]
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(max(check(port, requirement) for port, requirement in STUBS.items()))
