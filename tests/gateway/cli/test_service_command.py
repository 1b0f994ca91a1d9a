"""The unit passes systemd's own check, the manager is told over a real socket, and errors say what to type."""

import asyncio
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from comatrix.gateway.cli.main import cli
from comatrix.gateway.config.unit import quoted, unit_text
from comatrix.gateway.edges.service_manager import ServiceManager

ROOT = Path(__file__).resolve().parents[3]


def test_the_unit_passes_systemd_analyze(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    file = tmp_path / "comatrix.service"
    file.write_text(unit_text("/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, timeout=30)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "comatrix" in line]
    assert (done.returncode, said) == (0, [])


def test_the_units_exposure_is_what_the_page_says(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    file = tmp_path / "comatrix.service"
    file.write_text(unit_text("/bin/true"))
    words = ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=16", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze is older than 250")
    assert done.returncode == 0, done.stdout
    assert "1.6" in (ROOT / "docs" / "howto" / "run-the-gateway.md").read_text()


def test_a_dry_run_prints_the_unit_and_changes_nothing() -> None:
    result = CliRunner().invoke(cli, ["service", "install", "--dry-run"])
    assert result.exit_code == 0
    for line in ("Type=notify", "WatchdogSec=120", "ProtectSystem=strict", "StateDirectory=comatrix", "User=comatrix"):
        assert line in result.stdout.splitlines()
    assert "MemoryMax=" in result.stdout and "useradd" in result.stderr
    assert not Path("/etc/systemd/system/comatrix.service").exists()


@pytest.mark.parametrize("what", ["install", "uninstall"])
def test_who_is_not_root_is_told_the_line_to_type(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = CliRunner().invoke(cli, ["service", what])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("next: sudo /") and result.stderr.endswith(f" service {what}\n")


def test_a_service_that_is_not_there_is_said() -> None:
    result = CliRunner().invoke(cli, ["service", "status"])
    assert result.exit_code == 2 and "next: sudo comatrix service install" in result.stderr


def test_a_path_is_one_word_to_systemd() -> None:
    assert quoted("/opt/comatrix/bin/comatrix") == "/opt/comatrix/bin/comatrix"
    assert quoted('/opt/my %h/"x"') == '"/opt/my %%h/\\"x\\""'


@pytest.mark.parametrize("abstract", [False, True])
async def test_the_manager_hears_ready_and_is_kept_alive_twice_an_interval(abstract: bool, tmp_path: Path) -> None:
    name = f"@comatrix-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind("\0" + name[1:] if abstract else name)
        heard.settimeout(2)
        manager = ServiceManager({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "7"}, 7)
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 2:
                raise asyncio.CancelledError

        manager.tell("READY=1", "STATUS=listening")
        with pytest.raises(asyncio.CancelledError):
            await manager.keep_alive(sleep)
        assert [heard.recv(99) for _ in range(3)] == [b"READY=1\nSTATUS=listening", b"WATCHDOG=1", b"WATCHDOG=1"]
        assert slept == [60.0, 60.0]


async def test_nobody_is_told_where_no_manager_asks() -> None:
    await ServiceManager({}, 7).keep_alive()  # ends at once
    ServiceManager({"NOTIFY_SOCKET": "/nowhere/socket"}, 7).tell("READY=1")
    assert ServiceManager({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "8"}, 7).watchdog_s == 0
