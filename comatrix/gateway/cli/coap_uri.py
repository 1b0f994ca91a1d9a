"""A CoAP URI (RFC 7252 section 6) as a place to send to and the options that name the resource."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes, urlsplit

from comatrix.codec.option_numbers import URI_HOST, URI_PATH, URI_QUERY
from comatrix.gateway.errors import UsageError

PORTS = {"coap": 5683, "coaps": 5684}
MOST_OPTION_BYTES = 255
EXAMPLE = "comatrix coap get coap://127.0.0.1:5683/.well-known/core"


@dataclass(frozen=True, slots=True)
class Target:
    """`options`: Uri-Host (of a name), Uri-Path, Uri-Query. `base`: the URI without path and query."""

    scheme: str
    host: str
    port: int
    options: tuple[tuple[int, bytes], ...]
    base: str


def read_uri(text: str) -> Target:
    """Raises UsageError."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{text!r} is no URI: {error}.", EXAMPLE) from None
    if parts.scheme not in PORTS:
        raise UsageError(f"{text!r} must begin with coap:// or coaps://.", EXAMPLE)
    if not host or parts.username is not None:
        raise UsageError(f"{text!r} names no host.", EXAMPLE)
    if parts.fragment or text.endswith("#"):
        raise UsageError(f"{text!r}: a CoAP URI has no fragment (#...).", EXAMPLE)
    if port == 0:
        raise UsageError(f"{text!r}: port 0 is none.", EXAMPLE)
    options = _options(parts.path, parts.query, host)
    if any(len(value) > MOST_OPTION_BYTES for _, value in options):
        raise UsageError(f"A part of its path or query is longer than {MOST_OPTION_BYTES} bytes.", EXAMPLE)
    base = f"{parts.scheme}://{parts.netloc}"
    return Target(parts.scheme, host, PORTS[parts.scheme] if port is None else port, tuple(options), base)


def _options(path: str, query: str, host: str) -> list[tuple[int, bytes]]:
    """RFC 7252 section 6.4, steps 5 to 9."""
    options = [] if _is_address(host) else [(URI_HOST, unquote_to_bytes(host))]
    if path not in ("", "/"):
        options += [(URI_PATH, unquote_to_bytes(part)) for part in path.removeprefix("/").split("/")]
    if query:
        options += [(URI_QUERY, unquote_to_bytes(part)) for part in query.split("&")]
    return options


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
