"""The Unix socket through which the command line reaches a running gateway: one JSON object a line, both ways.

    {"op": "node.list", "args": {}}  ->  {"ok": true, "result": ...}
                                     or  {"ok": false, "error": "...", "next": "...", "exit": 1}

An operation that yields answers {"ok": true, "result": ..., "more": true} an item, then {"ok": true, "end": true}.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

from comatrix.errors import ComatrixError
from comatrix.gateway.errors import GatewayError, UsageError

Operations = Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Any] | AsyncGenerator[Any, None]]]

MAX_LINE_BYTES = 65_536
MAX_CLIENTS = 16
IDLE_S = 60.0  # a client that asks nothing gives up its place
SLOW_S = 10.0  # so does one that does not read
LONGEST_PATH = 107  # sockaddr_un


class ControlServer:
    """Listens from `start` to `aclose`. The socket's mode is 0660: its group may command the gateway."""

    def __init__(
        self, path: Path, operations: Operations, *, max_clients: int = MAX_CLIENTS, idle_s: float = IDLE_S
    ) -> None:
        self._path = path
        self._operations = operations
        self._max_clients = max_clients
        self._idle_s = idle_s
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Replaces a socket a dead gateway left: whoever calls this owns the database. Raises UsageError."""
        self._server = await asyncio.start_unix_server(
            self._connected, sock=_listening(self._path), limit=MAX_LINE_BYTES
        )

    async def aclose(self) -> None:
        """Hangs up on every client and removes the socket."""
        if self._server is None:
            return
        self._server.close()
        clients = list(self._clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        self._server = None
        self._path.unlink(missing_ok=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if len(self._clients) > self._max_clients:
                await _write(writer, _refusal("too many command lines are connected", "wait, then type it again", 1))
                return
            while (line := await self._next_line(reader, writer)) is not None:
                await self._answer(line, reader, writer)
        except (ConnectionError, TimeoutError):
            pass  # it hung up, or does not read
        finally:
            writer.close()

    async def _next_line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        """The next whole line; None: the client is done, idle, or wrote one that is too long."""
        try:
            async with asyncio.timeout(self._idle_s):
                line = await reader.readline()
        except ValueError:
            await _write(writer, _refusal(f"a line is longer than {MAX_LINE_BYTES} bytes", "comatrix --help", 2))
            return None
        return line if line.endswith(b"\n") else None

    async def _answer(self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            operation, args = self._asked(line)
            found = operation(args)
            if isinstance(found, AsyncGenerator):
                await _stream(found, reader, writer)
            else:
                await _write(writer, {"ok": True, "result": await found})
        except GatewayError as error:
            await _write(writer, _refusal(error.text, error.next_step, error.exit_code))
        except ComatrixError as error:
            await _write(writer, _refusal(str(error), "comatrix status", 1))

    def _asked(self, line: bytes) -> tuple[Callable[[Mapping[str, Any]], Any], Mapping[str, Any]]:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            raise UsageError("a request is one JSON object a line", "comatrix --help") from None
        name = request.get("op") if isinstance(request, dict) else None
        args = request.get("args", {}) if isinstance(request, dict) else None
        if not isinstance(name, str) or not isinstance(args, dict):
            raise UsageError('a request is {"op": NAME, "args": {...}}', "comatrix --help")
        if name not in self._operations:
            # The command line may be newer than the gateway that runs.
            raise UsageError(f"the running gateway knows no operation {name[:40]!a}", "comatrix --version")
        return self._operations[name], args


async def _stream(items: AsyncGenerator[Any, None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Writes items until they end or the client hangs up (or writes: nothing is expected of it now)."""

    async def write_all() -> None:
        async with aclosing(items):
            async for item in items:
                await _write(writer, {"ok": True, "result": item, "more": True})
        await _write(writer, {"ok": True, "end": True})

    writing = asyncio.ensure_future(write_all())
    gone = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({writing, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not writing.done():
            raise ConnectionResetError
        await writing
    finally:
        for task in (writing, gone):
            task.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await task


async def _write(writer: asyncio.StreamWriter, answer: Mapping[str, Any]) -> None:
    writer.write(json.dumps(answer, allow_nan=False).encode("ascii") + b"\n")
    async with asyncio.timeout(SLOW_S):
        await writer.drain()


def _refusal(text: str, next_step: str, exit_code: int) -> dict[str, Any]:
    return {"ok": False, "error": text, "next": next_step, "exit": exit_code}


def _listening(path: Path) -> socket.socket:
    """A socket bound at `path` with mode 0660 from its first moment on."""
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise UsageError(f"{path} is too long a name for a socket.", "comatrix --home SHORTER/DIR gateway run")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener
