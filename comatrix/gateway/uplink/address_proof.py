"""Which address is proven to be a node's own: it sent back, from there, a value that went there (RFC 9175 section 2.3).

Authentication proves a node, not its address: who holds a node's datagram back can send it on from any other. In memory
only: after a restart every address is proven anew, by one more request.
"""

from collections.abc import Callable
from hmac import compare_digest

from comatrix.gateway.uplink.associations import Address

SIZE = 8  # bytes of an Echo value: nobody guesses it in its lifetime
LIFETIME_MS = 300_000


class AddressProof:
    """Pure. One proven address and one value under way a node, so memory is bounded by the nodes there are."""

    def __init__(self, random: Callable[[int], int]) -> None:
        self._random = random
        self._proven: dict[int, Address] = {}
        self._asked: dict[int, tuple[Address, bytes, int]] = {}  # node -> where to, what, until when

    def proven(self, node: int, addr: Address) -> bool:
        """Whether a node was the last time proven to be at exactly this address, port and listener."""
        return self._proven.get(node) == addr

    def challenge(self, node: int, addr: Address, now: int) -> bytes:
        """The Echo value to send to an address. It takes the place of the one before, wherever that went."""
        value = bytes([self._random(256) for _ in range(SIZE)])
        self._asked[node] = addr, value, now + LIFETIME_MS
        return value

    def check(self, node: int, addr: Address, echo: bytes, now: int) -> bool:
        """Whether an Echo value that came from an address went there lately; if so that is proven, the value spent."""
        asked = self._asked.get(node)
        if asked is None or asked[0] != addr or now >= asked[2] or not compare_digest(asked[1], echo):
            return False
        del self._asked[node]
        self._proven[node] = addr
        return True
