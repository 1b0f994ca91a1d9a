"""A disk that syncs as slowly as an SD card: a library that is loaded before the C library's own calls."""

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("slow_sync.c")


def missing() -> str:
    """Why there is none here, in words, or ""."""
    return "" if shutil.which("cc") else "no C compiler: apt-get install gcc libc6-dev"


def environment(folder: Path, delay_ms: int) -> dict[str, str]:
    """What a process must have in its environment for each of its syncs to take `delay_ms` longer."""
    library = folder / "slow_sync.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, SOURCE, "-ldl"], check=True, capture_output=True)
    return {"LD_PRELOAD": str(library), "SYNC_US": str(delay_ms * 1000)}
