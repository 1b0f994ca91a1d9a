"""The cable is pulled while files are written: it goes on where it was."""

from pathlib import Path
from typing import Any

from comatrix.gateway.clock import monotonic_ms
from comatrix.gateway.edges.flashing.board_link import Port
from comatrix.gateway.edges.flashing.flasher import Boards, Telling
from comatrix.gateway.edges.radio.port import open_port
from comatrix.gateway.flashing.about import Board
from tests.support.emulated_board import PtyBoard

FILES = {f"comatrix/m{number}.mpy": bytes([number]) * 2000 for number in range(3)}


class PulledPort:
    """A port that goes away after so many bytes were written to it."""

    def __init__(self, port: Port, most: int) -> None:
        self._port, self._left = port, most
        self._lost: Any = None

    def start(self, on_data: Any, on_lost: Any) -> None:
        self._lost = on_lost
        self._port.start(on_data, on_lost)

    def write(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._port.close()
            self._lost("it was unplugged")
        else:
            self._port.write(data)

    def close(self) -> None:
        self._port.close()


async def test_it_resumes_after_the_cable_was_pulled(board: PtyBoard, flash: Path) -> None:
    cuts = [11_000, 1 << 30]

    async def opened(path: str, baud: int) -> Port:
        port = await open_port(path, baud)
        most = cuts[0] if len(cuts) == 2 and said else 1 << 30
        return PulledPort(port, most)

    said: list[str] = ["begins"]
    wrote: list[str] = []
    left: list[int] = []

    def starts(count: int) -> None:
        left.append(count)
        if len(left) == 2:
            said.clear()

    def say(text: str) -> None:
        said.append(text)
        if "Plug it in again" in text:
            cuts.pop()

    def files(board: Board, config: bytes | None, program: bool) -> dict[str, bytes]:
        return FILES

    boards = Boards(opened, monotonic_ms, lambda port: None)
    # The pty has no `cryptolib` to lack: the unix port has it.
    _, changes = await boards.flash(
        board.path, files, False, Telling(say, starts, lambda path, count: wrote.append(path))
    )
    assert {path: (flash / path).read_bytes() for path in FILES} == FILES
    assert left[0] == 6000 and 0 < left[1] < 6000  # what was there whole was not written again
    assert len(changes.same) >= 1
