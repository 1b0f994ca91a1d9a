"""From a node's number and master secret to its OSCORE contexts (docs/reference/wire.md, section Keys and names).

ID Context = link kind, then the bytes of RFC 8613 Appendix B.2 when it ran: one secret gives separate keys per link.
"""

from comatrix.codec import cbor
from comatrix.errors import BAD_OPTION, OscoreError
from comatrix.session.oscore import Context

UDP = b"u"
NONCE = 8  # the size of R1, R2 and R3 of Appendix B.2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from comatrix.session.oscore import AeadFactory


def node_id(number: int) -> bytes:
    """A node's number (1-65535) -> its Sender ID, one byte where one is enough; the gateway's is empty."""
    return bytes((number,)) if number < 256 else number.to_bytes(2, "big")


class Keys:
    """One node's master secret on one link; `ours` and `theirs` are the Sender IDs as seen from this side."""

    def __init__(self, secret: bytes, ours: bytes, theirs: bytes, aead: "AeadFactory", link: bytes = UDP) -> None:
        self.secret = secret
        self.ours = ours
        self.theirs = theirs
        self.aead = aead
        self.link = link

    def context(self, extra: bytes = b"") -> Context:
        """The context of this link; `extra`: the bytes of Appendix B.2."""
        return Context(self.secret, self.ours, self.theirs, self.link + extra, self.aead)


def wrap(extra: bytes) -> bytes:
    """Bytes of Appendix B.2 -> the kid context that carries them, a CBOR byte string."""
    return cbor.encode(extra)


def unwrap_untrusted(kid_context: bytes, size: int) -> bytes:
    """A kid context -> the `size` bytes of Appendix B.2 in it. Raises OscoreError 4.02."""
    if len(kid_context) != size + 1 or kid_context[0] != 0x40 + size:
        raise OscoreError("Failed to decode COSE", BAD_OPTION)
    return kid_context[1:]
