"""The outer header of a frame (docs/reference/wire.md, LoRa frames): what stands on the air in clear.

b0 = version 2 bits | up | resp | own | long | step 2 bits, node, counter; a response under a counter of its own has one
byte more, the low byte of its request's counter. Steps 1 and 2 are those of RFC 8613 Appendix B.2: the long form, then
the 8 bytes that the kid context has anew.
"""

from comatrix_lora.errors import FrameError, LoraError

VERSION = 1  # not 0: noise of zeros is no frame
SHORT = 3
LONG = 7
LAST_COUNTER = 0xFFFFFFFF  # what the long form holds
LAST_SHORT_NODE = 255
_UP = 0x20
_RESP = 0x10
_OWN = 0x08
_LONG = 0x04
_STEP = 0x03
EXTRA = 8  # bytes of R1, R2 or R3


class Header:
    """`counter`: one byte, or the whole counter in the long form: the sender's own, or without `own` in a response the
    request's. `request`: low byte of the request's counter, only with `own`. `step`: of Appendix B.2, 0 for none, and
    `extra` its bytes. `size`: bytes of the header."""

    __slots__ = ("counter", "extra", "long", "node", "own", "request", "resp", "size", "step", "up")

    def __init__(
        self,
        up: bool,
        resp: bool,
        own: bool,
        long: bool,
        node: int,
        counter: int,
        request: "int | None" = None,
        step: int = 0,
        extra: bytes = b"",
    ) -> None:
        self.up = up
        self.resp = resp
        self.own = own
        self.long = long
        self.node = node
        self.counter = counter
        self.request = request
        self.step = step
        self.extra = extra
        self.size = (LONG if long else SHORT) + (1 if own else 0) + len(extra)

    def encode(self) -> bytes:
        """The header's bytes; the short form keeps the counter's low byte. Raises LoraError for what it cannot say."""
        if not 0 < self.node <= (0xFFFF if self.long else LAST_SHORT_NODE) or not 0 <= self.counter <= LAST_COUNTER:
            raise LoraError("node or counter out of range")
        b0 = VERSION << 6 | (_UP if self.up else 0) | (_RESP if self.resp else 0) | self.step
        b0 |= (_OWN if self.own else 0) | (_LONG if self.long else 0)
        if self.long:
            out = bytes((b0,)) + self.node.to_bytes(2, "big") + self.counter.to_bytes(4, "big") + self.extra
        else:
            out = bytes((b0, self.node, self.counter & 0xFF))
        return out if self.request is None else out + bytes((self.request & 0xFF,))


def parse_untrusted(data: bytes) -> Header:
    """The first bytes of a frame -> its header. Raises FrameError."""
    if len(data) < SHORT:
        raise FrameError("shorter than a header")
    b0 = data[0]
    resp = bool(b0 & _RESP)
    own = bool(b0 & _OWN)
    long = bool(b0 & _LONG)
    step = b0 & _STEP
    if b0 >> 6 != VERSION or (own and not resp) or (step and not _has_step(step, bool(b0 & _UP), resp, own, long)):
        raise FrameError("not our version of a frame")
    size = LONG if long else SHORT
    if len(data) < size + (1 if own else 0) + (EXTRA if step else 0):
        raise FrameError("shorter than its header")
    node = data[1] << 8 | data[2] if long else data[1]
    if not node:
        raise FrameError("no node has number 0")
    counter = int.from_bytes(data[3:7], "big") if long else data[2]
    request = data[size] if own else None
    return Header(
        bool(b0 & _UP), resp, own, long, node, counter, request, step, data[LONG : LONG + EXTRA] if step else b""
    )


def _has_step(step: int, up: bool, resp: bool, own: bool, long: bool) -> bool:
    """Request #1 and its response, and request #2, have a form of their own."""
    return step < _STEP and long and not own and up != resp and not (step == 2 and resp)
