"""`comatrix demo` as a person types it: it shows every node, ends by itself or on Ctrl-C, and leaves nothing behind."""

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.processes import descendants
from tests.support.micropython import real_micropython

pytestmark = pytest.mark.slow


class Demo:
    """A running `comatrix demo`: what it said so far, and the processes it ever had."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said = ""
        self.family: dict[int, str] = {}

    @classmethod
    async def start(cls, scratch: Path, *words: str) -> "Demo":
        """With its temporary files below `scratch`."""
        environ = {**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(scratch)}
        return cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "comatrix", "demo", *words),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=environ,
            )
        )

    async def until(self, text: str, timeout_s: float = 60) -> None:
        """Read until it says so."""
        async with asyncio.timeout(timeout_s):
            while text not in self.said:
                await self.line(timeout_s)

    async def line(self, timeout_s: float) -> None:
        """Read one more line."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), timeout_s)
        assert line, f"it ended:\n{self.said}"
        self.said += line.decode()
        self._look()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._look()
        self._process.send_signal(signal.SIGINT)

    async def end(self, timeout_s: float = 60) -> int:
        """Its exit code, when it has ended."""
        assert self._process.stdout is not None
        async with asyncio.timeout(timeout_s):
            while line := await self._process.stdout.readline():
                self.said += line.decode()
                self._look()
            return await self._process.wait()

    def kill(self) -> None:
        """As by kill -9."""
        self._look()
        self._process.kill()

    def sweep(self) -> None:
        """End what should have ended: a failing test leaves nothing behind either."""
        for pid, command in self.family.items():
            if _lives(pid, command):
                os.kill(pid, signal.SIGKILL)

    def _look(self) -> None:
        self.family |= descendants(self._process.pid)


async def left_behind(demo: Demo) -> list[str]:
    """Processes that outlive it; they get a moment to be reaped."""
    for _ in range(20):
        living = [f"{pid}: {told}" for pid, told in demo.family.items() if _lives(pid, told)]
        if not living:
            break
        await asyncio.sleep(0.1)
    demo.sweep()
    return living


def files(scratch: Path) -> list[str]:
    """What stands there."""
    return [path.name for path in scratch.iterdir()]


def _lives(pid: int, command: str) -> bool:
    """The same process, not another one of that number."""
    try:
        told = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return False
    return bool(told) and told == command


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder with a short name: the demo's sockets stand in it, and a socket's name has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        yield Path(folder)


async def test_it_shows_every_node_and_ends_by_itself(scratch: Path) -> None:
    real_micropython()
    demo = await Demo.start(scratch, "--seconds", "10")
    assert await demo.end() == 0, demo.said
    for name in ("garden", "cellar", "roof"):
        assert re.search(rf"^\d\d:\d\d:\d\d  {name}: \d+\.\d\d °C", demo.said, re.MULTILINE), demo.said
    assert "Each reading in the room once: yes. In each node's order: yes." in demo.said
    assert re.search(r"user alice   password \S+   room #", demo.said)
    assert "Traceback" not in demo.said
    names = " ".join(demo.family.values())
    assert "micropython" in names and "synapse" in names and "gateway run" in names
    assert await left_behind(demo) == []
    assert not files(scratch)


async def test_a_node_is_told_things_and_each_reply_is_shown_as_it_changes(scratch: Path) -> None:
    real_micropython()
    demo = await Demo.start(scratch, "--seconds", "300")
    for line, reply in (
        ("alice: !cx set garden interval 2s", "garden: interval = 2 s - queued as #1, "),
        ("alice: !cx call garden lamp on", "garden: lamp(on) - queued as #2, "),
    ):
        await demo.until(f"  {line}\n", 120)
        await demo.until(f"\n    {reply}", 120)
        _, _, after = demo.said.partition(reply)
        while not re.search(r"^    -> confirmed by the node.* after it was typed$", after, re.MULTILINE):
            await demo.line(120)
            _, _, after = demo.said.partition(reply)
    demo.interrupt()
    assert await demo.end(60) == 0, demo.said
    assert "Each reading in the room once: yes. In each node's order: yes." in demo.said
    assert "-> confirmed by the node: 2 s, " in demo.said, "the node's own value"
    assert await left_behind(demo) == []


@pytest.mark.parametrize("moment", ["starting Synapse", "Synapse answers", "Ends by itself", "readings delivered"])
async def test_ctrl_c_ends_it_cleanly_at_any_moment(scratch: Path, moment: str) -> None:
    real_micropython()
    demo = await Demo.start(scratch, "--seconds", "60")
    await demo.until(moment)
    demo.interrupt()
    assert await demo.end(30) in (0, 130), demo.said
    assert "Traceback" not in demo.said and "rror" not in demo.said, demo.said
    assert "Done." in demo.said
    assert await left_behind(demo) == []
    assert not files(scratch)


async def test_killed_without_warning_it_takes_its_processes_along(scratch: Path) -> None:
    real_micropython()
    demo = await Demo.start(scratch, "--seconds", "60")
    await demo.until("readings delivered")
    demo.kill()
    await demo.end()
    assert len(demo.family) >= 5
    assert await left_behind(demo) == []
