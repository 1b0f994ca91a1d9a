"""`comatrix radio probe` against emulated modules on pseudo terminals."""

import asyncio
import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from comatrix.gateway.cli.main import cli
from tests.gateway.radio.ports import Desk


class Modules:
    """A desk on a loop of its own: the command has another."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.desks: list[Desk] = []

    def desk(self, folder: Path, kind: str, **manners: object) -> list[str]:
        async def make() -> Desk:
            return Desk(folder, kind, **manners)

        self.desks.append(asyncio.run_coroutine_threadsafe(make(), self.loop).result(5))
        for module in self.desks[-1].modules:
            if hasattr(module, "mode"):
                module.mode = "0"
        return [str(path) for path in self.desks[-1].paths]

    def close(self) -> None:
        async def end() -> None:
            for desk in self.desks:
                desk.modems.close()

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()


@pytest.fixture
def modules() -> Iterator[Modules]:
    found = Modules()
    yield found
    found.close()


def probe(*words: str) -> Result:
    return CliRunner().invoke(cli, ["radio", "probe", *words])


def test_it_tells_the_module_its_firmware_and_its_parameters(modules: Modules, tmp_path: Path) -> None:
    port, _ = modules.desk(tmp_path, "rylr998")
    said = probe(port)
    assert said.exit_code == 0, said.output
    assert f"Asking {port} at 115200 baud" in said.stdout
    assert f"{port}: RYLR, firmware RYLR998_REYAX_V1.2.2" in said.stdout
    assert "PARAMETER 9,7,1,12" in said.stdout and "BAND 915000000" in said.stdout
    assert said.stdout.endswith("All byte values: not tested: needs --peer\n")


@pytest.mark.parametrize(
    ("kind", "version", "p2p"),
    [("rui3", "RUI_4.0.6_RAK3172-E", "868000000:7:0:0:8:14"), ("rak-old", "V1.0.4", "868000000:7:125:0:8:14")],
)
def test_a_rak_of_either_firmware_is_told_as_json(
    modules: Modules, tmp_path: Path, kind: str, version: str, p2p: str
) -> None:
    port, _ = modules.desk(tmp_path, kind)
    said = probe(port, "--json")
    found = json.loads(said.stdout)
    assert (found["kind"], found["version"], found["parameters"]["P2P"]) == ("RAK3172", version, p2p)
    assert (found["peer"], found["binary_safe"]) == (None, None)


@pytest.mark.parametrize(
    ("kind", "stops_at", "safe"),
    [
        ("rylr998", b"", True),
        pytest.param("rylr998", b"\0", False, marks=pytest.mark.slow),
        pytest.param("rylr998", b"\r\n", False, marks=pytest.mark.slow),
        ("rui3", b"", True),
    ],
)
def test_a_peer_shows_whether_all_byte_values_pass(
    modules: Modules, tmp_path: Path, kind: str, stops_at: bytes, safe: bool
) -> None:
    port, peer = modules.desk(tmp_path, kind, stops_at=stops_at)
    for module in modules.desks[0].modules:  # a short airtime, for a short test
        module.settings = type(module.settings)(868_100_000, 7, 500_000, 5, 12, 14)
    said = probe(port, "--peer", peer, "--json", "--baud", "115200")
    found = json.loads(said.stdout)
    assert said.exit_code == 0 and found["hears_peer"] is True
    assert found["binary_safe"] is safe and bool(found["failed"]) is not safe
    assert "They hear each other." in said.stderr


def test_the_words_say_what_follows_from_it(modules: Modules, tmp_path: Path) -> None:
    port, peer = modules.desk(tmp_path, "rui3")
    said = probe(port, "--peer", peer)
    assert "All byte values: passed. Frames may travel as they are." in said.stdout
    assert f"{peer} is set as {port} is" in said.stdout


def test_a_rak_in_lorawan_mode_is_not_switched_over_by_a_test(modules: Modules, tmp_path: Path) -> None:
    port, peer = modules.desk(tmp_path, "rui3")
    for module in modules.desks[0].modules:
        setattr(module, "mode", "1")  # noqa: B010 - the attribute is the RAK's alone
    said = probe(port, "--peer", peer)
    assert said.exit_code == 1 and "AT+NWM=0" in said.stderr
    assert [getattr(module, "mode") for module in modules.desks[0].modules] == ["1", "1"]  # noqa: B009


@pytest.mark.slow
def test_nothing_that_answers_is_exit_code_3(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    said = probe(os.ttyname(slave), "--baud", "9600")
    os.close(master)
    os.close(slave)
    assert said.exit_code == 3
    assert "nothing that we know answers at 9600 baud" in said.stderr
    assert said.stderr.splitlines()[-1].startswith("next: comatrix radio probe")


def test_a_port_that_is_not_there_is_told_with_the_next_command(tmp_path: Path) -> None:
    said = probe(str(tmp_path / "none"))
    assert said.exit_code == 1 and "there is no such port" in said.stderr
    assert said.stderr.splitlines()[-1].startswith("next: ls -l")


def test_the_same_port_twice_is_wrong_usage() -> None:
    assert probe("/dev/x", "--peer", "/dev/x").exit_code == 2


def test_serial_ports_are_imported_by_the_first_port_alone() -> None:
    code = "import sys, comatrix.gateway.app, comatrix.gateway.edges.radio.radio; sys.exit('serial' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
