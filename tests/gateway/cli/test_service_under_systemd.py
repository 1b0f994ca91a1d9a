"""`comatrix service install` under a real systemd: started, confined, watched, removed."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from comatrix.gateway.demo.free_port import free_port
from tests.gateway.cli.conftest import PASSWORD, Loopback
from tests.support.systemd_box import HOMES, PROGRAM, Run, systemd_box

pytestmark = pytest.mark.slow
DROP_IN = "/run/systemd/system/comatrix.service.d"
SOON = "[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\nRestartSec=0\n"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Run]:
    """A machine with systemd and `comatrix`."""
    (tmp_path / "box").mkdir()
    with systemd_box(tmp_path / "box") as run:
        yield run


def shown(box: Run, *names: str) -> dict[str, str]:
    lines = box("systemctl", "show", "--property", ",".join(names), "comatrix").stdout.splitlines()
    return dict(line.split("=", 1) for line in lines)


def until(what: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def everything(web: int) -> str:
    """The sections of what is to run within the confinement."""
    udp, dtls = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    return f"""
[udp]
bind = ["127.0.0.1:{udp}"]
[dtls]
listen = "127.0.0.1:{dtls}"
[http]
bind = "127.0.0.1:{web}"
"""


def test_the_service_starts_confined_is_watched_and_goes(box: Run, homeserver: Loopback) -> None:
    early = box(PROGRAM, "service", "install")
    assert early.returncode == 2 and f"XDG_CONFIG_HOME=/etc XDG_STATE_HOME=/var/lib {PROGRAM} init" in early.stderr
    words = ("init", "--homeserver", homeserver.url, "--user", "cx", "--password-file", "-")
    made = box(PROGRAM, *words, input=PASSWORD + "\n", **HOMES)
    assert made.returncode == 0, made.stderr
    web = free_port(socket.SOCK_STREAM)
    assert box("tee", "-a", "/etc/comatrix/comatrix.toml", input=everything(web)).returncode == 0

    installed = box(PROGRAM, "service", "install")
    journal = box("journalctl", "-u", "comatrix", "--no-pager", "-n", "30").stdout
    assert installed.returncode == 0, installed.stderr + journal
    state = shown(box, "ActiveState", "SubState", "NRestarts", "MainPID", "UnitFileState", "StatusText", "Type")
    assert (state["ActiveState"], state["SubState"], state["UnitFileState"]) == ("active", "running", "enabled"), (
        journal
    )
    assert state["NRestarts"] == "0" and state["StatusText"]  # READY=1 came with it
    assert httpx.get(f"http://127.0.0.1:{web}/healthz").status_code == 200
    told = box(PROGRAM, "service", "status", "--json")
    assert json.loads(told.stdout)["active"] == "active"

    main = state["MainPID"]
    process = dict(
        line.split(":\t", 1) for line in box("cat", f"/proc/{main}/status").stdout.splitlines() if ":\t" in line
    )
    user = box("id", "-u", "comatrix").stdout.strip()
    assert process["Uid"].split() == [user] * 4 and user != "0"
    assert (process["NoNewPrivs"], process["Seccomp"], int(process["CapBnd"], 16)) == ("1", "2", 0)
    refused = box("touch", f"/proc/{main}/root/usr/by-the-gateway")
    assert "Read-only file system" in refused.stderr
    kept = box(
        "find", "/var/lib/comatrix", "/etc/comatrix", "-maxdepth", "1", "-printf", "%u %m %p\n"
    ).stdout.splitlines()
    assert all(line.startswith("comatrix ") for line in kept) and "comatrix 750 /var/lib/comatrix" in kept

    member = ("setpriv", "--reuid", "nobody", "--regid", "comatrix", "--clear-groups")
    allowed = box(*member, PROGRAM, "status", **HOMES)
    assert allowed.returncode == 0, allowed.stderr
    stranger = box("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", PROGRAM, "status", **HOMES)
    assert stranger.returncode != 0 and "Traceback" not in stranger.stderr

    assert box("mkdir", DROP_IN).returncode == 0 and box("tee", f"{DROP_IN}/soon.conf", input=SOON).returncode == 0
    assert box("sh", "-c", "systemctl daemon-reload && systemctl restart comatrix").returncode == 0
    main = shown(box, "MainPID")["MainPID"]
    time.sleep(3)
    assert shown(box, "MainPID")["MainPID"] == main  # its signs of life come in time
    box("kill", "-STOP", main)
    assert until(lambda: shown(box, "NRestarts", "ActiveState") == {"NRestarts": "1", "ActiveState": "active"}, 20)
    assert shown(box, "MainPID")["MainPID"] != main
    assert "Watchdog timeout" in box("journalctl", "-u", "comatrix", "--no-pager").stdout

    gone = box(PROGRAM, "service", "uninstall")
    assert gone.returncode == 0, gone.stderr
    assert until(lambda: shown(box, "ActiveState")["ActiveState"] == "inactive", 5)
    assert box("ls", "/etc/systemd/system/comatrix.service").returncode != 0
    assert box("ls", "/var/lib/comatrix").stdout and box("ls", "/etc/comatrix/comatrix.toml").returncode == 0
