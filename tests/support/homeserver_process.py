"""The in-memory homeserver as a process of its own on loopback, with faults switched on over a control path.

`python -m tests.support.homeserver_process [--port N] [--journal FILE]` prints "port N" and serves until SIGTERM or
SIGINT. With a journal it may be killed at any instant and started again: what it had answered, it knows.

Control (JSON in, JSON out; not part of Matrix, never made to fail):
  POST /_control/register           {"user", "password"} -> {"user_id"}
  POST /_control/faults             a fault: {"kind", "path", "times", "status", "errcode", "retry_after_ms", "delay_s"}
  DELETE /_control/faults           none from now on
  POST /_control/set                any of {"down": bool, "latency_s": seconds}
                                    or "token_lifetime_s": of access tokens that can be renewed, null for none
  POST /_control/service            an application service's registration file, as JSON
  POST /_control/limit              {"burst", "per_second"} for each account; {} for no limit
  POST /_control/expire             {"user_id", "soft": bool}: its tokens are answered with 401
  POST /_control/forget             transaction ids are forgotten, as by a server that keeps them in memory
  GET  /_control/events             {"events": [...]}: every event of every room, oldest first, with `txn`
  GET  /_control/requests           {"requests": n, "in_flight": n}
"""

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import httpx
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.support.homeserver import Homeserver
from tests.support.homeserver_journal import Journal

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CONTROL = "/_control/"
SETTINGS: dict[str, Callable[[Any], Any]] = {
    "down": bool,
    "latency_s": float,
    "token_lifetime_s": lambda value: None if value is None else float(value),
}


class Connection(H11Protocol):
    """Hands its transport to the application, which may cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """One client connected."""
        super().connection_made(transport)
        served: App = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            await served({**scope, "transport": transport}, receive, send)

        self.app = with_transport


class Application:
    """ASGI in front of a `Homeserver`."""

    def __init__(self, homeserver: Homeserver) -> None:
        self._homeserver = homeserver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        data = await _body(receive)
        path = scope["raw_path"].decode("ascii")
        if path.startswith(CONTROL):
            status, answer = await self._control(scope["method"], path.removeprefix(CONTROL), data)
            await _answer(send, status, json.dumps(answer).encode(), "application/json")
            return
        query = scope["query_string"].decode("ascii")
        url = "http://localhost" + path + (f"?{query}" if query else "")
        try:
            response = await self._homeserver.handle_async_request(
                httpx.Request(scope["method"], url, headers=scope["headers"], content=data)
            )
        except httpx.TransportError:
            scope["transport"].abort()
            await asyncio.sleep(0.01)  # until uvicorn has heard of it, and answers nothing
            return
        kind = response.headers.get("content-type", "text/plain")
        await _answer(send, response.status_code, await response.aread(), kind, response.headers.get("retry-after"))

    async def _control(self, method: str, name: str, data: bytes) -> tuple[int, dict[str, Any]]:
        homeserver = self._homeserver
        try:
            given: dict[str, Any] = json.loads(data or b"{}")
            match method, name:
                case "POST", "register":
                    return 200, {"user_id": await homeserver.register(given["user"], given["password"])}
                case "POST", "faults":
                    homeserver.fail(**given)
                case "DELETE", "faults":
                    homeserver.faults.clear()
                case "POST", "set":
                    self._set(**given)
                case "POST", "service":
                    homeserver.connect_service(given)
                case "POST", "limit":
                    homeserver.limit_messages(**given)
                case "POST", "expire":
                    homeserver.expire_tokens(given["user_id"], soft=bool(given.get("soft")))
                case "POST", "forget":
                    homeserver.forget_transactions()
                case "GET", "events":
                    return 200, {"events": [asdict(event) for event in homeserver.events()]}
                case "GET", "requests":
                    return 200, {"requests": homeserver.request_count, "in_flight": homeserver.in_flight}
                case _:
                    return 404, {"error": f"nothing is called {method} {name}"}
        except (ValueError, TypeError, KeyError) as error:
            return 400, {"error": str(error)}
        return 200, {}

    def _set(self, **given: Any) -> None:
        """Raises TypeError, KeyError."""
        for name, value in given.items():
            setattr(self._homeserver, name, SETTINGS[name](value))


async def _body(receive: Receive) -> bytes:
    data = bytearray()
    while True:
        message = await receive()
        data += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(data)


async def _answer(send: Send, status: int, data: bytes, kind: str, retry_after: str | None = None) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(data)).encode())]
    headers += [(b"retry-after", retry_after.encode())] if retry_after else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


@click.command()
@click.option("--port", default=0, help="0: a free one.")
@click.option("--journal", type=click.Path(path_type=Path), default=None, help="Where it keeps what happened.")
@click.option("--server-name", default="localhost")
def main(port: int, journal: Path | None, server_name: str) -> None:
    """Serve a homeserver on loopback."""
    logging.disable(logging.WARNING)
    homeserver = Homeserver(server_name, journal=Journal(journal))
    listening = socket.create_server(("127.0.0.1", port), backlog=512)
    click.echo(f"port {listening.getsockname()[1]}")
    config = uvicorn.Config(
        Application(homeserver), http=Connection, lifespan="off", log_config=None, timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
