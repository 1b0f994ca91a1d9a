"""Option numbers and the uint format (RFC 7252 sections 3.2 and 5.10): the part of `options` a node needs."""

IF_MATCH, URI_HOST, ETAG, IF_NONE_MATCH, OBSERVE, URI_PORT, LOCATION_PATH, OSCORE = 1, 3, 4, 5, 6, 7, 8, 9
URI_PATH, CONTENT_FORMAT, MAX_AGE, URI_QUERY, ACCEPT, BLOCK2, BLOCK1, SIZE2 = 11, 12, 14, 15, 17, 23, 27, 28
PROXY_URI, PROXY_SCHEME, SIZE1, ECHO, NO_RESPONSE, REQUEST_TAG = 35, 39, 60, 252, 258, 292


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
