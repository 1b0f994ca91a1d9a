"""What a node must not forget, kept so that a reset or power cut at any instant does no harm.

A state is a dict:
    enrolment   whose counter this is; another enrolment is another key and starts anew
    counter     the first value nobody can have used: every value below it may have been sent
    command     highest executed command id
    context     the ID Context Appendix B.2 of RFC 8613 made, or b"" while it never ran

It stands in two slots, each with a generation and a CRC. A save writes the staler slot first, then the
other: a cut at any byte leaves one whole, and later damage to either does not take the counter back.
When both are unreadable `load` returns None, and nothing may be sent under that key again (WIRE section 5).

Beside it a node keeps records it could not send, and its settings: `keep`, `kept` and `forget`.
"""

import os
import struct
from binascii import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    State = dict[str, Any]

_LAYOUT = ">BIIQHB40s"  # version, generation, enrolment, counter, command, length of the context, context
_BODY = 60
SLOT = 64  # the body and its CRC
_RECORDS = "waiting"
_NEW = ".new"


def _pack(generation: int, state: "State") -> bytes:
    context = state["context"]
    body = struct.pack(
        _LAYOUT, 1, generation, state["enrolment"], state["counter"], state["command"], len(context), context
    )
    record = body + crc32(body).to_bytes(4, "big")
    # MicroPython's pack cuts what does not fit without a word.
    if _unpack(record) != (generation, state):
        raise ValueError("state does not fit")
    return record


def _unpack(data: bytes) -> "tuple[int, State] | None":
    """(generation, state), or None when `data` is no whole record."""
    if len(data) != SLOT or crc32(data[:_BODY]) != int.from_bytes(data[_BODY:], "big") or data[0] != 1:
        return None
    _, generation, enrolment, counter, command, n, context = struct.unpack(_LAYOUT, data[:_BODY])
    return generation, {"enrolment": enrolment, "counter": counter, "command": command, "context": context[:n]}


def _age(slot: "tuple[int, State]") -> "tuple[int, int]":
    """What orders records: RTC memory keeps flash's generation while its counter moves."""
    return slot[0], slot[1]["counter"]


class Slots:
    """Two slots behind `read(i) -> bytes` and `write(i, bytes)`, i = 0 or 1; `write` returns when it is safe."""

    def __init__(self, read: "Callable[[int], bytes]", write: "Callable[[int, bytes], None]") -> None:
        self._read = read
        self._write = write
        self._newest = 0  # the slot to spare until the other is written
        self.generation = 0

    def load(self) -> "State | None":
        """The newest whole state, or None."""
        found = None
        for i in (0, 1):
            slot = _unpack(self._read(i))
            if slot and (found is None or _age(slot) > _age(found)):
                found = slot
                self._newest = i
        if found is None:
            return None
        self.generation = found[0]
        return found[1]

    def save(self, state: "State", generation: int = 0) -> None:
        """Replace the state. Raises ValueError when it does not fit, OSError when it cannot be written."""
        generation = generation or self.generation + 1
        record = _pack(generation, state)
        first = 1 - self._newest
        self._write(first, record)
        self._newest = first
        self.generation = generation
        self._write(1 - first, record)


class Files:
    """The board's files, each written whole and synced. Raises OSError."""

    def read(self, name: str) -> bytes:
        """What is in it."""
        with open(name, "rb") as file:
            return file.read()

    def write(self, name: str, data: bytes) -> None:
        """Returns when it is safe."""
        with open(name, "wb") as file:
            file.write(data)
            file.flush()  # MicroPython's flush syncs the file, CPython's does not
            if hasattr(os, "fsync"):
                os.fsync(file.fileno())
            elif hasattr(os, "sync"):
                os.sync()

    def rename(self, old: str, new: str) -> None:
        """Replaces `new`: at once on littlefs, on FAT it is gone for a moment."""
        os.rename(old, new)

    def remove(self, name: str) -> None:
        """It is gone."""
        os.remove(name)


class FlashStore(Slots):
    """Two files, `path`.0 and `path`.1: on FAT one file would put both slots into one erase block."""

    step = 8  # counters to reserve at a time: a reset loses what is left of them

    def __init__(self, path: str, files: "Any" = None) -> None:
        self._path = path
        self._files = files or Files()
        super().__init__(self._read_slot, self._write_slot)

    def keep(self, data: bytes, name: str = _RECORDS) -> None:
        """Replace what is kept under a name; a reset meanwhile leaves the old or the new. Raises OSError."""
        self._files.write(name + _NEW, data + crc32(data).to_bytes(4, "big"))
        self._files.rename(name + _NEW, name)

    def kept(self, name: str = _RECORDS) -> "bytes | None":
        """What is kept under a name, or None."""
        for candidate in (name, name + _NEW):
            data = self._content(candidate)
            if data and crc32(data[:-4]).to_bytes(4, "big") == data[-4:]:
                return data[:-4]
        return None

    def forget(self) -> None:
        """No records are kept any more, if flash lets go of them."""
        for name in (_RECORDS + _NEW, _RECORDS):
            try:
                self._files.remove(name)
            except OSError:
                pass

    def _content(self, name: str) -> bytes:
        try:
            found: "bytes" = self._files.read(name)
            return found
        except OSError:
            return b""

    def _read_slot(self, i: int) -> bytes:
        return self._content("%s.%d" % (self._path, i))

    def _write_slot(self, i: int, record: bytes) -> None:
        self._files.write("%s.%d" % (self._path, i), record)
