"""CoAP options as data (RFC 7252 sections 5.4 and 5.10, and the RFCs named in the table)."""

from comatrix.errors import BadOptionError

IF_MATCH, URI_HOST, ETAG, IF_NONE_MATCH, OBSERVE, URI_PORT, LOCATION_PATH, OSCORE = 1, 3, 4, 5, 6, 7, 8, 9
URI_PATH, CONTENT_FORMAT, MAX_AGE, URI_QUERY, ACCEPT, BLOCK2, BLOCK1, SIZE2 = 11, 12, 14, 15, 17, 23, 27, 28
PROXY_URI, PROXY_SCHEME, SIZE1, ECHO, NO_RESPONSE, REQUEST_TAG = 35, 39, 60, 252, 258, 292

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


def uint(value: bytes) -> int:
    """An option value of format uint (RFC 7252 section 3.2)."""
    return int.from_bytes(value, "big")


def uint_bytes(value: int) -> bytes:
    """The shortest option value of format uint; 0 is empty."""
    out = b""
    while value:
        out = bytes((value & 255,)) + out
        value >>= 8
    return out
