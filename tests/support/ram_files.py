"""For a MicroPython without a file system (QEMU's Cortex-M): files in RAM, mounted where flash would be."""

import io
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Writing:
    def __init__(self, files: "dict[str, bytes]", path: str) -> None:
        self.files = files
        self.path = path
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def close(self) -> None:
        self.files[self.path] = bytes(self.data)


class RamFiles:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.folders: set[str] = set()

    def mount(self, readonly: bool, mkfs: bool) -> None:
        pass

    def umount(self) -> None:
        pass

    def _path(self, path: str) -> str:
        return path.strip("/")

    def open(self, path: str, mode: str) -> "Any":
        path = self._path(path)
        if "w" in mode:
            return Writing(self.files, path)
        if path not in self.files:
            raise OSError(2)
        return io.BytesIO(self.files[path])

    def stat(self, path: str) -> "tuple[int, ...]":
        path = self._path(path)
        if path in self.files:
            return (0x8000, 0, 0, 0, 0, 0, len(self.files[path]), 0, 0, 0)
        if path in self.folders or not path:
            return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        raise OSError(2)

    def ilistdir(self, path: str) -> "Iterator[tuple[str, int, int]]":
        path = self._path(path)
        if path and path not in self.folders:
            raise OSError(2)
        start = path + "/" if path else ""
        for kind, names in ((0x8000, list(self.files)), (0x4000, list(self.folders))):
            for name in names:
                if name.startswith(start) and "/" not in name[len(start) :]:
                    yield (name[len(start) :], kind, 0)

    def mkdir(self, path: str) -> None:
        self.folders.add(self._path(path))

    def rmdir(self, path: str) -> None:
        self.folders.remove(self._path(path))

    def remove(self, path: str) -> None:
        if self._path(path) not in self.files:
            raise OSError(2)
        del self.files[self._path(path)]

    def statvfs(self, path: str) -> "tuple[int, ...]":
        return (1024, 1024, 64, 64, 64, 0, 0, 0, 0, 64)


os.mount(RamFiles(), "/")  # type: ignore[attr-defined]
