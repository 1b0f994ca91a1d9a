"""Every line of docs/howto/post-from-any-coap-device.md is run as it stands, and stores what the page says."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from comatrix.codec import cbor
from comatrix.gateway.model import Node
from comatrix.gateway.uplink.formats.reading import Profile
from tests.support.coap_servers import LOOPBACK, GatewayOnSocket, Servers

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto" / "post-from-any-coap-device.md").read_text(encoding="utf-8")
PLACE = "gateway.local:5685"
LINES = [line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]
BOTH, ONE, CAYENNE = {0: 2140, 1: 452}, {0: 2140}, {0: 2720}
METER = Node(9, "meter", 1, 1, security="plain", address=LOOPBACK)
CLIENTS = ("coap-client-notls", "aiocoap-client", "comatrix")


def client_of(line: str) -> str:
    return next(name for name in CLIENTS if re.search(rf"(^|\| ){name} ", line))


def stored_by(line: str) -> dict[int, int]:
    if "03670110" in line:
        return CAYENNE
    return ONE if re.search("-t 0 |--content-format 0 |--format text ", line) else BOTH


def seconds(line: str) -> object:
    """aiocoap's client takes a second to start."""
    slow = client_of(line) != "coap-client-notls"
    return pytest.param(line, marks=pytest.mark.slow) if slow else line


@pytest.fixture
def gateway(request: pytest.FixtureRequest) -> Iterator[GatewayOnSocket]:
    servers = Servers()
    made = servers.gateway(METER, b"")
    made.world.profiles["meter"] = Profile("temperature", "03670110" in request.node.callspec.params["line"])
    yield made
    servers.close()


@pytest.mark.parametrize("line", [seconds(line) for line in LINES])
def test_a_line_of_the_page_stores_the_readings_it_speaks_of(gateway: GatewayOnSocket, line: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for program in {client_of(line), *(["xxd"] if "xxd" in line else [])}:
        if shutil.which(program, path=path) is None:
            pytest.skip(f"{program} is not installed")
    assert PLACE in line
    typed = line.replace(PLACE, f"{LOOPBACK}:{gateway.port}")
    done = subprocess.run(
        ["/bin/sh", "-c", typed],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    stored = [cbor.decode_untrusted(record.body) for record in gateway.disk.records]
    assert stored == [stored_by(line)], done.stdout + done.stderr


def test_each_format_is_shown_with_each_client() -> None:
    assert len(LINES) == 21
    assert {name: sum(client_of(line) == name for line in LINES) for name in CLIENTS} == dict.fromkeys(CLIENTS, 7)
