"""MicroPython's `cryptolib`, as much of it as a node uses, for running the node's own modules on CPython."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB


class aes:  # noqa: N801 - the platform's name
    """AES in mode 1 (ECB) or 2 (CBC, with an initialisation vector)."""

    def __init__(self, key: bytes, mode: int, iv: bytes = b"") -> None:
        self._encryptor = Cipher(AES(bytes(key)), ECB() if mode == 1 else CBC(bytes(iv))).encryptor()

    def encrypt(self, data: "bytes | bytearray", out: "bytearray | None" = None) -> "bytes | None":
        """The ciphertext, or None once it stands in `out`."""
        done = self._encryptor.update(bytes(data))
        if out is None:
            return done
        out[:] = done
        return None
