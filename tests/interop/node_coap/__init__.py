"""node-coap, the npm package `coap`, as a client: one process that makes requests as lines of JSON say."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import npm_package

HERE = Path(__file__).parent
PACKAGE = "coap"
_PATIENCE_S = 20


def modules_or_reason() -> Path | str:
    """Where npm put the package in the version package.json names, or why it is not there."""
    return npm_package.modules_or_reason(HERE, PACKAGE, "node-coap")


class NodeCoap:
    """A running client."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self._port = port
        self._asked = 0

    async def ask(self, method: str, path: str, payload: bytes = b"", **parts: object) -> dict[str, Any]:
        """The answer: code, payload, options; or error."""
        self._asked += 1
        asked = {"id": self._asked, "port": self._port, "path": path, "method": method, "payload": payload.hex()}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({**asked, **parts}).encode() + b"\n")
        answer = await self.line()
        while answer["id"] != self._asked or "notified" in answer:
            answer = await self.line()  # one of before
        return answer

    async def line(self) -> dict[str, Any]:
        """What it says next, as of a notification."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), _PATIENCE_S)
        found: dict[str, Any] = json.loads(line)
        return found


@asynccontextmanager
async def node_coap(port: int) -> AsyncIterator[NodeCoap]:
    """A client that asks at this port of the loopback interface. Skips the test where there is none."""
    modules = modules_or_reason()
    if isinstance(modules, str):
        pytest.skip(modules)
    process = await asyncio.create_subprocess_exec(
        *("node", str(HERE / "client.cjs"), str(modules)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield NodeCoap(process, port)
    finally:
        process.kill()
        await process.wait()
