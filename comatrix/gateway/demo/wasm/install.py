"""Puts MicroPython's WebAssembly build into a folder, by npm, in the version package.json names."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from comatrix.gateway.errors import GatewayError

HERE = Path(__file__).parent
PACKAGE = "@micropython/micropython-webassembly-pyscript"
_NPM = ("install", "--no-audit", "--no-fund", "--no-package-lock", "--silent")
_NPM_TIMEOUT_S = 180


def command(
    environ: Mapping[str, str], folder: Path, report: Callable[[str], None] = lambda _line: None
) -> tuple[str, ...]:
    """What runs a program on the build as `micropython` would: (node, run.mjs, the build). Fetches it into `folder`
    once; `report` is told then. Raises GatewayError: what is missing."""
    node = _program("node", environ)
    if installed_version(folder) != pinned_version():
        npm = _program("npm", environ)
        report("Fetching MicroPython's WebAssembly build by npm (0.6 MB, once) ...")
        _install(npm, folder, environ)
    return node, str(HERE / "run.mjs"), str(_package(folder) / "micropython.mjs")


def pinned_version() -> str:
    """The version package.json asks for."""
    return str(json.loads((HERE / "package.json").read_text())["dependencies"][PACKAGE])


def installed_version(folder: Path) -> str | None:
    """The version that stands in `folder`, or None."""
    try:
        return str(json.loads((_package(folder) / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return None


def _package(folder: Path) -> Path:
    return folder / "node_modules" / PACKAGE


def _program(name: str, environ: Mapping[str, str]) -> str:
    found = shutil.which(name, path=environ.get("PATH", os.defpath))
    if not found:
        raise GatewayError(f"MicroPython's WebAssembly build needs {name}, which is not installed")
    return found


def _install(npm: str, folder: Path, environ: Mapping[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(HERE / "package.json", folder / "package.json")
        done = subprocess.run(
            [npm, *_NPM],
            cwd=folder,
            env=dict(environ),
            capture_output=True,
            text=True,
            timeout=_NPM_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GatewayError(f"npm cannot fetch MicroPython's WebAssembly build: {error}") from error
    if done.returncode or installed_version(folder) != pinned_version():
        why = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise GatewayError(f"npm cannot fetch MicroPython's WebAssembly build: {why[0]}")
