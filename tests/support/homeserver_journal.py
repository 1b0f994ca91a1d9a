"""What the in-memory homeserver keeps: facts in the order they became true, one a line.

A homeserver process that is killed and started again on its journal knows everything it had answered."""

import json
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

Fact = list[Any]  # [kind, what it says ...]


class Journal:
    """Facts in a file; `path` None: kept nowhere. Written before anybody is answered, but not synced: outlives kill -9,
    not a power cut."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._file: FileIO | None = None

    def read(self) -> Iterator[Fact]:
        """The facts so far. A last line that was torn by a kill is no fact: nobody was told of it."""
        if self._path is None or not self._path.exists():
            return
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            self._path.write_bytes(whole)
        for line in whole.splitlines():
            yield json.loads(line)

    def write(self, fact: Fact) -> None:
        """One more fact."""
        if self._path is None:
            return
        if self._file is None:
            self._file = FileIO(self._path, "ab")
        self._file.write(json.dumps(fact).encode() + b"\n")
