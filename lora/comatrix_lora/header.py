"""The outer header of a frame (docs/reference/wire.md, LoRa frames): what stands on the air in clear.

b0 = version 2 bits | up | resp | own | long | 00, node, counter; a response under a counter of its own has one byte
more, the low byte of its request's counter.
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
_SPARE = 0x03


class Header:
    """`counter`: one byte, or the whole counter in the long form: the sender's own, or without `own` in a response the
    request's. `request`: low byte of the request's counter, only with `own`. `size`: bytes of the header."""

    __slots__ = ("counter", "long", "node", "own", "request", "resp", "size", "up")

    def __init__(
        self, up: bool, resp: bool, own: bool, long: bool, node: int, counter: int, request: "int | None" = None
    ) -> None:
        self.up = up
        self.resp = resp
        self.own = own
        self.long = long
        self.node = node
        self.counter = counter
        self.request = request
        self.size = (LONG if long else SHORT) + (1 if own else 0)

    def encode(self) -> bytes:
        """The header's bytes; the short form keeps the counter's low byte. Raises LoraError for what it cannot say."""
        if not 0 < self.node <= (0xFFFF if self.long else LAST_SHORT_NODE) or not 0 <= self.counter <= LAST_COUNTER:
            raise LoraError("node or counter out of range")
        b0 = VERSION << 6 | (_UP if self.up else 0) | (_RESP if self.resp else 0)
        b0 |= (_OWN if self.own else 0) | (_LONG if self.long else 0)
        if self.long:
            out = bytes((b0,)) + self.node.to_bytes(2, "big") + self.counter.to_bytes(4, "big")
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
    if b0 >> 6 != VERSION or b0 & _SPARE or (own and not resp):
        raise FrameError("not our version of a frame")
    long = bool(b0 & _LONG)
    size = LONG if long else SHORT
    if len(data) < size + (1 if own else 0):
        raise FrameError("shorter than its header")
    node = data[1] << 8 | data[2] if long else data[1]
    if not node:
        raise FrameError("no node has number 0")
    counter = int.from_bytes(data[3:7], "big") if long else data[2]
    return Header(bool(b0 & _UP), resp, own, long, node, counter, data[size] if own else None)
