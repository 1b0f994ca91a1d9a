"""What an HTTP answer says: the homeserver's own word, or a proxy's that says nothing about the request."""

import json
from collections.abc import Mapping
from typing import Any

from comatrix.gateway.model import HomeserverAnswer

MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000
MAX_ERROR_CHARS = 200


def no_answer(why: str) -> HomeserverAnswer:
    """No HTTP answer came: whether the request was done is unknown."""
    return HomeserverAnswer(status=None, error=why)


def read_answer_untrusted(status: int, headers: Mapping[str, str], data: bytes) -> HomeserverAnswer:
    """The answer in `data`. `body` stays None unless it is a JSON object, with an errcode where status is not 200."""
    retry_after_ms = _header_ms(headers.get("retry-after"))
    body = _object(data)
    if status == 200:
        error = "" if body is not None else "HTTP 200 without a JSON object"
        return HomeserverAnswer(status, body, error=error)
    errcode = body.get("errcode") if body is not None else None
    if body is None or not isinstance(errcode, str):
        return HomeserverAnswer(status, error=f"HTTP {status}, not from a homeserver", retry_after_ms=retry_after_ms)
    in_body_ms = _bounded_ms(body.get("retry_after_ms"))
    return HomeserverAnswer(
        status,
        body,
        errcode=one_line(errcode),
        error=one_line(body.get("error")),
        retry_after_ms=retry_after_ms if in_body_ms is None else in_body_ms,
        soft_logout=body.get("soft_logout") is True,
    )


def one_line(text: object) -> str:
    """`text` fit for a log line: printable, at most 200 characters; "" if it is no string."""
    if not isinstance(text, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in text[:MAX_ERROR_CHARS])


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _header_ms(value: str | None) -> int | None:
    """Retry-After in whole seconds (RFC 9110 10.2.3). Its date form is ignored: clocks differ."""
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 9:
        return None
    return _bounded_ms(int(value) * 1000)


def _bounded_ms(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        return None
    return min(int(value), MAX_RETRY_AFTER_MS)
