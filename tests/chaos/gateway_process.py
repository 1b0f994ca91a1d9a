"""The gateway's process: started plainly or under strace, which kills it at a system call of our choice."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from comatrix.gateway.demo import tied_process

ROOT = Path(__file__).parents[2]
STRACE = shutil.which("strace")


@dataclass(frozen=True, slots=True)
class Tamper:
    """SIGKILL at the entry of the `when`-th `syscall` of a thread. (With --seccomp-bpf strace delivers no signal.)"""

    syscall: str
    when: int

    def options(self, log: Path) -> list[str]:
        """strace's command line up to the program."""
        return [
            *(str(STRACE), "-f", "-qq", "-o", str(log), "-s", "16", "-xx"),
            *("-e", f"trace={self.syscall}"),
            *("-e", f"inject={self.syscall}:signal=SIGKILL:when={self.when}"),
        ]


@dataclass(frozen=True, slots=True)
class Recording:
    """Every call that writes, syncs, receives or sends goes to `log`, with all its bytes."""

    log: Path
    calls: str

    def options(self, _log: Path) -> list[str]:
        """As Tamper's."""
        return [
            *(str(STRACE), "-f", "--seccomp-bpf", "-qq", "-y", "-ttt", "-xx", "-s", "200000"),
            *("-o", str(self.log), "-e", f"trace={self.calls}"),
        ]


class GatewayProcess:
    """One gateway over many lives. `command`: what to run; its environment is ours."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = list(command)
        self.log = log
        self.tamper_log = log.with_suffix(".strace")
        self._process: asyncio.subprocess.Process | None = None
        self._pid: int | None = None
        self.started_s = 0.0

    async def start(self, tracing: Tamper | Recording | None = None) -> None:
        """Start it; it ends with us. Does not wait until it listens."""
        before = [] if tracing is None else tracing.options(self.tamper_log)
        program = [*before, *self._command]
        self.started_s = time.monotonic()
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, tied_process.__file__, str(os.getpid()), *program),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )
        self._pid = self._process.pid if tracing is None else None

    @property
    def running(self) -> bool:
        """Whether it lives, as far as we were told."""
        return self._process is not None and self._process.returncode is None

    @property
    def status(self) -> int | None:
        """How it ended: an exit status, or minus the signal's number."""
        return None if self._process is None else self._process.returncode

    def pid(self) -> int | None:
        """The gateway's own process id, also under strace; None where there is none yet."""
        if self._process is None or self._process.returncode is not None:
            return None
        if self._pid is None:
            self._pid = child_of(self._process.pid)
        return self._pid

    def send(self, number: signal.Signals) -> None:
        """A signal to the gateway itself, if it lives."""
        pid = self.pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    async def ended(self, within_s: float) -> bool:
        """Whether it ended within that time."""
        if self._process is None:
            return True
        try:
            await asyncio.wait_for(self._process.wait(), within_s)
        except TimeoutError:
            return False
        return True

    async def kill(self) -> None:
        """End it as a power cut would, and wait for it."""
        process = self._process
        if process is None:
            return
        while process.returncode is None:
            self.send(signal.SIGKILL)
            if await self.ended(1.0):
                break
            if self.pid() is None:  # strace without a child
                with contextlib.suppress(ProcessLookupError):
                    process.kill()

    async def stop(self, within_s: float = 20.0) -> int | None:
        """End it politely -> its exit status; by force where it does not."""
        self.send(signal.SIGTERM)
        if not await self.ended(within_s):
            await self.kill()
        return None if self._process is None else self._process.returncode


def child_of(pid: int) -> int | None:
    """The first child of a process (Linux: /proc)."""
    with contextlib.suppress(OSError, ValueError):
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    return _child_by_search(pid)


def _child_by_search(parent: int) -> int | None:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                return int(folder.name)
    return None


def memory_mb(pid: int) -> float:
    """What it holds now; 0 where it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def descriptors(pid: int) -> int:
    """How many it holds open now; 0 where it is gone."""
    with contextlib.suppress(OSError):
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return 0
