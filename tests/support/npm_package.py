"""A package of npm in the version a test's package.json names, fetched once into .cache."""

import functools
import json
import shutil
import subprocess
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache"
_NPM = ("install", "--no-audit", "--no-fund", "--no-package-lock", "--silent")
_TIMEOUT_S = 180


@functools.cache
def modules_or_reason(here: Path, package: str, called: str) -> Path | str:
    """The node_modules with the package that `here`/package.json names, or why there are none.

    `called`: what people call it."""
    if not shutil.which("node") or not shutil.which("npm"):
        return f"{called} needs Node.js and npm (Debian: apt-get install nodejs npm)"
    cache = CACHE / here.name.replace("_", "-")
    found = cache / "node_modules"
    wanted = json.loads((here / "package.json").read_text())["dependencies"][package]
    if _version(found / package) != wanted:
        cache.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(here / "package.json", cache / "package.json")
        try:
            done = subprocess.run(
                ["npm", *_NPM], cwd=cache, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"npm did not fetch {called} in {_TIMEOUT_S} s"
        if done.returncode or _version(found / package) != wanted:
            return f"npm cannot fetch {called}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
    return found


def _version(package: Path) -> str | None:
    try:
        return str(json.loads((package / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return None
