"""A board on a pseudo terminal, and a link to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from comatrix.gateway.clock import monotonic_ms
from comatrix.gateway.edges.flashing.board_link import BoardLink
from comatrix.gateway.edges.radio.port import open_port
from comatrix.gateway.flashing.procedure import Code, Procedure
from tests.support.emulated_board import SERVER, PtyBoard
from tests.support.micropython import real_micropython


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    """What is the board's flash."""
    folder = tmp_path / "flash"
    folder.mkdir()
    return folder


@pytest.fixture
def board(flash: Path) -> Iterator[PtyBoard]:
    """MicroPython's unix port with a raw REPL on it."""
    made = PtyBoard([*real_micropython().command, str(SERVER)], flash, interrupts=True)
    yield made
    made.close()


def no_progress(path: str, count: int) -> None:
    """Tells nobody."""


def ran(code: str, within_ms: int = 60_000) -> Procedure[bytes]:
    """What the code printed."""
    return (yield Code(code, within_ms))


Linked = Callable[[PtyBoard], Awaitable[BoardLink]]


@pytest.fixture
async def linked() -> AsyncIterator[Linked]:
    """A link to a board, in the raw REPL."""
    made: list[BoardLink] = []

    async def link(board: PtyBoard) -> BoardLink:
        made.append(BoardLink(await open_port(board.path, 115200), monotonic_ms))
        await made[-1].enter(20_000)
        return made[-1]

    yield link
    for one in made:
        one.close()
    await asyncio.sleep(0)
