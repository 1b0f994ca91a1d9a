"""HMAC and HKDF with SHA-256 (RFC 2104, RFC 5869)."""

import hashlib

_INNER = bytes([byte ^ 0x36 for byte in range(256)])
_OUTER = bytes([byte ^ 0x5C for byte in range(256)])


def sha256(*parts: bytes) -> bytes:
    """SHA-256 over the parts in a row, 32 bytes."""
    state = hashlib.sha256()
    for part in parts:
        state.update(part)
    return state.digest()


def hmac_sha256(key: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA-256 over the parts in a row, 32 bytes."""
    if len(key) > 64:
        key = sha256(key)
    key = key + bytes(64 - len(key))
    inner = sha256(bytes([_INNER[byte] for byte in key]), *parts)
    return sha256(bytes([_OUTER[byte] for byte in key]), inner)


def hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF extract and expand -> `length` bytes, at most 255 * 32."""
    key = hmac_sha256(salt or bytes(32), secret)
    out = block = b""
    while len(out) < length:
        block = hmac_sha256(key, block, info, bytes((len(out) // 32 + 1,)))
        out += block
    return out[:length]
