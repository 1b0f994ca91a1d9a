"""`comatrix node flash --image`: MicroPython itself on an ESP32, by esptool (an extra)."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click

from comatrix.gateway.edges.flashing import finding
from comatrix.gateway.errors import GatewayError, UsageError
from comatrix.gateway.flashing import silence

# Where the image begins: 0x1000 on the first ESP32 and S2, 0 on later chips (MicroPython's deploy.md of each board).
EARLY = (b"ESP32_GENERIC-", b"ESP32_GENERIC.", b"ESP32_GENERIC_S2", b"LILYGO_TTGO")
IMAGE_MAGIC = 0xE9  # Espressif, "Firmware Image Format"


def offset_of(image: Path) -> str:
    """By the name MicroPython's downloads have."""
    return "0x1000" if image.name.encode().startswith(EARLY) else "0x0"


def commands(port: str, image: Path, erase: bool) -> list[list[str]]:
    """esptool's command lines."""
    tool = [sys.executable, "-m", "esptool", "--port", port]
    return [[*tool, "erase_flash"]] * erase + [[*tool, "--baud", "460800", "write_flash", offset_of(image), str(image)]]


def write_image(port: str, image: Path, *, erase: bool, yes: bool, say: Callable[[str], None]) -> None:
    """Raises GatewayError."""
    if image.suffix.lower() == ".uf2":
        raise silence.uf2_words(next(iter(finding.uf2_drives()), None), image.name)
    with image.open("rb") as file:
        if file.read(1) != bytes((IMAGE_MAGIC,)):
            raise UsageError(f"{image} is no image for an ESP32.", f"xdg-open {silence.IMAGES}")
    if importlib.util.find_spec("esptool") is None:
        raise GatewayError("esptool is not installed.", f"{sys.executable} -m pip install 'esptool>=4.8,<5'")
    if not yes:
        click.confirm(f"Write {image.name} over what is on the board at {port}?", abort=True)
    for command in commands(port, image, erase):
        if subprocess.run(command, check=False).returncode:
            raise GatewayError(
                f"{port}: esptool failed (above). Hold BOOT, press EN, let BOOT go, and try again.",
                f"comatrix node flash {port} --image {image}",
            )
    say(f"MicroPython is on the board. Next: comatrix node flash {port} --node NAME")
