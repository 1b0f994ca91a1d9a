"""Goes through a recorded run moment by moment: what its disk holds, and what the world has seen."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.disk import Disk, File
from tests.chaos.overheard import Overheard
from tests.chaos.recording import Recorded
from tests.chaos.strace_log import Call, calls

PORT = re.compile(r"htons\((\d+)\)")
SYNCS = ("fsync", "fdatasync")
MODELLED = {
    "openat",
    "pwrite64",
    "write",
    "ftruncate",
    "fallocate",
    *SYNCS,
    "unlink",
    "rename",
    "sendto",
    "recvfrom",
    "connect",
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened at a moment: "call", "sync begins" or "next process"."""

    moment: int
    kind: str
    call: Call | None = None


def steps(recorded: Recorded) -> Iterator[Step]:
    """All logs as one, in order. A write counts from its beginning, a sync when it came back."""
    first = 0
    for log in recorded.logs:
        yield Step(first, "next process")
        with log.open(encoding="ascii", errors="replace") as lines:
            found = list(calls(lines, first))
        made: list[Step] = []
        for call in found:
            if call.name in SYNCS:
                made.append(Step(call.begun, "sync begins", call))
            late = call.name in (*SYNCS, "openat", "recvfrom")
            if late and call.ended is None:
                continue
            moment = call.ended if late and call.ended is not None else call.begun
            made.append(Step(moment, "call", call))
        made.sort(key=lambda step: step.moment)
        yield from made
        first = max((step.moment for step in made), default=first) + 1


@dataclass(slots=True)
class Replay:
    """Fed with `steps` one after the other. `names_follow`: a file's sync makes its name safe too (ext4, littlefs)."""

    home: Path
    world: Overheard
    names_follow: bool = False
    disk: Disk = field(default_factory=Disk)
    syncs: list[tuple[int, int]] = field(default_factory=list)  # of the database's log: begun, returned
    moment: int = 0
    processes: int = 0
    _files: dict[int, File] = field(default_factory=dict)
    _marks: dict[int, tuple[File, int]] = field(default_factory=dict)  # thread -> what its sync covers

    def take(self, step: Step) -> None:
        """One step. Raises ValueError for a call on our files that the model does not know."""
        self.moment = step.moment
        call = step.call
        if call is None:
            self.processes += 1
            self._files.clear()
            self._marks.clear()
        elif step.kind == "sync begins":
            if (file := self._file(call)) is not None:
                self._marks[call.thread] = file, len(file.pending)
        elif call.name in ("sendto", "recvfrom", "connect"):
            self._heard(call, step.moment)
        elif call.ok or call.ended is None:
            self._written(call)

    def _heard(self, call: Call, moment: int) -> None:
        if call.name == "connect":
            self.world.connected(call.fd)
            return
        port = PORT.search(call.arguments)
        if call.name == "recvfrom":
            if call.ok and port is not None:
                self.world.received(int(port[1]), call.texts()[0], moment)
        elif call.ok or call.ended is None:
            data = call.texts()[0]
            if port is not None:
                self.world.answered(int(port[1]), data, moment)
            else:
                self.world.streamed(call.fd, data if call.result is None else data[: call.result])

    def _written(self, call: Call) -> None:
        if call.name == "openat":
            self._opened(call)
        elif call.name in ("unlink", "rename"):
            names = [self._name(text.decode()) for text in call.texts()]
            if call.name == "rename" and names[0] is not None and names[1] is not None:
                self.disk.rename(names[0], names[1])
            elif call.name == "unlink" and names[0] is not None:
                self.disk.unlink(names[0])
        elif call.name in SYNCS:
            self._synced(call)
        elif (file := self._file(call)) is not None:
            self._changed(file, call)
        elif str(self.home) in call.arguments and call.name not in MODELLED:
            raise ValueError(f"the replay does not model {call.name}")

    def _opened(self, call: Call) -> None:
        name = self._name(call.texts()[0].decode())
        assert call.result is not None
        self._files.pop(call.result, None)
        if name is not None and "O_DIRECTORY" not in call.arguments:
            create, truncate = "O_CREAT" in call.arguments, "O_TRUNC" in call.arguments
            file = self.disk.open(name, create=create, truncate=truncate)
            if file is not None:
                self._files[call.result] = file

    def _changed(self, file: File, call: Call) -> None:
        if call.name == "pwrite64":
            file.write(call.numbers_at_end(1)[0], call.texts()[0])
        elif call.name == "write":
            data = call.texts()[0]
            file.write(file.position, data)
            file.position += len(data)
        elif call.name == "ftruncate":
            file.truncate(call.numbers_at_end(1)[0])
        elif call.name == "fallocate" and ", 0, " in call.arguments:
            file.write(sum(call.numbers_at_end(2)), b"")  # zeros behind what there is
        else:
            raise ValueError(f"the replay does not model {call.name}")

    def _synced(self, call: Call) -> None:
        if call.path == str(self.home):
            self.disk.sync_names()
            return
        file, count = self._marks.pop(call.thread, (None, 0))
        if file is not None:
            file.synced(count)
            if self.names_follow:
                self.disk.sync_names()
            if call.path.endswith("-wal") and call.ended is not None:
                self.syncs.append((call.begun, call.ended))

    def _file(self, call: Call) -> File | None:
        """The file a call's descriptor leads to, if it is one of the gateway's own."""
        return self._files.get(call.fd) if self._name(call.path) is not None else None

    def _name(self, path: str) -> str | None:
        """A name in the gateway's folder; None for what lies elsewhere, and for what is no data."""
        folder, _, name = path.removesuffix(" (deleted)").rpartition("/")
        kept = folder == str(self.home) and not name.endswith(("-shm", ".sock"))
        return name if kept else None
