"""CoAP options as data (RFC 7252 sections 5.4 and 5.10, and the RFCs named in the table)."""

from comatrix.codec.option_numbers import (
    ACCEPT,
    BLOCK1,
    BLOCK2,
    CONTENT_FORMAT,
    ECHO,
    ETAG,
    IF_MATCH,
    IF_NONE_MATCH,
    LOCATION_PATH,
    MAX_AGE,
    NO_RESPONSE,
    OBSERVE,
    OSCORE,
    PROXY_SCHEME,
    PROXY_URI,
    REQUEST_TAG,
    SIZE1,
    SIZE2,
    URI_HOST,
    URI_PATH,
    URI_PORT,
    URI_QUERY,
    uint,
    uint_bytes,
)
from comatrix.errors import BadOptionError

__all__ = [
    "ACCEPT",
    "BLOCK1",
    "BLOCK2",
    "CONTENT_FORMAT",
    "ECHO",
    "ETAG",
    "IF_MATCH",
    "IF_NONE_MATCH",
    "LOCATION_PATH",
    "MAX_AGE",
    "NO_RESPONSE",
    "OBSERVE",
    "OSCORE",
    "PROXY_SCHEME",
    "PROXY_URI",
    "REQUEST_TAG",
    "SIZE1",
    "SIZE2",
    "TABLE",
    "URI_HOST",
    "URI_PATH",
    "URI_PORT",
    "URI_QUERY",
    "is_critical",
    "is_no_cache_key",
    "is_unsafe",
    "name",
    "supported_untrusted",
    "uint",
    "uint_bytes",
]

# number: (name, shortest, longest value in bytes, repeatable)
TABLE = {
    IF_MATCH: ("If-Match", 0, 8, True),
    URI_HOST: ("Uri-Host", 1, 255, False),
    ETAG: ("ETag", 1, 8, True),
    IF_NONE_MATCH: ("If-None-Match", 0, 0, False),
    OBSERVE: ("Observe", 0, 3, False),  # RFC 7641
    URI_PORT: ("Uri-Port", 0, 2, False),
    LOCATION_PATH: ("Location-Path", 0, 255, True),
    OSCORE: ("OSCORE", 0, 255, False),  # RFC 8613
    URI_PATH: ("Uri-Path", 0, 255, True),
    CONTENT_FORMAT: ("Content-Format", 0, 2, False),
    MAX_AGE: ("Max-Age", 0, 4, False),
    URI_QUERY: ("Uri-Query", 0, 255, True),
    ACCEPT: ("Accept", 0, 2, False),
    20: ("Location-Query", 0, 255, True),
    BLOCK2: ("Block2", 0, 3, False),  # RFC 7959
    BLOCK1: ("Block1", 0, 3, False),
    SIZE2: ("Size2", 0, 4, False),
    PROXY_URI: ("Proxy-Uri", 1, 1034, False),
    PROXY_SCHEME: ("Proxy-Scheme", 1, 255, False),
    SIZE1: ("Size1", 0, 4, False),
    ECHO: ("Echo", 1, 40, False),  # RFC 9175
    NO_RESPONSE: ("No-Response", 0, 1, False),  # RFC 7967
    REQUEST_TAG: ("Request-Tag", 0, 8, True),  # RFC 9175
}


def is_critical(number: int) -> bool:
    """Whether a receiver that does not know it must refuse the message (RFC 7252 section 5.4.6)."""
    return number & 1 == 1


def is_unsafe(number: int) -> bool:
    """Whether a proxy that does not know it must not forward the message."""
    return number & 2 == 2


def is_no_cache_key(number: int) -> bool:
    """Whether it is left out of a cache key (meaningful for options safe to forward)."""
    return number & 0x1E == 0x1C


def name(number: int) -> str:
    """Its registered name, or its number."""
    row = TABLE.get(number)
    return row[0] if row else "option %d" % number


def supported_untrusted(options: "list[tuple[int, bytes]]", handled: "tuple[int, ...]") -> "dict[int, list[bytes]]":
    """The options in `handled` by number, in order; elective others are left out (RFC 7252 section 5.4).

    Raises BadOptionError for a critical option that is not handled, has a wrong length, or stands twice in vain.
    """
    found: "dict[int, list[bytes]]" = {}
    for number, value in options:
        row = TABLE.get(number)
        good = number in handled and row is not None
        if row is not None and good:
            good = row[1] <= len(value) <= row[2] and (row[3] or number not in found)
        if good:
            found.setdefault(number, []).append(value)
        elif number & 1:
            raise BadOptionError("option %d" % number)
    return found
