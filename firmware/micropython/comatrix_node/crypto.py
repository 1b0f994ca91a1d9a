"""Randomness, and AES-CCM (RFC 3610) on `cryptolib`: one CBC call makes the tag, one ECB call the whole key stream.

ESP32, RP2 and boards built with SSL have `cryptolib`; nRF and SAMD have none and cannot run OSCORE.
"""

import os

from cryptolib import aes

_ECB = 1
_CBC = 2


def random(n: int) -> int:
    """0 <= int < n from the system's generator."""
    return int.from_bytes(os.urandom(4), "big") % n


class _Ccm:
    def __init__(self, key: bytes, tag_length: int) -> None:
        self._key = key
        self._tag_length = tag_length

    def _blocks(self, nonce: bytes, data: bytes, aad: bytes, flags: int) -> bytearray:
        """The first block with `flags`, then `aad` and `data`, each padded to whole blocks (RFC 3610 2.2)."""
        if not 7 <= len(nonce) <= 13 or len(data) > 0xFEFF or len(aad) > 0xFEFF:
            raise ValueError("nonce or data of a length CCM does not take here")
        start = 16 + ((len(aad) + 17) & ~15 if aad else 0)
        b = bytearray(start + ((len(data) + 15) & ~15))
        b[0] = flags | (14 - len(nonce))
        b[1 : 1 + len(nonce)] = nonce
        if aad:
            b[16:18] = len(aad).to_bytes(2, "big")
            b[18 : 18 + len(aad)] = aad
        b[start : start + len(data)] = data
        return b

    def _tag(self, nonce: bytes, aad: bytes, data: bytes) -> bytearray:
        flags = (0x40 if aad else 0) | (self._tag_length - 2) << 2
        b = self._blocks(nonce, data, aad, flags)
        b[14:16] = len(data).to_bytes(2, "big")
        aes(self._key, _CBC, bytes(16)).encrypt(b, b)
        return b[-16:]

    def _mask(self, nonce: bytes, tag: "bytes | bytearray", data: bytes) -> bytearray:
        """`data`, then `tag` cut to length, both under the key stream (RFC 3610 2.3)."""
        stream = self._blocks(nonce, data, b"", 0)
        for i in range(16, len(stream), 16):
            stream[i : i + 16] = stream[:16]
            stream[i + 14 : i + 16] = (i >> 4).to_bytes(2, "big")
        aes(self._key, _ECB).encrypt(stream, stream)
        n = len(data)
        out = bytearray(n + self._tag_length)
        for i in range(n):
            out[i] = data[i] ^ stream[16 + i]
        for i in range(self._tag_length):
            out[n + i] = tag[i] ^ stream[i]
        return out

    def seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """The ciphertext with its tag behind it."""
        return bytes(self._mask(nonce, self._tag(nonce, aad, plaintext), plaintext))

    def open(self, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        """The plaintext. Raises ValueError when the tag is wrong or the input too short to hold one."""
        n = len(ciphertext) - self._tag_length
        if n < 0:
            raise ValueError("shorter than its tag")
        opened = self._mask(nonce, ciphertext[n:], ciphertext[:n])
        plaintext = bytes(opened[:n])
        tag = self._tag(nonce, aad, plaintext)
        difference = 0
        for i in range(self._tag_length):  # no early exit: the time must not tell how much was right
            difference |= opened[n + i] ^ tag[i]
        if difference:
            raise ValueError("wrong tag")
        return plaintext


def aead(key: bytes, tag_length: int = 8) -> _Ccm:
    """AES-CCM under `key`; with 16 bytes and a 13-byte nonce it is OSCORE's AES-CCM-16-64-128."""
    return _Ccm(key, tag_length)
