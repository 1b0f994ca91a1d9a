"""HMAC and HKDF with SHA-256 (RFC 2104, RFC 5869)."""

import hashlib


def sha256(*parts: "bytes | bytearray") -> bytes:
    """SHA-256 over the parts in a row, 32 bytes."""
    state = hashlib.sha256()
    for part in parts:
        state.update(part)
    return state.digest()


def hmac_sha256(key: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA-256 over the parts in a row, 32 bytes."""
    if len(key) > 64:
        key = sha256(key)
    pad = bytearray(key + bytes(64 - len(key)))
    for i in range(64):
        pad[i] ^= 0x36
    inner = sha256(pad, *parts)
    for i in range(64):
        pad[i] ^= 0x36 ^ 0x5C
    return sha256(pad, inner)


def hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF extract and expand -> `length` bytes, at most 255 * 32."""
    key = hmac_sha256(salt or bytes(32), secret)
    out = block = b""
    while len(out) < length:
        block = hmac_sha256(key, block, info, bytes((len(out) // 32 + 1,)))
        out += block
    return out[:length]
