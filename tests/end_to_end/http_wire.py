"""A wire that understands HTTP: passes requests on, remembers them, and lets a test step in between."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from tests.chaos.http_message import Message, read_message

UNAVAILABLE = b"HTTP/1.1 503 -\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
StepIn = Callable[[Message, Message], Awaitable[bool]]


class HttpWire:
    """Forwards to a port on loopback. `requests`: each with the status of its answer, oldest first.

    `step_in(request, answer)` is asked before an answer goes back; True: it never does, the connection ends instead.
    `refuses_puts`: nobody gets them, and they are answered with 503."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.requests: list[tuple[Message, int]] = []
        self.step_in: StepIn | None = None
        self.refuses_puts = False

    @property
    def url(self) -> str:
        """Where to connect to."""
        return f"http://127.0.0.1:{self.port}"

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop, and break what is open."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        onward: asyncio.StreamWriter | None = None
        try:
            back, onward = await asyncio.open_connection("127.0.0.1", self._target_port)
            while (request := await read_message(reader)) is not None:
                if self.refuses_puts and request.first.startswith("PUT "):
                    writer.write(UNAVAILABLE)
                    continue
                onward.write(request.raw)
                answer = await read_message(back)
                if answer is None or not await self._answered(request, answer):
                    return
                writer.write(answer.raw)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # cancelled by `close` alone
        finally:
            for one in (writer, onward):
                if one is not None:
                    with contextlib.suppress(RuntimeError):  # the loop is closing
                        one.transport.abort()

    async def _answered(self, request: Message, answer: Message) -> bool:
        """Whether the answer goes back."""
        self.requests.append((request, int(answer.first.split(" ")[1])))
        return self.step_in is None or not await self.step_in(request, answer)
