"""Runs scripts on MicroPython's WebAssembly build under Node.js: no sockets, no heap limit, but no Linux either."""

import functools
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.micropython import PACKAGES, ROOT

HERE = Path(__file__).parent
CACHE = ROOT / ".cache" / "micropython-wasm"
_INSTALL_TIMEOUT_S = 180


@functools.cache
def _runner() -> Path | str:
    """The folder with run.mjs and what npm installed for it, or why there is none."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "Node.js with npm is not installed: MicroPython's WebAssembly build cannot run"
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "run.mjs", "cryptolib.py"):
        shutil.copyfile(HERE / name, CACHE / name)
    installed = CACHE / "node_modules" / "@micropython" / "micropython-webassembly-pyscript" / "micropython.mjs"
    if not installed.exists():
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
        try:
            done = subprocess.run(
                command, cwd=CACHE, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return "npm did not answer in time: MicroPython's WebAssembly build cannot be fetched"
        if done.returncode or not installed.exists():
            return f"npm cannot fetch MicroPython's WebAssembly build: {done.stderr.strip()[-200:]}"
    return CACHE


def run_wasm(script: str, folder: Path, timeout_s: float = 120.0) -> str:
    """What `script` prints, run in `folder` on the sources. Skips where the build cannot run; fails on an exception."""
    runner = _runner()
    if isinstance(runner, str):
        pytest.skip(runner)
    for package in PACKAGES:
        if not (folder / "lib" / package.name).exists():
            shutil.copytree(
                package, folder / "lib" / package.name, ignore=shutil.ignore_patterns("gateway", "__pycache__")
            )
    (folder / "main_under_test.py").write_text(script)
    done = subprocess.run(
        ["node", str(runner / "run.mjs"), str(folder), "main_under_test.py"],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"MicroPython on WebAssembly failed:\n{done.stdout}{done.stderr}")
    return done.stdout
