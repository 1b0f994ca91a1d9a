"""/metrics and /healthz over HTTP, for whoever reaches the port: nothing is changed from here. Imports Starlette."""

import resource
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from comatrix.gateway.errors import GatewayError
from comatrix.gateway.uplink.metrics import CONTENT_TYPE, metrics_text

PAGE_BYTES = resource.getpagesize()


def monitor_app(status: Callable[[], Awaitable[dict[str, Any]]], trouble: Callable[[], str]) -> Starlette:
    """`status()`: as the operation; `trouble()`: why the gateway cannot do its work, "" while it can."""

    async def healthz(_request: Request) -> Response:
        why = trouble()
        return PlainTextResponse(f"{why}\n" if why else "ok\n", 503 if why else 200)

    async def metrics(_request: Request) -> Response:
        try:
            told = await status()
        except GatewayError as error:
            return PlainTextResponse(f"{error.text}\n", 503)
        used = resource.getrusage(resource.RUSAGE_SELF)
        text = metrics_text(told, _resident(), used.ru_utime + used.ru_stime, not trouble())
        return Response(text, headers={"Content-Type": CONTENT_TYPE})

    return Starlette(routes=[Route("/healthz", healthz), Route("/metrics", metrics)])


def _resident() -> int:
    """Bytes (proc(5), statm); 0 where there is no such file."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES
    except OSError:
        return 0
