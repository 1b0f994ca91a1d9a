"""Stateless cookies (RFC 6347 section 4.2.1): who sends one back is where it was sent to. Pure."""

from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest, digest

from comatrix.gateway.edges.dtls.hello import ClientHello

SIZE = 16
LIFETIME_MS = 300_000  # of a key; a cookie is good under the present one and the one before


class Cookies:
    """`random_bytes` must be a cryptographic source; `now` in ms of a clock that never goes back."""

    def __init__(self, random_bytes: Callable[[int], bytes], now: int) -> None:
        self._random_bytes = random_bytes
        self._keys = [random_bytes(32), random_bytes(32)]
        self._since = now

    def make(self, where: bytes, hello: ClientHello, now: int) -> bytes:
        """The cookie for a ClientHello that came from `where`."""
        self._turn(now)
        return self._cookie(self._keys[0], where, hello)

    def good(self, where: bytes, hello: ClientHello, now: int) -> bool:
        """Whether a ClientHello brings the cookie that was made for it, lately, at the same place."""
        self._turn(now)
        if len(hello.cookie) != SIZE:
            return False
        return any(compare_digest(self._cookie(key, where, hello), hello.cookie) for key in self._keys)

    def _cookie(self, key: bytes, where: bytes, hello: ClientHello) -> bytes:
        said = len(where).to_bytes(2, "big") + where + hello.parameters
        return digest(key, said, sha256)[:SIZE]

    def _turn(self, now: int) -> None:
        age_ms = now - self._since
        if age_ms < LIFETIME_MS:
            return
        kept = self._keys[0] if age_ms < 2 * LIFETIME_MS else self._random_bytes(32)
        self._keys = [self._random_bytes(32), kept]
        self._since = now
