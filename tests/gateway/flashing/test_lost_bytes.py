"""A line that changes a byte: what was written is compared, and written again."""

from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.clock import monotonic_ms
from comatrix.gateway.edges.flashing.board_link import BoardLink, Port
from comatrix.gateway.edges.radio.port import open_port
from comatrix.gateway.flashing import board_files
from comatrix.gateway.flashing.about import about
from comatrix.gateway.flashing.procedure import BoardError
from tests.support.emulated_board import PtyBoard

DATA = bytes(1500)


class NoisyPort:
    """Changes a byte of the zeros it carries, so many times."""

    def __init__(self, port: Port, times: int) -> None:
        self._port, self._times = port, times
        self.start, self.close = port.start, port.close

    def write(self, data: bytes) -> None:
        if self._times and b"AAAAAAAAAAAA" in data:
            self._times -= 1
            data = data.replace(b"AAAAAAAAAAAA", b"AAAAAABAAAAA", 1)
        self._port.write(data)


async def put(board: PtyBoard, times: int, progress: Any) -> None:
    link = BoardLink(NoisyPort(await open_port(board.path, 115_200), times), monotonic_ms)
    try:
        await link.enter(20_000)
        it = await link.run(about())
        await link.run(board_files.write(it, "zeros", DATA, progress))
    finally:
        link.close()


async def test_a_file_that_arrived_otherwise_is_written_again(board: PtyBoard, flash: Path) -> None:
    told: list[int] = []
    await put(board, 1, lambda path, count: told.append(count))
    assert (flash / "zeros").read_bytes() == DATA
    assert sum(told) == len(DATA)  # a bar that is full stays full


async def test_a_line_that_always_spoils_it_is_given_up_in_words(board: PtyBoard) -> None:
    with pytest.raises(BoardError, match="not on the board as it was sent"):
        await put(board, 1 << 30, lambda path, count: None)
