"""A gateway whose clocks can be set ahead while it runs (tests/chaos/shifted_clock.c, where a C compiler is)."""

import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("shifted_clock.c")
COMPILERS = ("cc", "gcc", "clang")


@dataclass(slots=True)
class ShiftedClock:
    """`environment` goes to the gateway; `pass_s` lets that much time pass for it, at once."""

    library: Path
    file: Path
    ahead_s: int = 0

    @property
    def environment(self) -> list[str]:
        """As env(1) takes it, before a command."""
        return [str(shutil.which("env")), f"LD_PRELOAD={self.library}", f"CHAOS_CLOCK={self.file}"]

    def pass_s(self, seconds: int) -> None:
        """Both its clocks jump."""
        self.ahead_s += seconds
        with self.file.open("r+b") as file:
            file.write(struct.pack("=q", self.ahead_s))


def shifted_clock(folder: Path) -> ShiftedClock | None:
    """Compiled into `folder`; None where there is no compiler."""
    compiler = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    if compiler is None:
        return None
    library = folder / "shifted_clock.so"
    made = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=False, capture_output=True
    )
    if made.returncode != 0:
        return None
    file = folder / "clock"
    file.write_bytes(struct.pack("=q", 0))
    return ShiftedClock(library, file)
