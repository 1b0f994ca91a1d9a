"""Starts, kills and commands a homeserver process (tests/support/homeserver_process.py)."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from comatrix.gateway.demo import tied_process

START_TIMEOUT_S = 20.0


class HomeserverProcess:
    """A homeserver at `base_url`, in a process that ends with ours. With a `journal` it outlives kill -9."""

    def __init__(self, journal: Path | None = None, port: int = 0, *, server_name: str = "localhost") -> None:
        self.port = port
        self._journal = journal
        self._server_name = server_name
        self._process: asyncio.subprocess.Process | None = None

    @property
    def base_url(self) -> str:
        """Where clients find it: the same after a restart."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start, and wait until it listens. Again after `kill` or `stop`, on the same port."""
        command = [sys.executable, tied_process.__file__, str(os.getpid()), sys.executable, "-m"]
        command += ["tests.support.homeserver_process", "--port", str(self.port), "--server-name", self._server_name]
        command += ["--journal", str(self._journal)] if self._journal else []
        self._process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
        )
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), START_TIMEOUT_S)
        self.port = int(line.decode().removeprefix("port "))

    async def stop(self) -> None:
        """Politely; by force where that does not help."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """As a power cut of its machine would, but for what it wrote."""
        await self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: connections are taken by the kernel, and nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    async def control(self, method: str, name: str, **given: Any) -> dict[str, Any]:
        """One request to the control path."""
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            answer = await http.request(method, f"{self.base_url}/_control/{name}", json=given or None)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def register(self, user: str, password: str, admin: bool = False) -> str:
        """The user id of a new account."""
        return str((await self.control("POST", "register", user=user, password=password))["user_id"])

    async def fail(self, kind: str, **how: Any) -> None:
        """Let the next requests fail, see `homeserver_faults.Fault`."""
        await self.control("POST", "faults", kind=kind, **how)

    async def events(self) -> list[dict[str, Any]]:
        """Every event of every room, oldest first."""
        return list((await self.control("GET", "events"))["events"])

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    async def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()
