"""Brings a board at a port to what it is to be, through unplugging, and starts its program."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from comatrix.gateway.edges.flashing.board_link import BoardLink, Port, PortLost, Silent
from comatrix.gateway.errors import GatewayError
from comatrix.gateway.flashing import about, board_files, bringing, silence, wanted
from comatrix.gateway.flashing.about import Board
from comatrix.gateway.flashing.bringing import Changes
from comatrix.gateway.flashing.procedure import BoardError, Procedure

T = TypeVar("T")
BAUD = 115_200  # MicroPython's own, at every board with a UART
PLUGGED_AGAIN_S = 120.0
LOOK_S = 0.5
MOST_CUTS = 10

OpenPort = Callable[[str, int], Awaitable[Port]]


@dataclass(frozen=True, slots=True)
class Telling:
    """Whom to tell: `say` a line, `starts` how many bytes will be written, `wrote` a path and how many more are."""

    say: Callable[[str], None]
    starts: Callable[[int], None]
    wrote: Callable[[str, int], None]


class Boards:
    """Boards at ports of this machine. `shared_with(port)`: the error where another program has it open too."""

    def __init__(
        self, open_port: OpenPort, now_ms: Callable[[], int], shared_with: Callable[[str], GatewayError | None]
    ) -> None:
        self._open_port, self._now_ms, self._shared_with = open_port, now_ms, shared_with

    @asynccontextmanager
    async def at(self, port: str, *, fresh: bool = True) -> AsyncIterator[tuple[BoardLink, Board]]:
        """The board at a port, its program stopped; `fresh`: with an empty heap. Raises PortError, BoardError."""
        link = BoardLink(await self._open_port(port, BAUD), self._now_ms)
        try:
            try:
                heard = await link.enter()
                if fresh:
                    await link.soft_reset()
            except Silent as silent:
                raise self._shared_with(port) or silence.words_of(silent.heard, port) from None
            board = await link.run(_about(heard, port))
            about.check_uploader(board)
            if board.base64:
                link.hurry()
            yield link, board
        except BoardError as error:
            error.next_step = error.next_step.replace("PORT", port)
            raise
        finally:
            link.close()

    async def flash(
        self, port: str, files: Callable[[Board, bytes | None, bool], dict[str, bytes]], dry_run: bool, telling: Telling
    ) -> tuple[Board, Changes]:
        """`files(board, its config.json or None, whether it has a main.py)`: what is to be there. Raises PortError,
        BoardError, and what `files` raises."""
        for cut in range(MOST_CUTS):
            try:
                async with self.at(port) as (link, board):
                    if not cut:
                        telling.say(f"{port}: {board.words}")
                    about.check_node(board)
                    return board, await _brought(link, board, files, dry_run, telling)
            except PortLost as lost:
                telling.say(f"{lost.text} Plug it in again: it goes on where it was.")
                await self._wait_for(port, lost)
        raise BoardError(f"{port}: the port goes away again and again; is the cable sound?", "sudo dmesg | tail")

    async def _wait_for(self, path: str, lost: PortLost) -> None:
        end = self._now_ms() + PLUGGED_AGAIN_S * 1000
        while self._now_ms() < end:
            await asyncio.sleep(LOOK_S)
            try:
                (await self._open_port(path, BAUD)).close()
                return
            except GatewayError:
                continue
        raise BoardError(lost.text, f"comatrix node flash {path}") from None

    async def restart(self, port: str) -> None:
        """Start the board's program. Raises PortError, BoardError."""
        async with self.at(port, fresh=False) as (link, _):
            await link.start_program()


def _about(heard: bytes, port: str) -> Procedure[Board]:
    try:
        return (yield from about.about())
    except BoardError as error:
        if b"CircuitPython" in heard:
            raise silence.words_of(heard, port) from None
        raise error


async def config_of(link: BoardLink) -> bytes | None:
    """The board's config.json, or None."""
    there = dict(await link.run(board_files.listing()))
    return await link.run(board_files.read(wanted.CONFIG)) if wanted.CONFIG in there else None


async def _brought(
    link: BoardLink,
    board: Board,
    files: Callable[[Board, bytes | None, bool], dict[str, bytes]],
    dry_run: bool,
    telling: Telling,
) -> Changes:
    there = dict(await link.run(board_files.listing()))
    config = await link.run(board_files.read(wanted.CONFIG)) if wanted.CONFIG in there else None
    goal = files(board, config, wanted.PROGRAM in there)
    changes = await link.run(bringing.compare(board, goal))
    if not dry_run:
        telling.starts(changes.bytes)
        await link.run(bringing.bring(board, goal, changes, telling.wrote))
        await link.start_program()
    return changes
