"""A homeserver that answers at once and forgets: what the gateway costs by itself. A process of its own on loopback.

It knows the few calls the bench's gateway makes, and checks nothing. As a program it prints its port.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable
from typing import Any

from comatrix.gateway.demo import tied_process
from comatrix.gateway.errors import GatewayError

MAX_BODY = 1 << 20
HOLD_S = 30.0  # how long a /sync waits for news that never comes
Answer = tuple[int, dict[str, Any]]


class InstantHomeserver:
    """Where the stage wants a homeserver: `start`, `register`, `base_url`, `stop`."""

    def __init__(self) -> None:
        self.base_url = ""
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts the process. Raises GatewayError."""
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, tied_process.__file__, str(os.getpid()), sys.executable, "-m", __name__),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            raise GatewayError("the bench's homeserver did not start")
        self.base_url = f"http://127.0.0.1:{int(line)}"

    async def register(self, name: str, password: str) -> None:
        """Everybody is welcome."""

    async def stop(self) -> None:
        """Ends the process by its pid."""
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()


class _Answers:
    """Counts what it makes, so that every id is new."""

    def __init__(self) -> None:
        self._made = 0

    def event(self, match: re.Match[str], body: bytes) -> Answer:
        self._made += 1
        return 200, {"event_id": f"$event{self._made}"}

    def room(self, match: re.Match[str], body: bytes) -> Answer:
        self._made += 1
        return 200, {"room_id": f"!room{self._made}:localhost"}

    def joined(self, match: re.Match[str], body: bytes) -> Answer:
        return 200, {"room_id": match[1].replace("%21", "!").replace("%3A", ":")}

    def account(self, match: re.Match[str], body: bytes) -> Answer:
        asked = json.loads(body)
        user = f"@{asked['identifier']['user']}:localhost"
        return 200, {"user_id": user, "device_id": asked["device_id"], "access_token": f"token-of-{user}"}

    def versions(self, match: re.Match[str], body: bytes) -> Answer:
        return 200, {"versions": ["v1.11"]}

    def capabilities(self, match: re.Match[str], body: bytes) -> Answer:
        return 200, {"capabilities": {"m.room_versions": {"default": "12", "available": {"12": "stable"}}}}

    def news(self, match: re.Match[str], body: bytes) -> Answer:
        return 200, {"next_batch": "s1"}


ROUTES: list[tuple[re.Pattern[str], Callable[[_Answers, re.Match[str], bytes], Answer]]] = [
    (re.compile(r"PUT \S+/send/"), _Answers.event),
    (re.compile(r"GET \S+/sync"), _Answers.news),
    (re.compile(r"POST \S+/createRoom"), _Answers.room),
    (re.compile(r"POST \S+/join/([^ ?]+)"), _Answers.joined),
    (re.compile(r"POST \S+/login"), _Answers.account),
    (re.compile(r"GET \S+/versions"), _Answers.versions),
    (re.compile(r"GET \S+/capabilities"), _Answers.capabilities),
]


async def _serve() -> None:
    answers = _Answers()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await _exchange(answers, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


async def _exchange(answers: _Answers, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request and its answer (HTTP/1.1, a length on both)."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = re.search(r"(?i)\r\ncontent-length: *(\d+)", head)
    body = await reader.readexactly(min(int(length[1]), MAX_BODY)) if length else b""
    if "/sync?" in head and "since=" in head.partition("\r\n")[0]:
        await asyncio.sleep(HOLD_S)
    for pattern, answer in ROUTES:
        if match := pattern.match(head):
            status, value = answer(answers, match, body)
            break
    else:
        status, value = 404, {"errcode": "M_NOT_FOUND", "error": "there is none"}
    data = json.dumps(value).encode()
    lines = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    writer.write(lines.encode() + data)
    await writer.drain()


if __name__ == "__main__":
    asyncio.run(_serve())
