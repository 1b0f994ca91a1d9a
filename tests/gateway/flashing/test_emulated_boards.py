"""Real MicroPython for microcontrollers, emulated by QEMU: 1.9.2 on a micro:bit, 1.25 on a Cortex-M3."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from comatrix.gateway.flashing import board_files
from comatrix.gateway.flashing.about import about, check_node, check_uploader
from comatrix.gateway.flashing.procedure import BoardError, Code, Procedure
from tests.gateway.flashing.conftest import Linked
from tests.support.emulated_board import PtyBoard
from tests.support.qemu_boards import qemu_board

pytestmark = pytest.mark.slow
OLD_SYNTAX = b"def words(n):\n    return '%d words' % n\nprint(words(3))\n\x00\xff"


@pytest.fixture
def microbit(tmp_path: Path) -> Iterator[PtyBoard]:
    made = qemu_board("microbit", tmp_path)
    yield made
    made.close()


@pytest.fixture
def cortex(tmp_path: Path) -> Iterator[PtyBoard]:
    made = qemu_board("mps2-an385", tmp_path)
    yield made
    made.close()


def no_progress(path: str, count: int) -> None:
    pass


async def test_a_microbit_of_2017_takes_a_file_reads_it_back_and_restarts(microbit: PtyBoard, linked: Linked) -> None:
    link = await linked(microbit)
    it = await link.run(about())
    assert it.version[:2] == (1, 9)
    check_uploader(it)
    with pytest.raises(BoardError, match=r"needs 1\.25 or newer"):
        check_node(it)
    await link.run(board_files.write(it, "old.py", OLD_SYNTAX, no_progress))
    assert await link.run(board_files.read("old.py")) == OLD_SYNTAX
    assert ("old.py", len(OLD_SYNTAX)) in await link.run(board_files.listing())
    await link.start_program()
    await link.enter(20_000)
    with pytest.raises(BoardError, match="NameError"):  # it has forgotten what it was told before
        await link.run(ran("_f"))


def ran(code: str) -> Procedure[bytes]:
    return (yield Code(code, 60_000))


async def test_a_cortex_m3_is_entered_and_tells_what_it_is(cortex: PtyBoard, linked: Linked) -> None:
    link = await linked(cortex)
    it = await link.run(about())
    assert it.version[:2] == (1, 25)
    assert await link.run(ran("print(6 * 7)")) == b"42\r\n"
