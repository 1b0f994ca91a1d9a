"""`comatrix node flash --image`: MicroPython itself on an ESP32, by esptool (an extra)."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from comatrix.gateway.cli.asking import agreed
from comatrix.gateway.edges.flashing import finding
from comatrix.gateway.errors import GatewayError, UsageError
from comatrix.gateway.flashing import silence

IMAGE_MAGIC = 0xE9  # espressif/esptool docs/en/advanced-topics/firmware-image-format.rst
CHIP_ID_AT, HEADER_BYTES = 12, 24
# Chip -> where its ROM looks for a boot loader, with which the image begins: espressif/esptool esptool/targets/*.py,
# IMAGE_CHIP_ID and BOOTLOADER_FLASH_OFFSET.
OFFSETS = {0: 0x1000, 2: 0x1000, 5: 0, 9: 0, 12: 0, 13: 0, 16: 0, 18: 0x2000, 20: 0, 23: 0x2000}


def offset_untrusted(header: bytes) -> int | None:
    """Where an image that begins like this goes in the flash of its chip; None: it is none for an ESP32."""
    if len(header) < HEADER_BYTES or header[0] != IMAGE_MAGIC:
        return None
    return OFFSETS.get(int.from_bytes(header[CHIP_ID_AT : CHIP_ID_AT + 2], "little"))


def commands(port: str, image: Path, offset: int, erase: bool) -> list[list[str]]:
    """esptool's command lines."""
    tool = [sys.executable, "-m", "esptool", "--port", port]
    write = [*tool, "--baud", "460800", "write_flash", hex(offset), str(image)]
    return [[*tool, "erase_flash"]] * erase + [write]


def write_image(port: str, image: Path, *, erase: bool, yes: bool, say: Callable[[str], None]) -> None:
    """Raises GatewayError."""
    if image.suffix.lower() == ".uf2":
        raise silence.uf2_words(next(iter(finding.uf2_drives()), None), image.name, image=str(image))
    with image.open("rb") as file:
        offset = offset_untrusted(file.read(HEADER_BYTES))
    if offset is None:
        raise UsageError(f"{image} is no image for an ESP32.", f"xdg-open {silence.IMAGES}")
    if importlib.util.find_spec("esptool") is None:
        raise GatewayError("esptool is not installed.", f"{sys.executable} -m pip install 'esptool>=4.8,<5'")
    if not yes:
        agreed(
            f"Write {image.name} over what is on the board at {port}?",
            f"comatrix node flash {port} --image {image} --yes",
        )
    for command in commands(port, image, offset, erase):
        if subprocess.run(command, check=False).returncode:
            raise GatewayError(
                f"{port}: esptool failed (above). Hold BOOT, press EN, let BOOT go, and try again.",
                f"comatrix node flash {port} --image {image}",
            )
    say(f"MicroPython is on the board. Next: comatrix node flash {port} --node NAME")
