"""What a person is told of boards: found by USB id, silent, busy, too old; and nothing secret."""

import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from comatrix.gateway.cli import node_set
from comatrix.gateway.cli.node_image import commands, offset_untrusted, write_image
from comatrix.gateway.edges.flashing import finding
from comatrix.gateway.edges.radio.port_users import users_of
from comatrix.gateway.errors import UsageError
from comatrix.gateway.flashing import pins, silence, usb_ids, wanted
from comatrix.gateway.flashing.about import Board, about, check_node, check_uploader
from comatrix.gateway.flashing.procedure import BoardError
from tests.support.micropython import ROOT

BOARDS = ROOT / "firmware" / "micropython" / "boards"
CONFIG = {"v": 1, "node": 3, "name": "garden", "secret": "ab" * 16, "enrolment": 1, "gateway": "pi", "interval_s": 60}


@dataclass
class ListedPort:
    """As pyserial lists them."""

    device: str
    vid: int | None
    pid: int | None
    description: str = "something"


def board(version: tuple[int, ...], *, ciphers: bool = True) -> Board:
    return Board(version, "esp32", "Generic ESP32 module with ESP32", None, True, True, ciphers)


def test_boards_are_found_by_their_usb_ids(tmp_path: Path) -> None:
    ports = [ListedPort("/dev/ttyUSB1", 0x1A86, 0x7523), ListedPort("/dev/ttyS0", None, None)]
    ports.append(ListedPort("/dev/ttyACM0", 0x1234, 0x5678))
    found = finding.boards(ports, tmp_path, tmp_path / "mounts")
    assert [one.port for one in found] == ["/dev/ttyACM0", "/dev/ttyUSB1"]
    assert "not in the table" in found[0].name and "CH340" in found[1].name
    assert len({(row.vendor, row.product) for row in usb_ids.TABLE}) == len(usb_ids.TABLE)
    for row in usb_ids.TABLE:
        assert "/" in row.source.split()[0] and len(row.source.split()) > 1, row.name  # repository and path
        assert (row.kind == usb_ids.BOOTLOADER) == bool(row.volume and row.image), row.name


def test_a_board_in_its_boot_loader_is_found_with_its_drive(tmp_path: Path) -> None:
    device, drive = tmp_path / "sys" / "1-1", tmp_path / "my drive"
    device.mkdir(parents=True)
    drive.mkdir()
    (device / "idVendor").write_text("2e8a\n")
    (device / "idProduct").write_text("0003\n")
    (drive / "INFO_UF2.TXT").write_text("UF2 Bootloader")
    mounts = tmp_path / "mounts"
    escaped = str(drive).replace(" ", "\\040")
    mounts.write_text(f"proc /proc proc rw 0 0\n/dev/sda1 {escaped} vfat rw 0 0\n/dev/sdb1 /nowhere vfat rw 0 0\n")
    [found] = finding.boards([], tmp_path / "sys", mounts)
    assert (found.port, found.drive) == (None, str(drive)) and "BOOTSEL" in found.name
    words = found.to_do()
    assert str(drive) in words.text and f"'{drive}'/" in words.next_step


def test_two_boards_in_their_boot_loaders_each_have_their_drive(tmp_path: Path) -> None:
    mounts = []
    for product, volume in (("0003", "RPI-RP2"), ("000f", "RP2350")):
        (device := tmp_path / "sys" / product).mkdir(parents=True)
        (device / "idVendor").write_text("2e8a\n")
        (device / "idProduct").write_text(f"{product}\n")
        (tmp_path / volume).mkdir()
        (tmp_path / volume / "INFO_UF2.TXT").write_text("UF2 Bootloader")
        mounts.append(f"/dev/sda1 {tmp_path / volume} vfat rw 0 0\n")
    (tmp_path / "mounts").write_text("".join(mounts))
    one, two = finding.boards([], tmp_path / "sys", tmp_path / "mounts")
    assert one.to_do().next_step.startswith(f"cp RPI_PICO_W.uf2 {tmp_path}/RPI-RP2/ ")
    assert two.to_do().next_step.startswith(f"cp RPI_PICO2_W.uf2 {tmp_path}/RP2350/ ")
    (tmp_path / "mounts").write_text("")
    _, unmounted = finding.boards([], tmp_path / "sys", tmp_path / "mounts")
    assert "/media/$USER/RP2350/ " in unmounted.to_do().next_step


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (b"rst:0x1,boot:0x3 (DOWNLOAD_BOOT(UART0))\r\nwaiting for download\r\n", "in its boot loader"),
        (b"rst:0x10\r\ninvalid header: 0xffffffff\r\n" * 9, "no MicroPython on this ESP32"),
        (b"Adafruit CircuitPython 9.0", "CircuitPython"),
        (b"", "Nothing answers"),
        (b"+OK\r\n", "Something speaks, but no MicroPython"),
    ],
)
def test_why_a_board_is_silent_is_said_with_the_next_command(heard: bytes, told: str) -> None:
    error = silence.words_of(heard, "/dev/ttyUSB0")
    assert told in error.text and error.next_step


def test_old_versions_are_told_what_they_can_and_what_not() -> None:
    check_uploader(board((1, 9, 2)))
    check_node(board((1, 25, 0)))
    for check, wrong in ((check_uploader, board((1, 8, 7))), (check_node, board((1, 24, 1)))):
        with pytest.raises(BoardError, match="The board has MicroPython"):
            check(wrong)
    with pytest.raises(BoardError, match="no `cryptolib`"):
        check_node(board((1, 25, 0), ciphers=False))


@pytest.mark.parametrize(
    "printed",
    [
        b"",
        b"\xff",
        b"[1]",
        b"(" * 5000,
        b"['micropython', 1]",
        b"['circuitpython', ['9'], 'x', 1, 2, True, True, True]",
    ],
)
def test_a_board_that_answers_nonsense_is_an_error_in_words(printed: bytes) -> None:
    asked = about()
    next(asked)
    with pytest.raises(BoardError):
        asked.send(printed)


def test_who_has_a_port_is_found() -> None:
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=slave) as process:
        assert [number for number, command in users_of(path) if "input()" in command] == [process.pid]
        process.kill()
    os.close(master)
    os.close(slave)


def test_a_board_is_known_by_its_image_or_by_name() -> None:
    known = pins.tables(BOARDS)
    chosen = pins.chosen(known, None, "Generic ESP32S3 module with ESP32S3")
    assert chosen and chosen.name == "esp32s3"
    assert pins.chosen(known, None, "a board of my own") is None
    named = pins.chosen(known, "t_beam", "Generic ESP32 module with ESP32")
    assert named and named.name == "t_beam"
    with pytest.raises(UsageError, match="no pin table"):
        pins.chosen(known, "t_bone", "")


def test_secrets_are_hidden_and_the_boards_wifi_stays() -> None:
    values = wanted.changed(CONFIG, interval_s=600, gateway=None, wifi=("home", "hush"))
    assert values["interval_s"] == 600 and CONFIG["interval_s"] == 60
    shown = str(wanted.shown(values))
    assert "hush" not in shown and "abab" not in shown and "home" in shown
    assert wanted.with_board_wifi(CONFIG, values)["wifi"] == {"ssid": "home", "password": "hush"}
    with pytest.raises(BoardError, match="no Wi-Fi"):
        wanted.changed({"name": "x", "lora": {}}, interval_s=None, gateway=None, wifi=("a", "b"))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"name": 1, "node": 2}'])
def test_what_is_no_configuration_is_said(data: bytes) -> None:
    with pytest.raises(UsageError, match="no file that"):
        wanted.config_untrusted(data, "garden.json")


def image_of(chip: int) -> bytes:
    """The header of an image (espressif/esptool docs, "Firmware Image Format")."""
    return bytes((0xE9, 4, 2, 0x20)) + bytes(8) + chip.to_bytes(2, "little") + bytes(10)


@pytest.mark.parametrize(
    ("name", "chip", "offset"), [("ESP32", 0, 0x1000), ("S2", 2, 0x1000), ("C3", 5, 0), ("S3", 9, 0), ("C6", 13, 0)]
)
def test_an_image_goes_where_its_chip_begins(name: str, chip: int, offset: int) -> None:
    assert offset_untrusted(image_of(chip)) == offset
    erase, write = commands("/dev/ttyUSB0", Path("x.bin"), offset, True)
    assert erase[-1] == "erase_flash" and write[-2:] == [hex(offset), "x.bin"]


@pytest.mark.parametrize("data", [b"", image_of(0)[:23], b"\x00" + image_of(0)[1:], image_of(0xFFFF)])
def test_what_is_no_image_of_a_known_chip_is_not_written(data: bytes, tmp_path: Path) -> None:
    assert offset_untrusted(data) is None
    image = tmp_path / "some.bin"
    image.write_bytes(data)
    with pytest.raises(UsageError, match="no image for an ESP32"):
        write_image("/dev/null", image, erase=False, yes=True, say=print)


def test_a_uf2_image_is_to_be_copied_onto_the_drive(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="drag it onto the drive") as raised:
        write_image("/dev/null", tmp_path / "my image.uf2", erase=False, yes=True, say=print)
    assert raised.value.next_step.startswith(f"cp '{tmp_path / 'my image.uf2'}' ")


@pytest.mark.parametrize(
    ("config", "chosen"),
    [({"gateway": "a:5683"}, "udp"), ({"security": "dtls", "gateway": "a:5684"}, "dtls"), ({"lora": {}}, "lora")],
)
def test_a_board_gets_the_set_its_node_runs(config: dict[str, object], chosen: str) -> None:
    assert node_set.set_of(config) == chosen
    assert chosen in node_set.BUILT
