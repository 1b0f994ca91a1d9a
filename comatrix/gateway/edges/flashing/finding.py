"""Which boards are at this machine's USB, and which drives wait for a UF2 image."""

import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from comatrix.gateway.flashing.procedure import BoardError
from comatrix.gateway.flashing.silence import uf2_words
from comatrix.gateway.flashing.usb_ids import BOOTLOADER, known

SYS = Path("/sys/bus/usb/devices")
MOUNTS = Path("/proc/mounts")


@dataclass(frozen=True, slots=True)
class FoundBoard:
    """`port` is None of one in its boot loader; `drive`: where that is mounted, if it is."""

    port: str | None
    vendor: int
    product: int
    name: str
    chip: str
    drive: str | None = None

    def to_do(self) -> BoardError:
        """What to do with one in its boot loader."""
        row = known(self.vendor, self.product)
        return uf2_words(self.drive, self.name, row.volume, row.image) if row else uf2_words(self.drive, self.name)

    def shown(self) -> dict[str, Any]:
        """For --json."""
        return asdict(self)


def boards(ports: list[Any] | None = None, sys: Path = SYS, mounts: Path = MOUNTS) -> list[FoundBoard]:
    """Ports with a USB id, and known boot loaders. `ports`: what pyserial lists."""
    if ports is None:
        from serial.tools import list_ports

        ports = list(list_ports.comports())
    found = []
    for port in sorted(ports, key=lambda one: str(one.device)):
        if port.vid is None:
            continue
        row = known(port.vid, port.pid)
        name = row.name if row else f"{port.description or 'a serial port'}: not in the table of boards"
        found.append(FoundBoard(port.device, port.vid, port.pid, name, row.chip if row else ""))
    return found + _boot_loaders(sys, mounts)


def _boot_loaders(sys: Path, mounts: Path) -> list[FoundBoard]:
    drives = uf2_drives(mounts)
    found = []
    for device in sorted(sys.glob("*")):
        with contextlib.suppress(OSError, ValueError):
            ids = [int((device / name).read_text(), 16) for name in ("idVendor", "idProduct")]
            row = known(*ids)
            if row and row.kind == BOOTLOADER:
                named = [one for one in drives if Path(one).name == row.volume]
                drive = next(iter(named or drives), None)
                found.append(FoundBoard(None, row.vendor, row.product, row.name, row.chip, drive))
    return found


def uf2_drives(mounts: Path = MOUNTS) -> list[str]:
    """Mounted drives that take a UF2 image: they carry INFO_UF2.TXT (github.com/microsoft/uf2)."""
    found = []
    with contextlib.suppress(OSError):
        for line in mounts.read_text().splitlines():
            fields = line.split(" ")
            place = fields[1].replace("\\040", " ") if len(fields) > 2 else ""
            if fields[2:3] in (["vfat"], ["msdos"]) and (Path(place) / "INFO_UF2.TXT").exists():
                found.append(place)
    return found
