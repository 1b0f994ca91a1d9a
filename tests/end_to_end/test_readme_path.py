"""The README's way from a clone to a sensor of one's own that obeys: its very lines, typed in their order."""

import asyncio
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from comatrix.gateway.demo.free_port import free_port
from tests.end_to_end.test_demo import Demo
from tests.support.micropython import real_micropython

ROOT = Path(__file__).parents[2]
HEADING = "## A sensor of your own, without hardware"
PROGRAM = ".venv/bin/comatrix"
STAYS = ("gateway run", "node run garden")
PATIENCE_S = 60


def lines() -> list[str]:
    """What that section has a person type."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split(HEADING)[1].split("\n## ")[0]
    blocks = re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def test_it_is_eight_commands_with_the_clone_the_demo_and_the_chat() -> None:
    typed = lines()
    assert len(["git clone", "make demo", *typed]) == 8
    assert typed[-1].startswith("!cx set garden ")
    assert all(line.startswith(f"{PROGRAM} --home .cache/trial ") for line in typed[:-1])


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder with a short name, for sockets."""
    with tempfile.TemporaryDirectory(prefix="way-") as folder:
        yield Path(folder)


@pytest.fixture
async def demo(scratch: Path) -> AsyncIterator[Demo]:
    """What `make demo` starts, once it has said how to go on."""
    real_micropython()
    running = await Demo.start(scratch, "--no-lora", "--nodes", "1")
    await running.until("as user trial with that password", 120)
    yield running
    running.interrupt()
    await running.end()
    running.sweep()


class Terminal:
    """Where lines are typed. `kept`: what still runs."""

    def __init__(self, folder: Path, password: str) -> None:
        udp = f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"  # 5683 may be another test's
        self._environ = {**os.environ, "COMATRIX_UDP_BIND": udp, "COMATRIX_GATEWAY_ADDRESS": udp}
        self._folder = folder
        self._password = password
        self.kept: list[subprocess.Popen[bytes]] = []

    def type(self, line: str) -> None:
        """A line with `PROGRAM`: to its end, or left running where it stays."""
        words = [*(sys.executable, "-m", "comatrix"), *shlex.split(line, comments=True)[1:]]
        if line.endswith(STAYS):
            self.kept.append(subprocess.Popen(words, cwd=self._folder, env=self._environ))
            time.sleep(2)
        else:
            assert self._answered(words) == 0, line

    def _answered(self, words: list[str]) -> int:
        """At a terminal of its own, where the password is asked for."""
        pid, terminal = os.forkpty()
        if not pid:
            os.chdir(self._folder)
            os.execve(words[0], words, self._environ)
        said = b""
        while True:
            try:
                said += (data := os.read(terminal, 1024))
            except OSError:
                break
            if not data:
                break
            if b"assword" in data:
                os.write(terminal, self._password.encode() + b"\n")
        print(said.decode())
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def close(self) -> None:
        """Ctrl-C everywhere."""
        for process in reversed(self.kept):
            process.send_signal(signal.SIGINT)
            process.wait(20)


class Chat:
    """Alice's client, over plain HTTP."""

    def __init__(self, url: str, password: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/_matrix/client/v3", timeout=30)
        user = {"type": "m.id.user", "user": "alice"}
        answer = self._client.post(
            "/login", json={"type": "m.login.password", "identifier": user, "password": password}
        )
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def accept(self, alias: str) -> str:
        """The invitation -> the room's id."""
        answer = self._client.post(f"/join/{alias.replace('#', '%23')}", json={})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["room_id"])

    def say(self, room: str, text: str, number: int) -> None:
        sent = self._client.put(
            f"/rooms/{room}/send/m.room.message/t{number}", json={"msgtype": "m.text", "body": text}
        )
        assert sent.status_code == 200, sent.text

    def read(self, room: str) -> list[dict[str, Any]]:
        """What the room holds."""
        found: list[dict[str, Any]] = self._client.get(
            f"/rooms/{room}/messages", params={"dir": "f", "limit": 500}
        ).json()["chunk"]
        return found

    def wait_for(self, room: str, words: str) -> None:
        """Until a message says so."""
        until = time.monotonic() + PATIENCE_S
        while not any(words in str(event["content"].get("body")) for event in self.read(room)):
            assert time.monotonic() < until, [event["content"].get("body") for event in self.read(room)]
            time.sleep(0.2)


@pytest.mark.slow
async def test_the_readmes_lines_end_with_a_sensor_that_obeys(demo: Demo, scratch: Path) -> None:
    url, password = re.search(r"homeserver (\S+)   user alice   password (\S+)", demo.said).groups()  # type: ignore[union-attr]
    folder = scratch / "clone"
    folder.mkdir()
    terminal = Terminal(folder, password)
    *typed, chatted = lines()

    def walk() -> None:
        for line in typed:
            terminal.type(line.replace("http://127.0.0.1:PORT", url))
        alice = Chat(url, password)
        room = alice.accept("#garden:localhost")
        alice.wait_for(room, "garden: ")  # its first reading
        alice.say(room, chatted, 1)
        alice.wait_for(room, "garden: interval = 5 s - confirmed by the node: 5 s")

    try:
        await asyncio.to_thread(walk)
    finally:
        await asyncio.to_thread(terminal.close)
