"""MicroPython's `cryptolib` for its WebAssembly build, on the AES of Node.js. Encryption only."""

from binascii import hexlify, unhexlify

import _node_aes  # type: ignore[import-not-found]


class aes:  # noqa: N801 - the name it has there
    """aes(key, mode, iv): mode 1 is ECB, 2 is CBC."""

    def __init__(self, key: bytes, mode: int, iv: "bytes | None" = None) -> None:
        self._key = hexlify(key).decode()
        self._mode = mode
        self._iv = hexlify(iv).decode() if iv else None

    def encrypt(self, data: "bytes | bytearray", out: "bytearray | None" = None) -> "bytes | None":
        """The ciphertext, or None when it went into `out`. One call an object in CBC mode: it keeps no chain."""
        sealed = unhexlify(_node_aes.encrypt(self._mode, self._key, self._iv, hexlify(data).decode()))
        if out is None:
            return sealed
        out[:] = sealed
        return None
