"""Boards' pins: tables in firmware/micropython/boards, one file a board, and the pins.py made from one."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from comatrix.gateway.errors import UsageError


@dataclass(frozen=True, slots=True)
class PinTable:
    """`machine`: how `os.uname().machine` begins where MicroPython has an image for the board. `sources`: whence the
    rows are, repository and path. `chip`: esp32, esp32s3, esp32c3, esp32c6 or rp2."""

    name: str
    title: str
    chip: str
    sources: tuple[str, ...]
    machine: tuple[str, ...]
    pins: dict[str, int]

    def module(self) -> bytes:
        """pins.py: a constant a pin."""
        lines = [f'"""{self.title}. Sources: {"; ".join(self.sources)}"""', ""]
        return "\n".join([*lines, *(f"{name} = {pin}" for name, pin in self.pins.items()), ""]).encode()


def read(path: Path) -> PinTable:
    """Raises KeyError, ValueError: the file is no pin table."""
    values = tomllib.loads(path.read_text())
    pins = {str(name): int(pin) for name, pin in values["pins"].items()}
    sources = tuple(str(where) for where in values["sources"].values())
    return PinTable(path.stem, values["title"], values["chip"], sources, tuple(values["machine"]), pins)


def tables(folder: Path) -> dict[str, PinTable]:
    """All of them by name; empty where the folder is not there."""
    return {path.stem: read(path) for path in sorted(folder.glob("*.toml"))}


def chosen(known: dict[str, PinTable], name: str | None, machine: str) -> PinTable | None:
    """The board named, or the one whose image says so. Raises UsageError: no such name."""
    if name is not None:
        if name not in known:
            raise UsageError(
                f"There is no pin table {name}; there are {', '.join(known)}.", "comatrix node flash --help"
            )
        return known[name]
    fitting = [(len(text), one.name) for one in known.values() for text in one.machine if machine.startswith(text)]
    return known[max(fitting)[1]] if fitting else None
