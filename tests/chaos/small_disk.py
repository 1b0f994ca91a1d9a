"""A disk of a few megabytes that nobody else has: a tmpfs in a mount namespace of its own (Linux, root)."""

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from comatrix.gateway.config.secrets import Secrets
from comatrix.gateway.demo import tied_process
from tests.chaos.gateway_process import ROOT
from tests.chaos.provisioning import Known, provision_by
from tests.chaos.scene import gateway_command

FILLER = "filler"
BLOCK = 65_536
SCRIPT = 'mkdir "$2" && mount -t tmpfs -o size="$1" tmpfs "$2" && echo mounted && exec sleep infinity'


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """`mount_point` as a program on it sees it, `outside` as everybody else does (for plain files, not for SQLite)."""

    mount_point: Path
    holder: int  # a process in the namespace

    @property
    def outside(self) -> Path:
        """The same folder, seen from elsewhere."""
        return Path(f"/proc/{self.holder}/root{self.mount_point}")

    def entering(self) -> list[str]:
        """What a command is preceded by to run on this disk."""
        return [str(shutil.which("nsenter")), f"--mount=/proc/{self.holder}/ns/mnt", f"--wd={ROOT}", "--"]

    def command(self, _home: Path) -> list[str]:
        """The gateway, on this disk."""
        return [*self.entering(), *gateway_command(self.mount_point)]

    def provision(self, _home: Path, account: Secrets, room_ids: Sequence[str], count: int) -> list[Known]:
        """As provisioning.provision, on this disk."""
        return provision_by(self.entering(), self.mount_point, account, room_ids, count)

    def fill(self) -> None:
        """Until not a byte more goes in."""
        with (self.outside / FILLER).open("wb", buffering=0) as file:
            for size in (BLOCK, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def free(self) -> None:
        """Take the filler away."""
        (self.outside / FILLER).unlink()


@contextlib.asynccontextmanager
async def small_disk(mount_point: Path, size: int) -> AsyncIterator[SmallDisk | None]:
    """None where this machine does not let us make one."""
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("nsenter") is None:
        yield None
        return
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, tied_process.__file__, str(os.getpid())),
        *(str(shutil.which("unshare")), "--mount", "sh", "-c", SCRIPT, "sh", str(size), str(mount_point)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert holder.stdout is not None
    try:
        yield SmallDisk(mount_point, holder.pid) if await holder.stdout.readline() else None
    finally:
        with contextlib.suppress(ProcessLookupError):
            holder.kill()
        await holder.wait()
