"""Which processes have a terminal device open."""

import contextlib
import os
from pathlib import Path

PROC = Path("/proc")
LONGEST = 80  # characters of a command line


def users_of(path: str, proc: Path = PROC) -> list[tuple[int, str]]:
    """(process, its command line) of those that may be looked into, but this one."""
    real = os.path.realpath(path)
    found = []
    for process in sorted((one for one in proc.glob("[0-9]*")), key=lambda one: int(one.name)):
        if int(process.name) != os.getpid() and _has_open(process, real):
            found.append((int(process.name), _command(process)))
    return found


def _has_open(process: Path, real: str) -> bool:
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                if str(descriptor.readlink()) == real:
                    return True
    return False


def _command(process: Path) -> str:
    text = ""
    with contextlib.suppress(OSError):
        text = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    return "".join(c if c.isprintable() else "?" for c in text)[:LONGEST]
