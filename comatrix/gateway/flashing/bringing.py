"""Bringing a board's files to what they are to be: only what differs is written, main.py last."""

from collections.abc import Iterable
from dataclasses import dataclass

from comatrix.gateway.flashing import board_files
from comatrix.gateway.flashing.about import Board
from comatrix.gateway.flashing.board_files import Progress
from comatrix.gateway.flashing.procedure import BoardError, Procedure

OURS = ("comatrix", "comatrix_node", "comatrix_lora")  # packages of which nothing else is to be there
BLOCK = 4096  # what a file may take beyond its bytes


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be done: paths to write, in that order, paths to delete; `same` stay. `bytes` are written."""

    write: tuple[str, ...]
    delete: tuple[str, ...]
    same: tuple[str, ...]
    bytes: int


def compare(board: Board, wanted: dict[str, bytes]) -> Procedure[Changes]:
    """What differs. Nothing is changed."""
    changed = yield from board_files.differing(board, wanted)
    there: list[tuple[str, int]] = []
    for package in OURS:
        there += yield from board_files.listing(package)
    write = tuple(sorted(changed, key=_order))
    same = tuple(path for path in wanted if path not in changed)
    return Changes(write, tuple(_in_the_way(wanted, there)), same, sum(len(wanted[path]) for path in changed))


def bring(board: Board, wanted: dict[str, bytes], changes: Changes, progress: Progress) -> Procedure[None]:
    """Do it. A cut at any moment leaves a board that another `compare` and `bring` put right. Raises BoardError."""
    yield from board_files.delete(changes.delete)
    for path in changes.write:
        try:
            yield from board_files.write(board, path, wanted[path], progress)
        except BoardError as error:
            raise _full(error, path, board) from None


def _order(path: str) -> tuple[int, str]:
    """The program last: until it is there, a reset runs the old one or none."""
    return {"config.json": 1, "main.py": 2}.get(path, 0), path


def _in_the_way(wanted: dict[str, bytes], there: Iterable[tuple[str, int]]) -> Iterable[str]:
    """What an older version left: MicroPython would take a .py before its .mpy."""
    return (path for path, size in there if size >= 0 and path not in wanted)


def _full(error: BoardError, path: str, board: Board) -> BoardError:
    if not any(mark in error.traceback for mark in ("OSError: 28", "Errno 28", "ENOSPC", "No more storage space")):
        return error
    free = "" if board.free is None else f" ({board.free:,} bytes were free)"
    return BoardError(
        f"The board's flash is full{free}: {path} does not fit. What is on it can be deleted.",
        "comatrix node erase PORT",
        traceback=error.traceback,
    )
