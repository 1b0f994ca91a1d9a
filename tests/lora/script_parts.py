"""What the scripts need that run alike on CPython and on MicroPython: dice, the AEAD of the interpreter, a peer.

A script imports it here; a real MicroPython gets both as one text (`on_device`)."""

from comatrix_lora.frame import Peer

from comatrix.session.keys import Keys
from comatrix.session.oscore import Binding
from comatrix.session.replay import Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from comatrix.gateway.aead import aead
else:
    try:
        from comatrix_node.crypto import aead
    except ImportError:
        from comatrix.gateway.aead import aead

SECRET = bytes(range(16))


class Generator:
    """A linear congruential generator: the same numbers on every interpreter (constants of Numerical Recipes)."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def __call__(self, n: int) -> int:
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) % n


def aad(kid: bytes, counter: int) -> bytes:
    """RFC 8613 section 5.4."""
    return Binding(kid, counter, b"").aad


def peer(ours: bytes, theirs: bytes, extra: bytes = b"") -> Peer:
    """A side of a LoRa context; `extra`: the bytes of Appendix B.2."""
    keys = Keys(SECRET, ours, theirs, aead, b"l")

    def derive(extra: bytes) -> Peer:
        return Peer(keys.context(extra), aad, Window(), extra, derive)

    return derive(extra)
