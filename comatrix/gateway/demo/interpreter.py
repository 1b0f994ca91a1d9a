"""Finds a real MicroPython with sockets for the demo's nodes and the tests, and says in words what it found."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from comatrix.gateway.errors import GatewayError

OLDEST = (1, 25)
ENVIRONMENT = "COMATRIX_MICROPYTHON"
_CHECKOUT = Path(__file__).resolve().parents[3]
_PROBE = (
    "import sys, socket, cryptolib, hashlib\n"
    "assert sys.implementation[0] == 'micropython' and socket.SOCK_DGRAM\n"
    "print('%d.%d.%d' % sys.implementation[1][:3])"
)
_PROBE_TIMEOUT_S = 20
_FETCH_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A MicroPython that runs here. `origin` says in words where it comes from."""

    path: str
    version: tuple[int, ...]
    origin: str

    def __str__(self) -> str:
        return f"MicroPython {'.'.join(map(str, self.version))} ({self.path}, {self.origin})"


class Unusable(GatewayError):  # noqa: N818 - reads as the state it names
    """There is a program, but no MicroPython the nodes can run on; the text says why."""


def probe(path: str, origin: str) -> Interpreter:
    """The interpreter at `path`. Raises Unusable when it does not run, is too old, or lacks sockets or AES."""
    try:
        done = subprocess.run(
            [path, "-c", _PROBE], capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unusable(f"{path} ({origin}) does not run: {error}") from error
    if done.returncode:
        why = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise Unusable(f"{path} ({origin}) is no MicroPython with sockets and AES: {why[0]}")
    version = tuple(int(part) for part in done.stdout.strip().split("."))
    if version < OLDEST:
        raise Unusable(f"{path} ({origin}) is MicroPython {done.stdout.strip()}; nodes need 1.25 or newer")
    return Interpreter(path, version, origin)


def cache_folders(environ: Mapping[str, str], user_home: Path, checkout: Path = _CHECKOUT) -> list[Path]:
    """Where a fetched MicroPython may stand: in the checkout, and in the XDG cache. The first is where one is put."""
    xdg = Path(environ.get("XDG_CACHE_HOME", ""))
    folders = [(xdg if xdg.is_absolute() else user_home / ".cache") / "comatrix" / "micropython"]
    if (checkout / "pyproject.toml").exists():
        folders.insert(0, checkout / ".cache" / "micropython")
    return folders


def fetch_script(environ: Mapping[str, str], checkout: Path = _CHECKOUT) -> Path | None:
    """The script that fetches Debian's package: only in a checkout, and only where there is apt."""
    script = checkout / "firmware" / "micropython" / "get_unix_port.sh"
    apt = shutil.which("apt-get", path=environ.get("PATH", os.defpath))
    return script if script.exists() and apt else None


def fetch(script: Path, folder: Path) -> str:
    """Run `script` to put a MicroPython into `folder`; its path. Raises Unusable with the script's last words."""
    try:
        done = subprocess.run(
            [str(script), str(folder)], capture_output=True, text=True, timeout=_FETCH_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unusable(f"fetching one failed: {error}") from error
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise Unusable(f"fetching one failed: {why[0]}")
    return str(folder / "micropython")


def find(
    environ: Mapping[str, str] | None = None,
    user_home: Path | None = None,
    checkout: Path = _CHECKOUT,
    report: Callable[[str], None] = lambda _line: None,
) -> Interpreter:
    """A MicroPython >= 1.25 with sockets: COMATRIX_MICROPYTHON, PATH, the cache, or fetched into the cache.

    `report` is told what is going on when that takes a while. Raises Unusable: every place and why it had none."""
    environ = os.environ if environ is None else environ
    named = environ.get(ENVIRONMENT)
    if named:
        return probe(named, f"named by {ENVIRONMENT}")
    folders = cache_folders(environ, user_home or Path.home(), checkout)
    reasons = []
    for path, origin in _installed(environ, folders):
        try:
            return probe(path, origin)
        except Unusable as reason:
            reasons.append(reason.text)
    script = fetch_script(environ, checkout)
    if script:
        report("No MicroPython >= 1.25 here: fetching Debian's package (5 MB, once) ...")
        try:
            return probe(fetch(script, folders[0]), "fetched")
        except Unusable as reason:
            reasons.append(reason.text)
    raise Unusable(
        "; ".join(["no MicroPython 1.25 or newer with sockets was found", *reasons]),
        f"install one (Debian 13: apt-get install micropython), or name one: {ENVIRONMENT}=/path/to/micropython",
    )


def _installed(environ: Mapping[str, str], folders: list[Path]) -> list[tuple[str, str]]:
    """(path, origin) of the programs that are already here."""
    on_path = shutil.which("micropython", path=environ.get("PATH", os.defpath))
    found = [(on_path, "on PATH")] if on_path else []
    cached = (folder / "micropython" for folder in folders)
    return found + [(str(path), "fetched earlier") for path in cached if path.exists()]
