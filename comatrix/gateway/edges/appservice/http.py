"""The HTTP intake of an application service (application service API, Pushing events). Imports Starlette and uvicorn.

Everything here is reachable by whoever reaches the port: the token is checked before a body is read, every body has a
limit, and nothing of a request is logged."""

import asyncio
import contextlib
import hmac
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from comatrix.gateway.errors import GatewayError, StoreError

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 16 * 1024 * 1024  # 100 events of 64 KiB, each with the state it replaced
BODY_TIMEOUT_S = 30.0
HEAD_TIMEOUT_S = 10.0
MAX_CONNECTIONS = 32
GRACE_S = 3
BASE = "/_matrix/app/v1"

Take = Callable[[object], Awaitable[None]]


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of ours
    """An answer with an errcode."""

    def __init__(self, status: int, errcode: str, error: str) -> None:
        super().__init__(errcode)
        self.status, self.errcode, self.error = status, errcode, error


class AppServiceHttp:
    """What each path does. `take` returns once a transaction's events are on disk; `knows_user` says who is ours."""

    def __init__(self, hs_token: str, take: Take, knows_user: Callable[[str], bool]) -> None:
        self._token = hs_token.encode()
        self._take = take
        self._knows_user = knows_user

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route(BASE + "/transactions/{txn_id}", self._transaction, methods=["PUT"]),
            Route(BASE + "/ping", self._ping, methods=["POST"]),
            Route(BASE + "/users/{user_id}", self._user, methods=["GET"]),
            Route(BASE + "/rooms/{alias}", self._alias, methods=["GET"]),
        ]
        handlers: dict[Any, Any] = {Refusal: _refused, HTTPException: _unrecognised, ClientDisconnect: _gone}
        return Starlette(routes=routes, exception_handlers=handlers)

    async def _transaction(self, request: Request) -> Response:
        """PUT /transactions/{txn_id}: the number is not looked at, homeservers begin anew with theirs."""
        self._check_token(request)
        body = await _object(request)
        if not isinstance(body.get("events"), list):
            raise Refusal(400, "M_BAD_JSON", "events must be a list")
        try:
            await self._take(body["events"])
        except StoreError as error:
            log.warning("cannot keep what the homeserver pushes, it will try again: %s", error.text)
            raise Refusal(503, "M_UNKNOWN", "cannot be stored now") from None
        return JSONResponse({})

    async def _ping(self, request: Request) -> Response:
        """POST /ping: the homeserver tries whether it reaches us."""
        self._check_token(request)
        await _object(request)
        return JSONResponse({})

    async def _user(self, request: Request) -> Response:
        """GET /users/{user_id}"""
        self._check_token(request)
        if not self._knows_user(request.path_params["user_id"]):
            raise Refusal(404, "M_NOT_FOUND", "no node of this gateway")
        return JSONResponse({})

    async def _alias(self, request: Request) -> Response:
        """GET /rooms/{alias}: this service makes no rooms for whoever asks."""
        self._check_token(request)
        raise Refusal(404, "M_NOT_FOUND", "no room of this gateway")

    def _check_token(self, request: Request) -> None:
        """In constant time. Servers before v1.4 put it in the query."""
        given = request.headers.get("authorization", "")
        token = given[7:] if given.startswith("Bearer ") else request.query_params.get("access_token", "")
        if not token:
            raise Refusal(401, "M_UNAUTHORIZED", "no token")
        if not hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token):
            raise Refusal(403, "M_FORBIDDEN", "wrong token")


async def _object(request: Request) -> dict[str, Any]:
    """The body, a JSON object."""
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                data += chunk
                if len(data) > MAX_BODY_BYTES:
                    raise Refusal(413, "M_TOO_LARGE", "body too long")
    except TimeoutError:
        raise Refusal(408, "M_UNKNOWN", "body did not come") from None
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Refusal(400, "M_NOT_JSON", "not JSON") from None
    if not isinstance(value, dict):
        raise Refusal(400, "M_BAD_JSON", "not a JSON object")
    return value


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    closing = {"connection": "close"} if error.status in (401, 403, 408, 413) else {}
    return JSONResponse({"errcode": error.errcode, "error": error.error}, error.status, headers=closing)


async def _unrecognised(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"errcode": "M_UNRECOGNIZED", "error": "no such call"}, error.status_code)


async def _gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it


class _Connection(H11Protocol):
    """Ended if no request comes of it in time, and, of those that wait for one, the oldest first where there are too
    many: whoever reaches the port holds neither descriptors nor the homeserver's place."""

    head_timeout_s = HEAD_TIMEOUT_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self.loop.time()
        self._answered: object = None  # the last request, once it was seen answered
        self._look = self.loop.call_later(self.head_timeout_s, self._expire)
        if len(self.connections) > MAX_CONNECTIONS:
            waiting = [one for one in self.connections if isinstance(one, _Connection) and one._waits()]
            min(waiting, key=lambda one: one._since).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._look.cancel()
        super().connection_lost(exc)

    def _waits(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _expire(self) -> None:
        if self._waits() and self._answered is self.cycle:
            self.transport.abort()
            return
        self._answered = self.cycle if self._waits() else self
        self._look = self.loop.call_later(self.head_timeout_s, self._expire)


class _Server(uvicorn.Server):
    """Signals are the gateway's own business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def listening(
    app: Starlette, host: str, port: int, *, head_timeout_s: float = HEAD_TIMEOUT_S, section: str = "appservice"
) -> AsyncIterator[tuple[str, int]]:
    """Serve until the end of `with`, then let requests under way finish. Raises GatewayError if the port is taken."""
    opened = _listen(host, port, section)
    config = uvicorn.Config(
        app,
        http=type("Connection", (_Connection,), {"head_timeout_s": head_timeout_s}),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS + 1,  # the one above the cap is ended, not the next request refused
        timeout_graceful_shutdown=GRACE_S,
    )
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # its warnings are strangers' to write
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[opened]))
    try:
        yield opened.getsockname()[:2]
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        opened.close()


def _listen(host: str, port: int, section: str) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(128)
    except OSError as error:
        opened.close()
        raise GatewayError(
            f"cannot listen on {host} port {port} (HTTP): {error.strerror}",
            f"set bind under [{section}], or end what uses that port",
        ) from None
    return opened
