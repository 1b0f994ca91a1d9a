"""How the in-memory homeserver fails on demand."""

import json
from dataclasses import dataclass
from typing import Any

import httpx

HTML = b"<html><body><h1>Bad gateway</h1></body></html>"


DELAYS = ("slow", "late")
KINDS = ("html", "refuse", "drop", "limit", "header_limit", "error", *DELAYS)


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests whose path contains `path`.

    "html": an HTML page with `status`. "refuse": no connection. "drop": done, then the connection breaks.
    "limit": 429 with `retry_after_ms`. "error": `status` with `errcode` in JSON. "header_limit": 429 by header only.
    "slow": done after `delay_s`. "late": done at once, answered after `delay_s`."""

    kind: str
    path: str = "/send/"
    times: int = 1
    status: int = 502
    errcode: str = "M_UNKNOWN"
    retry_after_ms: int = 2000
    delay_s: float = 1.0


def streamed(status: int, data: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    """An answer whose body is yet to be read, as from the network."""
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(data))


def answered(status: int, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    """An answer in JSON."""
    return streamed(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})


def failed(fault: Fault) -> httpx.Response:
    """The answer that a fault gives; ValueError for one that gives none."""
    if fault.kind == "html":
        return streamed(fault.status, HTML, {"Content-Type": "text/html"})
    if fault.kind == "limit":
        body = {"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": fault.retry_after_ms}
        return answered(429, body)
    if fault.kind == "header_limit":
        body = {"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests"}
        return answered(429, body, {"Retry-After": str(fault.retry_after_ms // 1000)})
    if fault.kind == "error":
        return answered(fault.status, {"errcode": fault.errcode, "error": "on demand"})
    raise ValueError(f"no fault is called {fault.kind!r}")
