"""Stands between gateway and homeserver: fails requests from a seed, and sees every event that was ever sent."""

import asyncio
import contextlib
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

from tests.chaos.http_message import Message, read_message
from tests.chaos.ledger import Key, keys_in

HTML = b"<html><body><h1>Bad gateway</h1></body></html>"
SEND = re.compile(r"PUT [^ ]+/send/[^/ ]+/([^/ ?]+)")
READ = re.compile(r"GET [^ ]+/messages\b")
LIMITED = {"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": 150}
FAULTS = ("limit", "error", "html", "forbidden_html", "slow", "cut_before", "cut_after", "half")


@dataclass(slots=True)
class Put:
    """One attempt to send an event. `stored`: the homeserver said 200, whether or not the gateway heard it."""

    txn: str
    digest: bytes
    keys: frozenset[Key]
    stored: bool = False


@dataclass(slots=True)
class Trap:
    """Springs at the `countdown`-th event: "before" it reaches the homeserver, or "after", before it is answered."""

    when: str
    countdown: int
    spring: Callable[[], None]
    sprung: bool = False


@dataclass(slots=True)
class Front:
    """An HTTP proxy on loopback. `bad`: the share of events that fail; `down`: nothing is accepted."""

    homeserver_port: int
    chance: random.Random
    bad: float = 0.0
    down: bool = False
    one_each: bool = False  # a connection for each request
    trap: Trap | None = None
    puts: list[Put] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    reads: int = 0  # pages of rooms asked for: events in doubt are looked for
    port: int = 0
    _server: asyncio.Server | None = None
    _connections: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop, and break what is open."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        behind: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while not self.down and (request := await read_message(reader)) is not None:
                if behind is None:
                    behind = await asyncio.open_connection("127.0.0.1", self.homeserver_port)
                if not await self._pass_on(request, behind, writer):
                    return
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # cancelled by `close` alone; asyncio's streams would print it
        finally:
            for one in (writer, behind[1] if behind else writer):
                with contextlib.suppress(RuntimeError):  # the loop is closing
                    one.transport.abort()

    async def _pass_on(
        self,
        request: Message,
        behind: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Whether the connection lives on."""
        put = self._noted(request)
        fault = self._fault() if put is not None else ""
        if put is not None:
            self._step_on_trap("before")
        if fault in ("limit", "error", "html", "forbidden_html"):
            writer.write(refusal(fault))
            return True
        if self.down or fault == "cut_before" or self._sprung():
            return False
        behind[1].write(request.raw)
        answer = await read_message(behind[0])
        if answer is None:
            return False
        if put is not None:
            put.stored = answer.first.split(" ")[1] == "200"
            self._step_on_trap("after")
        return await self._answer(answer, fault, writer)

    async def _answer(self, answer: Message, fault: str, writer: asyncio.StreamWriter) -> bool:
        if fault == "cut_after" or self._sprung():
            return False
        if fault == "slow":
            await asyncio.sleep(self.chance.uniform(0.1, 0.8))
        if fault == "half":
            writer.write(answer.raw[: len(answer.raw) // 2])
            await writer.drain()
            return False
        if self.one_each:
            head, end, rest = answer.raw.partition(b"\r\n")
            writer.write(head + end + b"Connection: close\r\n" + rest)
        else:
            writer.write(answer.raw)
        await writer.drain()
        return not self.one_each

    def _noted(self, request: Message) -> Put | None:
        found = SEND.match(request.first)
        if found is None:
            self.reads += READ.match(request.first) is not None
            return None
        put = Put(unquote(found[1]), sha256(request.body).digest(), frozenset(keys_in(request.body)))
        self.puts.append(put)
        return put

    def _fault(self) -> str:
        if self.chance.random() >= self.bad:
            return ""
        fault = self.chance.choice(FAULTS)
        self.faults[fault] = self.faults.get(fault, 0) + 1
        return fault

    def _step_on_trap(self, when: str) -> None:
        trap = self.trap
        if trap is not None and trap.when == when and not trap.sprung:
            trap.countdown -= 1
            if trap.countdown <= 0:
                trap.sprung = True
                trap.spring()

    def _sprung(self) -> bool:
        return self.trap is not None and self.trap.sprung


def refusal(fault: str) -> bytes:
    """What a homeserver in trouble, or a proxy in front of one, says."""
    if fault == "limit":
        return response(429, LIMITED)
    if fault == "error":
        return response(500, {"errcode": "M_UNKNOWN", "error": "Internal server error"})
    status = 403 if fault == "forbidden_html" else 502
    return f"HTTP/1.1 {status} -\r\nContent-Type: text/html\r\nContent-Length: {len(HTML)}\r\n\r\n".encode() + HTML


def response(status: int, body: dict[str, Any]) -> bytes:
    """An HTTP answer in JSON."""
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data
