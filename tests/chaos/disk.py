"""A disk as a power cut finds it: what was synced is there, of the rest any part (torn at sectors), or nothing.

Names are journaled: of those not synced by their folder, the first few are there. A file's sync says nothing of its
name. So it is no easier on a program than any Linux file system.
"""

import random
from dataclasses import dataclass, field

SECTOR = 512

Write = tuple[int, bytes]  # at offset
Change = Write | int  # or cut to a length


@dataclass(eq=False, slots=True)
class File:
    """An inode: what is safe, and what was done since."""

    stable: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)
    position: int = 0  # where the next plain write goes
    size: int = 0

    def write(self, offset: int, data: bytes) -> None:
        """Bytes at an offset."""
        self.pending.append((offset, data))
        self.size = max(self.size, offset + len(data))

    def truncate(self, size: int) -> None:
        """Cut, or made longer with zeros."""
        self.pending.append(size)
        self.size = size

    def synced(self, count: int) -> None:
        """The first `count` pending changes are safe."""
        for change in self.pending[:count]:
            apply(self.stable, change)
        del self.pending[:count]


def apply(content: bytearray, change: Change) -> None:
    """One change to a file's bytes."""
    if isinstance(change, int):
        del content[change:]
        content.extend(bytes(change - len(content)))
        return
    offset, data = change
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


@dataclass(slots=True)
class Disk:
    """Files by name, as the program sees them (`names`) and as they are safe (`safe_names`)."""

    names: dict[str, File] = field(default_factory=dict)
    safe_names: dict[str, File] = field(default_factory=dict)
    pending_names: list[tuple[str, File | None]] = field(default_factory=list)  # None: the name is gone

    def open(self, name: str, *, create: bool, truncate: bool) -> File | None:
        """The file, made where asked; None where it is not there."""
        file = self.names.get(name)
        if file is None:
            if not create:
                return None
            file = File()
            self._name(name, file)
        elif truncate:
            file.truncate(0)
        file.position = 0
        return file

    def rename(self, old: str, new: str) -> None:
        """At once or not at all."""
        file = self.names.pop(old)
        self.names[new] = file
        self.pending_names.append((f"{old}\0{new}", file))

    def unlink(self, name: str) -> None:
        """The name is gone."""
        if self.names.pop(name, None) is not None:
            self.pending_names.append((name, None))

    def sync_names(self) -> None:
        """The folder was synced."""
        for entry in self.pending_names:
            _settle(self.safe_names, entry)
        self.pending_names.clear()

    def cut(self, chance: random.Random) -> dict[str, bytes]:
        """The files after a power cut now: name -> bytes."""
        names = dict(self.safe_names)
        for entry in self.pending_names[: chance.randint(0, len(self.pending_names))]:
            _settle(names, entry)
        mode = chance.choices(("nothing", "all", "writes", "sectors"), (3, 1, 3, 4))[0]
        return {name: bytes(survived(file, mode, chance)) for name, file in names.items()}

    def _name(self, name: str, file: File) -> None:
        self.names[name] = file
        self.pending_names.append((name, file))


def _settle(names: dict[str, File], entry: tuple[str, File | None]) -> None:
    name, file = entry
    old, _, new = name.partition("\0")
    if file is None:
        names.pop(name, None)
    elif new:
        names.pop(old, None)
        names[new] = file
    else:
        names[name] = file


def survived(file: File, mode: str, chance: random.Random) -> bytearray:
    """What is left of a file."""
    content = bytearray(file.stable)
    for change in file.pending if mode != "nothing" else ():
        whole = mode != "sectors" or isinstance(change, int)
        for part in [change] if whole else sectors(change):  # type: ignore[arg-type]
            if mode == "all" or chance.random() < 0.5:
                apply(content, part)
    return content


def sectors(write: Write) -> list[Write]:
    """A write in pieces, none across a sector's edge."""
    offset, data = write
    parts = []
    at = 0
    while at < len(data):
        size = SECTOR - (offset + at) % SECTOR
        parts.append((offset + at, data[at : at + size]))
        at += size
    return parts
