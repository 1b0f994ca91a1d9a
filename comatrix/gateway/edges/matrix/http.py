"""One HTTP request in, one `HomeserverAnswer` out: bounded in time, size and connections; httpx's errors end here."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from comatrix.gateway.edges.matrix.answer import no_answer, one_line, read_answer_untrusted
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import HomeserverAnswer

if TYPE_CHECKING:
    import httpx

MAX_CONNECTIONS = 8  # above 16, httpx's pool costs more than it gives
CONNECT_TIMEOUT_S = 10.0
Query = list[tuple[str, str | int | float | bool | None]]


class Caller(Protocol):
    """Who carries requests: HttpCaller, or a homeserver that is simulated in this process."""

    @property
    def base_url(self) -> str:
        """Where they go, for what is told of them."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        data: bytes | None = None,
        content_type: str = "application/json",
        token: str = "",
        wait_s: float = 0.0,
    ) -> HomeserverAnswer:
        """As HttpCaller."""

    async def aclose(self) -> None:
        """Close the connections."""


class HttpCaller:
    """Requests to one base URL. httpx is imported with the first request: not every command needs it.

    Raises UsageError for a base URL that is none."""

    def __init__(
        self,
        base_url: str,
        *,
        transport: "httpx.AsyncBaseTransport | None",
        trust_env: bool,
        timeout_s: float,
        max_response_bytes: int,
    ) -> None:
        self.base_url = _checked(base_url)
        self._transport = transport
        self._trust_env = trust_env
        self._timeout_s = timeout_s
        self._max_response_bytes = max_response_bytes
        self._client: httpx.AsyncClient | None = None
        self.answered: Callable[[HomeserverAnswer, float], None] = lambda _answer, _overdue_s: None

    async def request(self, method: str, path: str, **how: Any) -> HomeserverAnswer:
        """The answer to one request; `answered` is told of it, and how long it was overdue. `path` is quoted already.

        `wait_s`: how long the server may hold it by design."""
        answer, overdue_s = await self._request(method, path, **how)
        self.answered(answer, overdue_s)
        return answer

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        data: bytes | None = None,
        content_type: str = "application/json",
        token: str = "",
        wait_s: float = 0.0,
    ) -> tuple[HomeserverAnswer, float]:
        client = self._open()
        import httpx

        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if data is not None:
            headers["Content-Type"] = content_type
        limit_s = self._timeout_s + wait_s
        timeout = httpx.Timeout(limit_s, connect=CONNECT_TIMEOUT_S)
        try:
            url = self.base_url + path
            request = client.build_request(method, url, params=query, content=data, headers=headers, timeout=timeout)
            async with asyncio.timeout(limit_s):  # httpx limits each read, not a server that drips
                return await self._exchange(client, request), 0.0
        except (TimeoutError, httpx.TimeoutException):
            return no_answer(f"no answer from {self.base_url} within {limit_s:g} s"), self._timeout_s
        except httpx.ConnectError as error:
            return no_answer(f"cannot connect to {self.base_url}: {one_line(str(error))}"), 0.0
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            return no_answer(f"connection to {self.base_url} lost: {one_line(str(error))}"), 0.0

    async def _exchange(self, client: "httpx.AsyncClient", request: "httpx.Request") -> HomeserverAnswer:
        import httpx

        response = await client.send(request, stream=True)
        try:
            client.cookies.clear()  # nobody needs them, and they would pile up
            data = bytearray()
            async for chunk in response.aiter_raw():  # raw: a compressed bomb is never unpacked
                data += chunk
                if len(data) > self._max_response_bytes:
                    return no_answer(f"answer longer than {self._max_response_bytes} bytes")
        finally:
            await response.aclose()
            # The stream and its response hold each other, and the request: they would wait for the garbage collector.
            response.stream = httpx.ByteStream(b"")
        return read_answer_untrusted(response.status_code, response.headers, bytes(data))

    def _open(self) -> "httpx.AsyncClient":
        if self._client is None:
            import httpx

            for name in ("httpx", "httpcore"):  # they log every request
                logging.getLogger(name).setLevel(logging.WARNING)
            self._client = httpx.AsyncClient(
                transport=self._transport,
                trust_env=self._trust_env,
                limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
                headers={"Accept-Encoding": "identity", "User-Agent": "comatrix-gateway"},
            )
        return self._client

    async def aclose(self) -> None:
        """Close the connections. The next request opens new ones."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()


def _checked(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid or parts.username or parts.query or parts.fragment or not base_url.isprintable():
        raise UsageError(
            f"{one_line(base_url)!r} is not a homeserver's address",
            "write it like https://matrix.example.org",
        )
    return base_url.rstrip("/")
