"""The Dockerfile, which cannot be built here: its healthcheck is run against a real server, its lines are looked at."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.edges.appservice.http import listening
from comatrix.gateway.edges.monitor import monitor_app

DOCKERFILE = (Path(__file__).resolve().parents[2] / "Dockerfile").read_text()
LINES = DOCKERFILE.replace("\\\n", " ").splitlines()


def instruction(name: str) -> str:
    """The last of its name, which is the one that counts."""
    return [line.split(maxsplit=1)[1] for line in LINES if line.startswith(name + " ")][-1]


@pytest.mark.parametrize(("trouble", "healthy"), [("", True), ("the homeserver has been unreachable for 120 s", False)])
async def test_the_healthcheck_is_red_when_healthz_is_whatever_proxy_there_is(trouble: str, healthy: bool) -> None:
    words: list[str] = json.loads(instruction("HEALTHCHECK").split("CMD ")[1])
    port = free_port(socket.SOCK_STREAM)
    code = words[2].replace(":5681/", f":{port}/")
    assert words[:2] == ["python", "-c"] and code != words[2]
    environment = {**os.environ, "http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
    async with AsyncExitStack() as stack:
        app = monitor_app(dict, lambda: trouble)  # type: ignore[arg-type]
        await stack.enter_async_context(listening(app, "127.0.0.1", port, section="http"))
        command = [sys.executable, "-c", code]
        loop = asyncio.get_running_loop()
        done = await loop.run_in_executor(
            None, lambda: subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        )
    assert (done.returncode == 0) == healthy, done.stderr
    assert healthy or "503" in done.stderr


def test_nothing_listening_is_red_and_the_port_is_the_one_configured() -> None:
    code = json.loads(instruction("HEALTHCHECK").split("CMD ")[1])[2]
    assert "COMATRIX_HTTP_BIND=127.0.0.1:5681" in DOCKERFILE and "127.0.0.1:5681/healthz" in code
    closed = code.replace(":5681/", f":{free_port(socket.SOCK_STREAM)}/")
    assert subprocess.run([sys.executable, "-c", closed], capture_output=True, check=False).returncode != 0


def test_it_runs_as_nobody_special_and_keeps_its_state_in_the_volume() -> None:
    assert instruction("USER") == "comatrix" and instruction("VOLUME") == "/data"
    assert "COMATRIX_HOME=/data" in instruction("ENV")
    assert all(line.split()[1] == "python:3.12-slim" for line in LINES if line.startswith("FROM "))
    for name in ("ENTRYPOINT", "CMD"):  # without a shell, which would keep the signal that stops it
        assert isinstance(json.loads(instruction(name)), list)
    updates = [line for line in LINES if "apt-get install" in line]
    assert updates and all(re.search(r"apt-get update && .*rm -rf /var/lib/apt/lists", line) for line in updates)
