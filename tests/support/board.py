"""A board's flash and RTC memory, where every change can be cut short by a reset, refused, or read back as garbage."""

from collections.abc import Callable, Sequence

NO_SPACE = 28  # errno
INPUT_OUTPUT = 5


class Reset(BaseException):  # whatever catches errors, no program goes on after it
    """The board starts anew at this instant."""


class Board:
    """`files` and `memory` are what outlives a reset.

    `cut`: (which change, after how many of its steps) the reset comes. `full`: from that change on flash is full.
    `refuses`: how far a write gets then: 0 nothing happened, 1 the file is empty, 2 half of it is there."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.memory = b""
        self.changes = 0
        self.steps: list[int] = []  # of each change so far
        self.cut: tuple[int, int] | None = None
        self.full: int | None = None
        self.refuses = 1
        self.refused = 0  # writes
        self.unreadable = False

    # What FlashStore wants of the board's files

    def read(self, name: str) -> bytes:
        """Raises OSError."""
        if self.unreadable:
            raise OSError(INPUT_OUTPUT)
        if name not in self.files:
            raise OSError(2)
        return self.files[name]

    def write(self, name: str, data: bytes) -> None:
        """As flash does: the file is emptied, then filled."""

        def put(size: int) -> Callable[[], None]:
            return lambda: self.files.__setitem__(name, data[:size])

        steps = [put(0), put(len(data) // 2), put(len(data))]
        if self.full is not None and self.changes + 1 >= self.full:
            self.refused += 1
            self._change(steps[: self.refuses])
            raise OSError(NO_SPACE)
        self._change(steps)

    def rename(self, old: str, new: str) -> None:
        """As FAT does: the target is gone for a moment."""
        self._change([lambda: self.files.pop(new, None), lambda: self.files.__setitem__(new, self.files.pop(old))])

    def remove(self, name: str) -> None:
        """Raises OSError where there is none."""
        if name not in self.files:
            raise OSError(2)
        self._change([lambda: self.files.pop(name)])

    def _change(self, steps: Sequence[Callable[[], object]]) -> None:
        self.changes += 1
        self.steps.append(len(steps))
        for number, step in enumerate(steps):
            self._maybe_reset(number)
            step()
        self._maybe_reset(len(steps))

    def _maybe_reset(self, step: int) -> None:
        if self.cut == (self.changes, step):
            self.cut = None
            raise Reset


class BoardRtc:
    """`machine.RTC()` of an ESP32 on that board."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def memory(self, data: bytes | None = None) -> bytes:
        """Read, or write."""
        board = self._board
        if data is not None:
            whole, half = bytes(data), len(data) // 2

            def put(content: bytes) -> Callable[[], None]:
                return lambda: setattr(board, "memory", content)

            board._change([put(whole[:half] + board.memory.ljust(len(whole), b"\0")[half:]), put(whole)])
        return board.memory
