"""A DTLS server that does as a test says, right or wrong: written against the RFCs, apart from our client."""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

EXTENDED = b"\0\x17\0\0"
RENEGOTIATION = b"\xff\1\0\1\0"
SUITE = b"\xc0\xa8"


def _prf(secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    def digest(data: bytes) -> bytes:
        return hmac.new(secret, data, hashlib.sha256).digest()

    out, a = b"", label + seed
    while len(out) < length:
        a = digest(a)
        out += digest(a + label + seed)
    return out[:length]


class ScriptedServer:
    """What it answers can be set before the handshake; `message` and `record` make anything else."""

    def __init__(self, psk: bytes, random: bytes | None = None) -> None:
        self.psk = psk
        self.cookies = [b"cookie"]  # each asked for in turn
        self.version = b"\xfe\xfd"
        self.suite = SUITE
        self.extensions: bytes | None = EXTENDED + RENEGOTIATION
        self.session_id = b""
        self.hint: bytes | None = None
        self.finished_pieces: list[tuple[int, int]] = [(0, 12)]  # (offset, size), in the order they are sent
        self.spoil_finished = False
        self.established = False
        self.received: list[bytes] = []
        self.alerts: list[bytes] = []
        self.identity = b""
        self._next = [0, 0]
        self._transcript = b""
        self._random = random or os.urandom(32)
        self._client_random = b""
        self._secret = b""
        self._keys = b""

    def receive(self, datagram: bytes) -> list[bytes]:
        """The records that answer a datagram."""
        out = []
        while datagram:
            end = 13 + int.from_bytes(datagram[11:13], "big")
            record, datagram = datagram[:end], datagram[end:]
            body = record[13:]
            if record[4]:
                try:
                    body = self._open(record)
                except InvalidTag:
                    continue
            if record[0] == 22:
                out += self._handshake(body)
            elif record[0] == 21:
                self.alerts.append(body)
            elif record[0] == 23:
                self.received.append(body)
        return out

    def message(self, type: int, number: int, body: bytes, offset: int = 0, size: int | None = None) -> bytes:
        """A handshake message, or `size` bytes of it from `offset`."""
        piece = body[offset:][:size]
        head = bytes([type]) + len(body).to_bytes(3, "big") + number.to_bytes(2, "big")
        return head + offset.to_bytes(3, "big") + len(piece).to_bytes(3, "big") + piece

    def record(self, type: int, body: bytes, epoch: int = 0, number: int | None = None) -> bytes:
        """A record, sealed in epoch 1; its number is the next one unless it is given."""
        if number is None:
            number = self._next[epoch]
            self._next[epoch] += 1
        head = epoch.to_bytes(2, "big") + number.to_bytes(6, "big")
        if epoch:
            aad = head + bytes([type]) + b"\xfe\xfd" + len(body).to_bytes(2, "big")
            body = head + AESCCM(self._keys[16:32], 8).encrypt(self._keys[36:40] + head, body, aad)
        return bytes([type]) + b"\xfe\xfd" + head + len(body).to_bytes(2, "big") + body

    def _open(self, record: bytes) -> bytes:
        body = record[13:]
        aad = record[3:11] + record[:3] + (len(body) - 16).to_bytes(2, "big")
        return AESCCM(self._keys[:16], 8).decrypt(self._keys[32:36] + body[:8], body[8:], aad)

    def _handshake(self, message: bytes) -> list[bytes]:
        body = message[12:]
        if message[0] == 1:
            return self._hello(message, body) if not self._keys else []
        if message[0] == 16 and self._keys:
            return []
        if message[0] == 20 and self.established:
            return self._finish(message)
        if message[0] == 16:
            self._transcript += message
            self.identity = body[2:]
            self._derive()
            return []
        assert body == _prf(self._secret, b"client finished", self._hash(), 12)
        self._transcript += message
        self.established = True
        return self._finish(message)

    def _finish(self, message: bytes) -> list[bytes]:
        proof = _prf(self._secret, b"server finished", self._hash(), 12)
        if self.spoil_finished:
            proof = proof[:-1] + bytes([proof[-1] ^ 1])
        number = int.from_bytes(message[4:6], "big") + (self.hint is not None)
        pieces = [self.message(20, number, proof, *piece) for piece in self.finished_pieces]
        return [self.record(20, b"\1"), *(self.record(22, piece, 1) for piece in pieces)]

    def _hello(self, message: bytes, body: bytes) -> list[bytes]:
        cookie = body[36 : 36 + body[35]]
        if self.cookies and cookie != self.cookies[-1]:
            wanted = self.cookies[self.cookies.index(cookie) + 1 if cookie in self.cookies else 0]
            return [self.record(22, self.message(3, 0, b"\xfe\xff" + bytes([len(wanted)]) + wanted))]
        number = int.from_bytes(message[4:6], "big")
        self._client_random = body[2:34]
        self._transcript = message
        hello = self.version + self._random + bytes([len(self.session_id)]) + self.session_id + self.suite + b"\0"
        if self.extensions is not None:
            hello += len(self.extensions).to_bytes(2, "big") + self.extensions
        flight = [(2, hello)]
        if self.hint is not None:
            flight.append((12, len(self.hint).to_bytes(2, "big") + self.hint))
        flight.append((14, b""))
        out = []
        for place, (type, content) in enumerate(flight):
            out.append(self.message(type, number + place, content))
        self._transcript += b"".join(out)
        return [self.record(22, one) for one in out]

    def _hash(self) -> bytes:
        return hashlib.sha256(self._transcript).digest()

    def _derive(self) -> None:
        size = len(self.psk).to_bytes(2, "big")
        premaster = size + bytes(len(self.psk)) + size + self.psk
        self._secret = _prf(premaster, b"extended master secret", self._hash(), 48)
        self._keys = _prf(self._secret, b"key expansion", self._random + self._client_random, 40)
