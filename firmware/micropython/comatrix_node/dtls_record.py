"""The records of one DTLS 1.2 association (RFC 6347 section 4.1), sealed with AES-128-CCM-8 (RFC 6655 section 3).

Epoch 0 is plain, epoch 1 is sealed; there is no other, for nothing is ever negotiated anew.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Record = tuple[int, int, bytes]

CHANGE_CIPHER_SPEC = 20
ALERT = 21
HANDSHAKE = 22
APPLICATION = 23
_HEAD = 13
_ADDED = 16  # the explicit nonce and the tag of a sealed record
_WINDOW = 64
# Of 48 bits: far from their end, and what every board counts without allocating. At a record a second: 34 years.
LAST = (1 << 30) - 1


class Records:
    """What this side sends is numbered and sealed, what comes is opened and never taken twice."""

    def __init__(self) -> None:
        self.next = [0, 0]  # by epoch
        self.highest = -1  # of what came in epoch 1, and of those before it a bit each, as in session/replay.py
        self.mask = 0
        self.writer: "tuple[Any, bytes] | None" = None  # an AEAD, and the fixed part of its nonces
        self.reader: "tuple[Any, bytes] | None" = None

    def take_keys(self, block: bytes, aead: "Callable[[bytes], Any]") -> None:
        """`block`: the 40 bytes of RFC 5246 section 6.3, two keys and two salts, the client's first."""
        self.writer = aead(block[:16]), block[32:36]
        self.reader = aead(block[16:32]), block[36:40]

    def spent(self) -> bool:
        """Whether nothing more may be sealed: a number must never come again."""
        return self.next[1] > LAST

    def record(self, type: int, epoch: int, body: bytes) -> bytes:
        """The next record of that epoch. For epoch 1 there are keys, and it is not `spent`."""
        number = epoch.to_bytes(2, "big") + self.next[epoch].to_bytes(6, "big")
        self.next[epoch] += 1
        if epoch and self.writer:
            ccm, salt = self.writer
            body = number + ccm.seal(salt + number, _aad(number, type, len(body)), body)
        return bytes((type, 254, 253)) + number + len(body).to_bytes(2, "big") + body

    def records_untrusted(self, datagram: bytes) -> "Iterator[Record]":
        """Of each good record (type, epoch, body); of epoch 0 nothing is proven. Raises nothing: bad ones are none."""
        start = 0
        while start + _HEAD <= len(datagram):
            end = start + _HEAD + int.from_bytes(datagram[start + 11 : start + 13], "big")
            if end > len(datagram):
                return
            number = datagram[start + 3 : start + 11]
            body = datagram[start + _HEAD : end]
            version = datagram[start + 1 : start + 3]
            type = datagram[start]
            start = end
            if number[:2] == b"\0\0" and version[0] == 254:  # a HelloVerifyRequest may say DTLS 1.0
                yield type, 0, body
            elif number[:2] == b"\0\1" and version == b"\xfe\xfd":
                opened = self._opened(type, number, body)
                if opened is not None:
                    yield type, 1, opened

    def _opened(self, type: int, number: bytes, body: bytes) -> "bytes | None":
        behind = self.highest - int.from_bytes(number[2:], "big")
        if behind >= _WINDOW or (behind >= 0 and self.mask >> behind & 1):
            return None
        if self.reader is None or len(body) < _ADDED:
            return None
        ccm, salt = self.reader
        try:
            opened: bytes = ccm.open(salt + body[:8], _aad(number, type, len(body) - _ADDED), body[8:])
        except ValueError:
            return None
        if behind < 0:
            # A jump ahead of any size must not build an integer of that size.
            self.mask = (self.mask << -behind | 1) & ((1 << _WINDOW) - 1) if -behind < _WINDOW else 1
            self.highest -= behind
        else:
            self.mask |= 1 << behind
        return opened


def _aad(number: bytes, type: int, length: int) -> bytes:
    return number + bytes((type, 254, 253)) + length.to_bytes(2, "big")
