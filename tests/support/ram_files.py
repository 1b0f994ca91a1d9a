"""For a MicroPython without a file system (QEMU's Cortex-M): files in RAM, mounted where flash would be."""

import io
import os


class Writing:
    def __init__(self, files, path):
        self.files = files
        self.path = path
        self.data = bytearray()

    def write(self, data):
        self.data += data
        return len(data)

    def close(self):
        self.files[self.path] = bytes(self.data)


class RamFiles:
    def __init__(self):
        self.files = {}
        self.folders = set()

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def _path(self, path):
        return path.strip("/")

    def open(self, path, mode):
        path = self._path(path)
        if "w" in mode:
            return Writing(self.files, path)
        if path not in self.files:
            raise OSError(2)
        return io.BytesIO(self.files[path])

    def stat(self, path):
        path = self._path(path)
        if path in self.files:
            return (0x8000, 0, 0, 0, 0, 0, len(self.files[path]), 0, 0, 0)
        if path in self.folders or not path:
            return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        raise OSError(2)

    def ilistdir(self, path):
        path = self._path(path)
        if path and path not in self.folders:
            raise OSError(2)
        start = path + "/" if path else ""
        for kind, names in ((0x8000, list(self.files)), (0x4000, list(self.folders))):
            for name in names:
                if name.startswith(start) and "/" not in name[len(start) :]:
                    yield (name[len(start) :], kind, 0)

    def mkdir(self, path):
        self.folders.add(self._path(path))

    def rmdir(self, path):
        self.folders.remove(self._path(path))

    def remove(self, path):
        if self._path(path) not in self.files:
            raise OSError(2)
        del self.files[self._path(path)]

    def statvfs(self, path):
        return (1024, 1024, 64, 64, 64, 0, 0, 0, 0, 64)


os.mount(RamFiles(), "/")
