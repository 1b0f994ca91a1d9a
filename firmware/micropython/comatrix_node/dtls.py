"""A DTLS 1.2 client (RFC 6347) for TLS_PSK_WITH_AES_128_CCM_8 (RFC 4279, RFC 6655), extended master secret (RFC 7627).

One handshake and its association. Six verbs: `receive_datagram`, `send`, `datagrams_to_send`, `next_deadline`,
`handle_timer`, `next_event`; `connect` begins, `close` ends. Times are milliseconds of a clock that never goes back,
`random(n)` gives 0 <= int < n.

What is not authenticated decides nothing: bad messages are as if they had not come, alerts are hints. What a forger
can do, who sees the hello, is to spoil a handshake: its time runs out, and the next one begins with another random.
"""

from comatrix.session.hkdf import hmac_sha256, sha256
from comatrix_node.dtls_record import ALERT, APPLICATION, CHANGE_CIPHER_SPEC, HANDSHAKE, Records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Its states, in their order
NEW, HELLO, FINISHING, OPEN, OVER = 0, 1, 2, 3, 4

_CLIENT_HELLO = 1
_SERVER_HELLO = 2
_HELLO_VERIFY_REQUEST = 3
_SERVER_KEY_EXCHANGE = 12
_SERVER_HELLO_DONE = 14
_CLIENT_KEY_EXCHANGE = 16
_FINISHED = 20
_HEAD = 12

_VERSION = b"\xfe\xfd"
_SUITE = b"\xc0\xa8"
# The suite and the signal of RFC 5746, no compression, and one extension: extended_master_secret.
_OFFER = b"\0\4" + _SUITE + b"\0\xff\1\0\0\4\0\x17\0\0"
_KNOWN = {b"\0\x17": b"", b"\xff\1": b"\0"}  # what a server may answer to that

_LONGEST = 256  # of a message: a ServerHello has at most 81 bytes, with what we offer
_AHEAD = 4  # messages of a flight
_TRANSMISSIONS = 6
_LONGEST_PAUSE_MS = 60000
_COOKIES = 4  # each is answered with a hello: forged ones must not make us chatter

_CLOSE_NOTIFY = b"\1\0"
_DECRYPT_ERROR = b"\2\x33"
_FATAL = 2


class Opened:
    """Both sides have proven that they know the key; `send` works."""


class Received:
    """The gateway sent `data`."""

    def __init__(self, data: bytes) -> None:
        self.data = data


class Over:
    """The association has ended, or never came to be. `alert`: the last one heard (RFC 5246 section 7.2), or None.

    Of a handshake it is only a hint: whoever knows our address may have sent it."""

    def __init__(self, alert: "int | None") -> None:
        self.alert = alert


class Client:
    """`identity` and `psk` are what the gateway knows, `aead(key)` gives AES-CCM with a tag of 8 bytes."""

    def __init__(
        self,
        identity: bytes,
        psk: bytes,
        random: "Callable[[int], int]",
        aead: "Callable[[bytes], Any]",
        timeout_ms: int = 1000,
    ) -> None:
        self.identity = identity
        self.psk = psk
        self.random = random
        self.aead = aead
        self.timeout_ms = self.pause_ms = timeout_ms
        self.state = NEW
        self.records = Records()
        self.events: "list[Any]" = []
        self.out: "list[bytes]" = []
        self.alert: "int | None" = None
        # Of the handshake
        self.flight: "list[tuple[int, int, bytes]]" = []  # (type, epoch, body) of each record
        self.transcript = b""
        self.number = 0  # of our next message
        self.expected = 0  # of the gateway's next
        self.partial: "dict[int, _Message]" = {}
        self.deadline = self.sent_at = 0
        self.transmissions = 0
        self.cookie = b""
        self.cookies = 0
        self.ours = bytes([random(256) for _ in range(32)])
        self.theirs = b""
        self.hinted = False
        self.proof = b""  # what their Finished must be

    def connect(self, now: int) -> None:
        """Begin the handshake."""
        self._hello(now)

    def receive_datagram(self, data: bytes, now: int) -> None:
        """Take a datagram as it came; whatever is wrong with it has no effect."""
        for type, epoch, body in self.records.records_untrusted(data):
            if self.state == OVER:
                return
            if type == ALERT and len(body) == 2:
                self._alerted(epoch, body)
            elif type == HANDSHAKE and self.state != OPEN:
                self._fragments(epoch, body, now)
            elif type == APPLICATION and epoch and self.state == OPEN:
                self.events.append(Received(body))

    def send(self, data: bytes) -> bool:
        """Seal and transmit; False: not open, or no longer: after 2^30 records another handshake is due."""
        if self.state != OPEN:
            return False
        if self.records.spent():
            self._end()
            return False
        self.out.append(self.records.record(APPLICATION, 1, data))
        return True

    def close(self) -> None:
        """Tell the gateway that it may forget us."""
        if self.state == OPEN and not self.records.spent():
            self.out.append(self.records.record(ALERT, 1, _CLOSE_NOTIFY))
        self.state = OVER

    def datagrams_to_send(self, now: int) -> "list[bytes]":
        """What is to be transmitted now, each once."""
        out = self.out
        if out:
            self.out = []
        return out

    def next_deadline(self) -> "int | None":
        """When `handle_timer` is due, or None."""
        return self.deadline if self.state in (HELLO, FINISHING) else None

    def handle_timer(self, now: int) -> None:
        """Send the flight again, or give up."""
        if self.state not in (HELLO, FINISHING) or now < self.deadline:
            return
        if self.transmissions >= _TRANSMISSIONS:
            self._end()
            return
        self.transmissions += 1
        self.cookies = 0
        self._wait(min(2 * self.pause_ms, _LONGEST_PAUSE_MS), now)

    def next_event(self) -> "Any":
        """The next Opened, Received or Over, or None."""
        return self.events.pop(0) if self.events else None

    # Sending

    def _hello(self, now: int) -> None:
        self.state = HELLO
        self.transcript = b""
        self.partial = {}
        # A server without state numbers by what it hears: with a cookie both sides' next message is number 1.
        self.number = self.expected = 1 if self.cookie else 0
        body = _VERSION + self.ours + b"\0" + bytes((len(self.cookie),)) + self.cookie + _OFFER
        self._start([(HANDSHAKE, 0, self._message(_CLIENT_HELLO, body))], now)

    def _message(self, type: int, body: bytes) -> bytes:
        message = _whole(type, self.number, body)
        self.number += 1
        self.transcript += message
        return message

    def _start(self, flight: "list[tuple[int, int, bytes]]", now: int) -> None:
        """A new flight, with the first pause again (RFC 6347 section 4.2.4.1)."""
        self.flight = flight
        self.transmissions = 1
        self._wait(self.timeout_ms, now)

    def _wait(self, pause_ms: int, now: int) -> None:
        self.pause_ms = pause_ms
        self.deadline = now + pause_ms
        self._transmit(now)

    def _transmit(self, now: int) -> None:
        self.sent_at = now
        self.out.append(b"".join([self.records.record(*one) for one in self.flight]))

    # Receiving

    def _alerted(self, epoch: int, body: bytes) -> None:
        """Of epoch 0 anybody may have sent it."""
        self.alert = body[1]
        if not epoch or (body[0] != _FATAL and body != _CLOSE_NOTIFY):
            return
        if body == _CLOSE_NOTIFY:
            self.close()
        self._end()

    def _end(self) -> None:
        self.state = OVER
        self.events.append(Over(self.alert))

    def _fragments(self, epoch: int, body: bytes, now: int) -> None:
        """A record of the handshake: pieces of messages, one or more."""
        while len(body) >= _HEAD:
            length, offset, n = [int.from_bytes(body[i : i + 3], "big") for i in (1, 6, 9)]
            piece = body[_HEAD : _HEAD + n]
            number = body[4] << 8 | body[5]
            if len(piece) < n or offset + n > length or length > _LONGEST:
                return
            if body[0] == _HELLO_VERIFY_REQUEST:
                if n == length and not epoch:
                    self._verify(piece, now)
            elif epoch == (self.state == FINISHING):
                self._collect(body[0], number, length, offset, piece)
                self._proceed(now)
            elif body[0] == _SERVER_HELLO_DONE and self.state == FINISHING:
                self._heard_again(now)
            body = body[_HEAD + n :]

    def _verify(self, body: bytes, now: int) -> None:
        """HelloVerifyRequest: the hello once more, with the cookie (RFC 6347 section 4.2.1)."""
        if self.state != HELLO or self.theirs or self.cookies >= _COOKIES:
            return
        if 3 < len(body) == 3 + body[2] and body[3:] != self.cookie:  # a copy of one is no other cookie
            self.cookies += 1
            self.cookie = body[3:]
            self._hello(now)

    def _heard_again(self, now: int) -> None:
        """Their flight once more: ours was lost (RFC 6347 section 4.2.4). Copies that come at once mean nothing."""
        if now - self.sent_at >= self.timeout_ms // 2:
            self._transmit(now)

    def _collect(self, type: int, number: int, length: int, offset: int, piece: bytes) -> None:
        if not 0 <= number - self.expected < _AHEAD:
            return
        message = self.partial.get(number)
        if message is None or message.type != type or len(message.body) != length:
            message = self.partial[number] = _Message(type, length)
        message.put(offset, piece)

    def _proceed(self, now: int) -> None:
        """Take the messages that are whole, in order. One that is wrong is forgotten, for the right one to come."""
        while True:
            message = self.partial.get(self.expected)
            if message is None or message.missing:
                return
            del self.partial[self.expected]
            body = bytes(message.body)
            if self.state == FINISHING:
                self._finished(message.type, body)
                return
            if not self._accepts(message.type, body):
                return
            self.transcript += _whole(message.type, self.expected, body)
            self.expected += 1
            if message.type == _SERVER_HELLO_DONE:
                self._finish(now)
                return

    def _accepts(self, type: int, body: bytes) -> bool:
        """Whether it is the message whose turn it is (RFC 4279 section 2): hello, maybe a hint, done."""
        if type == _SERVER_HELLO and not self.theirs and _acceptable(body):
            self.theirs = body[2:34]
        elif type == _SERVER_KEY_EXCHANGE and self.theirs and not self.hinted and _sized(body):
            self.hinted = True  # we have one identity, whatever they hint
        else:
            return type == _SERVER_HELLO_DONE and bool(self.theirs) and not body
        return True

    def _finish(self, now: int) -> None:
        """The keys, and our last flight (RFC 5246 sections 6.3, 7.4.9 and 8.1, RFC 7627 section 4)."""
        exchange = self._message(_CLIENT_KEY_EXCHANGE, len(self.identity).to_bytes(2, "big") + self.identity)
        size = len(self.psk).to_bytes(2, "big")
        secret = size + bytes(len(self.psk)) + size + self.psk
        session = sha256(self.transcript)
        secret = prf(secret, b"extended master secret", session, 48)
        self.records.take_keys(prf(secret, b"key expansion", self.theirs + self.ours, 40), self.aead)
        finished = self._message(_FINISHED, prf(secret, b"client finished", session, 12))
        self.proof = prf(secret, b"server finished", sha256(self.transcript), 12)
        self.state = FINISHING
        self.partial = {}
        self._start([(HANDSHAKE, 0, exchange), (CHANGE_CIPHER_SPEC, 0, b"\1"), (HANDSHAKE, 1, finished)], now)

    def _finished(self, type: int, body: bytes) -> None:
        wrong = type ^ _FINISHED | len(body) ^ len(self.proof)
        for i in range(min(len(body), len(self.proof))):  # no early exit: the time must not tell how much was right
            wrong |= body[i] ^ self.proof[i]
        if wrong:
            self.out.append(self.records.record(ALERT, 1, _DECRYPT_ERROR))
            self._end()
            return
        self.state = OPEN
        self.flight = []
        self.partial = {}
        self.psk = self.transcript = self.proof = b""
        self.alert = None
        self.events.append(Opened())


class _Message:
    """One that comes in pieces, in any order, some twice: of `missing` each bit is a byte that has not come."""

    def __init__(self, type: int, length: int) -> None:
        self.type = type
        self.body = bytearray(length)
        self.missing = (1 << length) - 1

    def put(self, offset: int, piece: bytes) -> None:
        """`piece` lies within."""
        self.body[offset : offset + len(piece)] = piece
        self.missing &= ~(((1 << len(piece)) - 1) << offset)


def prf(secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """TLS 1.2's, with SHA-256 (RFC 5246 section 5)."""
    seed = label + seed
    out = b""
    a = seed
    while len(out) < length:
        a = hmac_sha256(secret, a)
        out += hmac_sha256(secret, a, seed)
    return out[:length]


def _whole(type: int, number: int, body: bytes) -> bytes:
    """A message in one piece: so it stands in the transcript, however it came (RFC 6347 section 4.2.6)."""
    length = len(body).to_bytes(3, "big")
    return bytes((type,)) + length + number.to_bytes(2, "big") + b"\0\0\0" + length + body


def _sized(field: bytes) -> bool:
    """Whether it is its length in two bytes, and then so many."""
    return len(field) >= 2 and int.from_bytes(field[:2], "big") == len(field) - 2


def _acceptable(hello: bytes) -> bool:
    """Whether a ServerHello takes what we offer, says nothing else, and has the extended master secret."""
    if len(hello) < 38 or hello[:2] != _VERSION or hello[34] > 32:
        return False
    rest = hello[35 + hello[34] :]
    if rest[:3] != _SUITE + b"\0" or not _sized(rest[3:]):
        return False
    rest = rest[5:]
    seen = []
    while rest:
        name = rest[:2]
        n = int.from_bytes(rest[2:4], "big")
        if len(rest) < 4 + n or name in seen or _KNOWN.get(name) != rest[4 : 4 + n]:
            return False
        seen.append(name)
        rest = rest[4 + n :]
    return b"\0\x17" in seen
