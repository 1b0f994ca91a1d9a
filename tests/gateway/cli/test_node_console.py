"""`comatrix node console` at a board on a pseudo terminal."""

import subprocess
import sys
from pathlib import Path

from tests.gateway.cli.conftest import Comatrix
from tests.support.emulated_board import SERVER, PtyBoard
from tests.support.micropython import real_micropython

COMMAND = [sys.executable, "-c", "from comatrix.gateway.cli.main import main; main()"]


def test_the_console_shows_what_the_board_prints_and_ends_at_ctrl_bracket(tmp_path: Path) -> None:
    board = PtyBoard([*real_micropython().command, str(SERVER)], tmp_path, interrupts=True)
    words = [*COMMAND, "node", "console", board.path]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as console:
        assert console.stdin and console.stdout
        console.stdin.write(b"\x01print(41 + 1)\x04")
        heard = b""
        while b"42" not in heard:
            heard += console.stdout.read(1)
        console.stdin.write(b"\x1d")
        assert console.wait(20) == 0
    board.close()


def test_what_is_missing_is_said_with_the_next_command(comatrix: Comatrix, tmp_path: Path) -> None:
    told = comatrix("node", "flash", str(tmp_path / "none"), "--node", "garden")
    assert told.exit_code == 2 and "garden.json is not here" in told.stderr
    assert "next: comatrix node add garden" in told.stderr
    told = comatrix("node", "config", str(tmp_path / "none"))
    assert told.exit_code == 1 and "there is no such port" in told.stderr
    uf2 = tmp_path / "RPI_PICO_W.uf2"
    uf2.write_bytes(b"UF2\n")
    told = comatrix("node", "flash", "/dev/ttyACM0", "--image", str(uf2))
    assert told.exit_code == 1 and "drag it onto the drive" in told.stderr
    text = tmp_path / "no.bin"
    text.write_bytes(b"text")
    assert "no image for an ESP32" in comatrix("node", "flash", "/dev/ttyACM0", "--image", str(text)).stderr
