"""What the kernel says of a process and of this machine (Linux: /proc)."""

import os
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
SYNCS = 21


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the figures were taken. `sync_ms`: the median time of a 4 KiB write and its sync to the disk used."""

    cpu: str
    cores: int
    kernel: str
    python: str
    sync_ms: float
    load: float


def cpu_s(pid: int) -> float:
    """Seconds of CPU that all threads of a process used so far, user and system."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    fields = text.rpartition(")")[2].split()  # the name may hold anything, also spaces
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def rss_mb(pid: int) -> float:
    """MB of memory a process holds now."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def machine() -> Machine:
    """This one, now."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    models = [
        line.partition(":")[2].strip() for line in cpuinfo.splitlines() if line.startswith(("model name", "Model"))
    ]
    return Machine(
        cpu=models[0] if models else platform.machine(),
        cores=os.cpu_count() or 1,
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        sync_ms=_sync_ms(),
        load=os.getloadavg()[0],
    )


def _sync_ms() -> float:
    took_ms = []
    with tempfile.TemporaryFile() as file:
        for _ in range(SYNCS):
            begun = time.perf_counter()
            os.pwrite(file.fileno(), bytes(4096), 0)
            os.fsync(file.fileno())
            took_ms.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took_ms)
