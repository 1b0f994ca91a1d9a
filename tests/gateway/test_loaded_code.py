"""What a gateway has no use for is not in its memory."""

import subprocess
import sys
from pathlib import Path

import pytest

CONFIGURATION = """\
[homeserver]
url = "http://127.0.0.1:9"
user = "@bot:localhost"
"""
PROGRAM = """
import asyncio, sys
from pathlib import Path
from comatrix.gateway import running
from comatrix.gateway.cli import gateway, main
from comatrix.gateway.clock import zone
from comatrix.gateway.config.load import load
from comatrix.gateway.edges.matrix import MatrixClient

async def ask():
    client = MatrixClient("http://127.0.0.1:9")
    await client.versions()
    await client.aclose()

zone(load(Path(sys.argv[1]), {}).gateway.timezone)
asyncio.run(ask())
print(*(name for name, module in sys.modules.items() if module is not None))
"""
RADIO = '[radios.roof]\nport = "/dev/ttyUSB0"\n'
UTC = '[gateway]\ntimezone = "UTC"\n'
BERLIN = '[gateway]\ntimezone = "Europe/Berlin"\n'
UNUSED = (
    "zoneinfo",
    "comatrix_lora.mac",
    "comatrix.gateway.radio",
    "OpenSSL",
    "starlette",
    "serial",
    "difflib",
)


def loaded(folder: Path, more: str) -> set[str]:
    """The modules after start and a first request, by name."""
    path = folder / "config.toml"
    path.write_text(CONFIGURATION + more)
    command = [sys.executable, "-c", PROGRAM, str(path)]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(
    ("more", "used"),
    [(UTC, set()), (RADIO + BERLIN, {"comatrix_lora.mac", "comatrix.gateway.radio", "zoneinfo"})],
)
def test_only_what_is_configured_is_loaded(tmp_path: Path, more: str, used: set[str]) -> None:
    assert loaded(tmp_path, more) & set(UNUSED) == used
