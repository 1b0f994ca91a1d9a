"""Files put on a real MicroPython through its raw REPL, on a pseudo terminal."""

from dataclasses import replace
from pathlib import Path

import pytest

from comatrix.gateway.flashing import board_files
from comatrix.gateway.flashing.about import about, check_uploader
from comatrix.gateway.flashing.bringing import bring, compare
from comatrix.gateway.flashing.procedure import BoardError
from tests.gateway.flashing.conftest import Linked
from tests.support.emulated_board import PtyBoard

ALL_BYTES = bytes(range(256)) * 9
WANTED = {
    "main.py": b"print('runs')\n",
    "pins.py": b"SCL = 5\n",
    "config.json": b"{}",
    "comatrix/__init__.mpy": ALL_BYTES,
}


def no_progress(path: str, count: int) -> None:
    pass


async def test_only_what_differs_is_written_and_the_program_last(board: PtyBoard, flash: Path, linked: Linked) -> None:
    (flash / "comatrix").mkdir()
    (flash / "comatrix" / "__init__.mpy").write_bytes(ALL_BYTES)
    (flash / "comatrix" / "old.py").write_text("stale")
    (flash / "state").write_text("kept")
    (flash / "main.py").write_text("print('waits')\nwhile True:\n    pass\n")  # has to be interrupted
    link = await linked(board)
    it = await link.run(about())
    check_uploader(it)
    changes = await link.run(compare(it, WANTED))
    assert changes.write == ("pins.py", "config.json", "main.py") and changes.delete == ("comatrix/old.py",)
    assert (
        changes.same == ("comatrix/__init__.mpy",) and changes.bytes == len(WANTED["main.py"] + WANTED["pins.py"]) + 2
    )
    told: list[tuple[str, int]] = []
    await link.run(bring(it, WANTED, changes, lambda *one: told.append(one)))
    assert {path: (flash / path).read_bytes() for path in WANTED} == WANTED
    assert not (flash / "comatrix" / "old.py").exists() and (flash / "state").exists()
    assert sum(count for _, count in told) == changes.bytes
    assert (await link.run(compare(it, WANTED))).write == ()


@pytest.mark.parametrize("lacks", ["hashes", "base64"])
async def test_boards_without_hashes_or_base64_get_the_same_bytes(
    board: PtyBoard, flash: Path, linked: Linked, lacks: str
) -> None:
    link = await linked(board)
    it = await link.run(about())
    it = replace(it, hashes=lacks != "hashes", base64=lacks != "base64")
    data = ALL_BYTES[:700]
    await link.run(board_files.write(it, "some/folder/file.bin", data, no_progress))
    assert (flash / "some/folder/file.bin").read_bytes() == data
    assert await link.run(board_files.differing(it, {"some/folder/file.bin": data})) == []
    assert await link.run(board_files.differing(it, {"some/folder/file.bin": data[:-1] + b"x"})) != []
    assert sorted(await link.run(board_files.listing())) == [
        ("some", -1),
        ("some/folder", -1),
        ("some/folder/file.bin", 700),
    ]
    assert await link.run(board_files.erase()) == ["some/folder/file.bin"]
    assert await link.run(board_files.listing()) == []


async def test_a_full_flash_is_said_in_words(board: PtyBoard, flash: Path, tmp_path: Path, linked: Linked) -> None:
    (tmp_path / "flash_size").write_text("1000")
    link = await linked(board)
    await link.soft_reset()
    it = await link.run(about())
    with pytest.raises(BoardError, match=r"flash is full.*does not fit") as raised:
        await link.run(bring(it, WANTED, await link.run(compare(it, WANTED)), no_progress))
    assert raised.value.next_step == "comatrix node erase PORT"


async def test_a_reset_starts_the_program(board: PtyBoard, flash: Path, linked: Linked) -> None:
    link = await linked(board)
    it = await link.run(about())
    await link.run(board_files.write(it, "main.py", b"open('ran', 'w').close()", no_progress))
    starts = board.starts
    await link.start_program()
    await link.enter(20_000)
    assert (flash / "ran").exists() and board.starts > starts
