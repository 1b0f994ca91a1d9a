"""AES-CCM for the gateway: the interface of `comatrix_node.crypto`, on the `cryptography` package."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM


class _Ccm:
    def __init__(self, key: bytes, tag_length: int) -> None:
        self._ccm = AESCCM(key, tag_length)

    def seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """The ciphertext with its tag behind it."""
        return self._ccm.encrypt(nonce, plaintext, aad)

    def open(self, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        """The plaintext. Raises ValueError when the tag is wrong or the input too short to hold one."""
        try:
            return self._ccm.decrypt(nonce, ciphertext, aad)
        except InvalidTag as error:
            raise ValueError("wrong tag, or shorter than one") from error


def aead(key: bytes, tag_length: int = 8) -> _Ccm:
    """AES-CCM under `key`; with 16 bytes and a 13-byte nonce it is OSCORE's AES-CCM-16-64-128."""
    return _Ccm(key, tag_length)
