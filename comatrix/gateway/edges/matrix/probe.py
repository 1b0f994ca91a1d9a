"""One look at what answers at the homeserver's address: no token is sent, and what is wrong is told by its kind."""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from comatrix.gateway.edges.matrix.answer import one_line, read_answer_untrusted

PATH = "/_matrix/client/versions"
LONGEST_ANSWER = 64 * 1024
EXPIRED, NOT_YET_VALID, OTHER_NAME, OTHER_ADDRESS = 10, 9, 62, 64  # X509_V_ERR_* of OpenSSL


@dataclass(frozen=True, slots=True)
class Look:
    """`trouble` "": a homeserver answers. Else "name", "refused", "timeout", "lost", "tls expired", "tls not yet",
    "tls name", "tls untrusted", "tls", "not matrix" (not JSON, or none of a homeserver) or "failing" (5xx)."""

    trouble: str = ""
    detail: str = ""  # what was said, on one line
    status: int | None = None
    versions: tuple[str, ...] = ()
    took_s: float = 0.0
    date_ms: int | None = None  # the server's clock, from its Date header, to the second


async def look(base_url: str, timeout_s: float, tls: ssl.SSLContext | None = None) -> Look:
    """Never raises for what the network does. `tls`: what is trusted instead of the public authorities."""
    import httpx

    started_s = time.monotonic()
    try:
        async with (
            asyncio.timeout(timeout_s),
            httpx.AsyncClient(trust_env=False, verify=tls or True) as client,
            client.stream("GET", base_url.rstrip("/") + PATH, timeout=timeout_s) as response,
        ):
            data = await _start_of(response)
    except (TimeoutError, httpx.TimeoutException):
        return Look("timeout", f"no answer within {timeout_s:g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return _failed(error)
    took_s = time.monotonic() - started_s
    return _answered(response.status_code, response.headers, data, took_s)


async def _start_of(response: Any) -> bytes:
    data = bytearray()
    async for chunk in response.aiter_raw():
        data += chunk
        if len(data) > LONGEST_ANSWER:
            break
    return bytes(data)


def _answered(status: int, headers: Any, data: bytes, took_s: float) -> Look:
    answer = read_answer_untrusted(status, headers, data)
    date_ms = _date_ms(headers.get("date", ""))
    versions = (answer.body or {}).get("versions")
    if answer.ok and isinstance(versions, list) and all(isinstance(one, str) for one in versions):
        known = tuple(one_line(one) for one in versions)
        return Look("", "", status, known, took_s, date_ms)
    kind = one_line(headers.get("content-type", "").partition(";")[0]) or "something without a type"
    told = f"HTTP {status}, {answer.errcode}" if answer.errcode else f"HTTP {status} with {kind}"
    trouble = "failing" if status >= 500 and answer.errcode else "not matrix"
    return Look(trouble, told, status, (), took_s, date_ms)


def _date_ms(text: str) -> int | None:
    """Unix ms of an HTTP date (RFC 9110 section 5.6.7), or None."""
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _failed(error: BaseException) -> Look:
    """What lies under httpx's error decides."""
    told = one_line(str(error))
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Look(_certificate(cause.verify_code), one_line(cause.verify_message))
        if isinstance(cause, ssl.SSLError):
            return Look("tls", one_line(cause.reason or told))
        if isinstance(cause, socket.gaierror):
            return Look("name", one_line(cause.strerror or told))
        if isinstance(cause, ConnectionRefusedError):
            return Look("refused", "connection refused")
        if isinstance(cause, OSError) and cause.errno is not None:
            told = one_line(cause.strerror or told)
    return Look("lost", told or type(error).__name__)


def _certificate(code: int) -> str:
    known = {EXPIRED: "tls expired", NOT_YET_VALID: "tls not yet", OTHER_NAME: "tls name", OTHER_ADDRESS: "tls name"}
    return known.get(code, "tls untrusted")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and all members of groups, once each."""
    open_, seen = [error], set[int]()
    while open_:
        one = open_.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        open_ += getattr(one, "exceptions", ())
        open_ += [below for below in (one.__context__, one.__cause__) if below is not None]
