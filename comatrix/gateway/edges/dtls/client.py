"""The other end: one DTLS 1.2 association as a client with a pre-shared key, on the same OpenSSL. No socket.

For one person's requests: alerts in plaintext are believed here, so that a refusal is told at once. A forged one costs
a second try.
"""

from typing import Any

from OpenSSL import SSL

from comatrix.gateway.edges.dtls import engine as states
from comatrix.gateway.edges.dtls.binding import context_of, ffi, lib, missing
from comatrix.gateway.edges.dtls.hello import ALERT, RECORD, packed, records
from comatrix.gateway.edges.dtls.openssl import DTLS_1_2_VERSION, MTU, PSK_SUITES
from comatrix.gateway.errors import GatewayError

_SIZE = 16_384
_FATAL = 2


class Client:
    """`state`, `out`: as engine.Association. `asked`: the server wanted the key. `alert`: what it refused by (RFC 5246
    section 7.2), None: nothing. Raises GatewayError where pyOpenSSL has not what this needs."""

    def __init__(self, identity: bytes, key: bytes, *, mtu: int = MTU) -> None:
        if absent := missing():
            step = "pip install --upgrade pyOpenSSL cryptography"
            raise GatewayError(f"this pyOpenSSL lacks {', '.join(absent)}: DTLS cannot run on it", step)
        self.state = states.HANDSHAKE
        self.out: list[bytes] = []
        self.asked = False
        self.alert: int | None = None
        self._identity = identity
        self._key = key
        self._mtu = mtu
        context = _context()
        self._callback = ffi.callback(
            "unsigned int(SSL *, const char *, char *, unsigned int, unsigned char *, unsigned int)", self._psk
        )
        lib.SSL_CTX_set_psk_client_callback(context_of(context), self._callback)
        self._connection = SSL.Connection(context, None)
        self._connection.set_ciphertext_mtu(mtu)
        self._connection.set_connect_state()

    def begin(self) -> None:
        """The first flight is in `out`."""
        self._shake()

    def receive_datagram(self, datagram: bytes) -> list[bytes]:
        """Take a datagram -> the plaintexts in it. Never raises for what the server sent."""
        plaintexts: list[bytes] = []
        for record in records(datagram):
            if self.state == states.OVER:
                break
            self._look_for_alert(record)
            self._connection.bio_write(record)
            if self.state == states.HANDSHAKE:
                self._shake()
            if self.state == states.OPEN:
                plaintexts += self._read()
        return plaintexts

    def send(self, plaintext: bytes) -> None:
        """Protect one message. Without effect unless OPEN."""
        if self.state == states.OPEN:
            self._connection.send(plaintext)
            self._flush()

    def timeout_ms(self) -> int | None:
        """In how long `handle_timer` is due, or None."""
        due_s = self._connection.DTLSv1_get_timeout() if self.state == states.HANDSHAKE else None
        return None if due_s is None else int(due_s * 1000) + 1

    def handle_timer(self) -> None:
        """Repeat the last flight if its time has come."""
        if self.state != states.HANDSHAKE:
            return
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error:
            self.state = states.OVER
        self._flush()

    def close(self) -> None:
        """Say close_notify where that is possible."""
        if self.state == states.OPEN:
            self._connection.shutdown()
            self._flush()
        self.state = states.OVER

    def _shake(self) -> None:
        try:
            self._connection.do_handshake()
            self.state = states.OPEN
        except SSL.WantReadError:
            pass
        except SSL.Error:
            self.state = states.OVER
        self._flush()

    def _read(self) -> list[bytes]:
        plaintexts: list[bytes] = []
        try:
            while True:
                plaintexts.append(self._connection.recv(_SIZE))
        except SSL.WantReadError:
            pass
        except SSL.Error:
            self.state = states.OVER  # it said close_notify, or what no server says
        self._flush()
        return plaintexts

    def _look_for_alert(self, record: bytes) -> None:
        if self.state == states.HANDSHAKE and record[0] == ALERT and record[3:5] == b"\0\0":
            level, description = record[RECORD : RECORD + 2] if len(record) >= RECORD + 2 else (0, 0)
            if level == _FATAL:
                self.alert = description

    def _flush(self) -> None:
        data = b""
        try:
            while True:
                data += self._connection.bio_read(_SIZE)
        except SSL.WantReadError:
            pass
        self.out += packed(data, self._mtu)

    def _psk(self, ssl: Any, hint: Any, identity: Any, most: int, key: Any, longest: int) -> int:
        """OpenSSL asks for identity and key; 0: they are too long for it."""
        self.asked = True
        if len(self._identity) > most or len(self._key) > longest:
            return 0
        ffi.memmove(identity, self._identity + b"\0", len(self._identity) + 1)
        ffi.memmove(key, self._key, len(self._key))
        return len(self._key)


def _context() -> SSL.Context:
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
    context.set_min_proto_version(DTLS_1_2_VERSION)
    context.set_max_proto_version(DTLS_1_2_VERSION)
    context.set_cipher_list(f"{PSK_SUITES}:@SECLEVEL=0".encode())
    context.set_options(lib.SSL_OP_NO_QUERY_MTU | lib.SSL_OP_NO_TICKET)
    return context
