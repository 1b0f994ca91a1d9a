"""What a person reads when flashing cannot go on: whose fault it is, and the next command."""

import contextlib
import grp
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import Comatrix
from tests.gateway.cli.node_to_flash import make_node, on_board, words
from tests.support.emulated_board import PtyBoard
from tests.support.qemu_boards import qemu_board
from tests.support.typed_at_terminal import MAIN, typed_at_terminal

HOLDS = "import serial, sys; it = serial.Serial(sys.argv[1], exclusive=True); print('held', flush=True); input()"
READS = "import sys; it = open(sys.argv[1], 'rb'); print('held', flush=True); input()"
# What the ROM of an ESP32 says after a reset with BOOT held, and then nothing (Espressif, "Boot Mode Selection").
ROM = "import sys, time; print('rst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0))'); "
ROM += "print('waiting for download', flush=True); time.sleep(600)"


@contextlib.contextmanager
def open_elsewhere(code: str, port: str) -> Iterator[int]:
    """A process that has the port open."""
    command = [sys.executable, "-c", code, port]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdout.readline() == b"held\n"
        yield holder.pid
        holder.kill()


@pytest.fixture
def port() -> Iterator[str]:
    """A terminal device at whose other end nobody is."""
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def test_a_busy_port_names_the_process_that_holds_it(port: str, comatrix: Comatrix, tmp_path: Path) -> None:
    make_node(tmp_path)
    with open_elsewhere(HOLDS, port) as holder:
        told = comatrix(*words(port, tmp_path))
    assert told.exit_code == 1
    assert f"(process {holder})" in told.stderr and "import serial" in told.stderr
    assert f"next: ps -fp {holder}" in told.stderr


def test_somebody_who_may_not_use_the_port_is_told_the_line_to_type(port: str) -> None:
    command, group = (
        [sys.executable, "-c", MAIN, "node", "erase", port, "--yes"],
        grp.getgrgid(Path(port).stat().st_gid),
    )
    if os.getuid() == 0:
        group = grp.getgrnam("dialout")
        os.chown(port, 65534, group.gr_gid)
        command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command]
    Path(port).chmod(0)
    told = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LOGNAME": "maker"}, check=False)
    assert told.returncode == 1 and f"join its group {group.gr_name}" in told.stderr, told.stderr
    assert told.stderr.splitlines()[-1] == f"next: sudo usermod -aG {group.gr_name} maker"


@pytest.mark.slow
def test_a_port_that_another_program_reads_too_names_it(port: str, comatrix: Comatrix) -> None:
    with open_elsewhere(READS, port) as holder:
        told = comatrix("node", "erase", port, "--yes")
    assert told.exit_code == 1 and f"(process {holder})" in told.stderr, told.stderr


@pytest.mark.slow
def test_a_board_in_its_boot_loader_is_told_so(comatrix: Comatrix, tmp_path: Path) -> None:
    make_node(tmp_path)
    rom = PtyBoard([sys.executable, "-c", ROM], tmp_path, interrupts=False)
    try:
        told = comatrix(*words(rom.path, tmp_path))
    finally:
        rom.close()
    assert told.exit_code == 1 and "in its boot loader" in told.stderr
    assert "Press its reset button (EN or RST), without BOOT" in told.stderr
    assert f"node flash {rom.path} --image ESP32_GENERIC.bin" in told.stderr


@pytest.mark.slow
def test_a_full_flash_is_said_with_what_to_type(node_board: PtyBoard, tmp_path: Path) -> None:
    (tmp_path / "flash_size").write_text("500")
    code, shown = typed_at_terminal(words(node_board.path, tmp_path), tmp_path)
    assert code == 1 and "flash is full" in shown and "one.mpy does not fit" in shown
    assert shown.strip().endswith(f"node erase {node_board.path}")
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is back


@pytest.mark.slow
@pytest.mark.parametrize("erase", [(), ("--erase", "--yes")])
def test_a_board_with_an_old_micropython_is_told_which_it_needs(
    erase: tuple[str, ...], comatrix: Comatrix, tmp_path: Path
) -> None:
    make_node(tmp_path)
    microbit = qemu_board("microbit", tmp_path)
    try:
        told = comatrix(*words(microbit.path, tmp_path, *erase))
    finally:
        microbit.close()
    assert told.exit_code == 1, told.output
    assert "The board has MicroPython 1.9.2; the node needs 1.25 or newer" in told.stderr
    assert told.stderr.strip().endswith("next: xdg-open https://micropython.org/download/")
    assert "Deleted" not in told.output and on_board(tmp_path)
