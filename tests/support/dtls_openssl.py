"""OpenSSL as a DTLS server of one client, on memory buffers: an engine that shares nothing with ours."""

from typing import Any

from OpenSSL import SSL

_lib: Any = SSL._lib  # type: ignore[attr-defined]
_ffi: Any = SSL._ffi  # type: ignore[attr-defined]
_NO_QUERY_MTU = 0x1000
_NO_TICKET = 0x4000
SUITE = b"PSK-AES128-CCM8:@SECLEVEL=0"


class OpenSslServer:
    """`receive` takes a datagram and gives what goes back; `received` is what the client said, opened.

    Its clock is the real one, so it never sends a flight again by itself: in virtual time whoever holds it does that.
    """

    def __init__(
        self, keys: dict[bytes, bytes], *, cookies: bool = True, hint: bytes = b"", suite: bytes = SUITE
    ) -> None:
        self.keys = keys
        self.established = False
        self.closed = False
        self.received: list[bytes] = []
        self.errors: list[str] = []
        self._cookies = cookies
        self.listening = cookies
        self._hint = hint
        self.context = self._made(suite)
        self.connection = self._connection()

    def _made(self, suite: bytes) -> SSL.Context:
        context = SSL.Context(SSL.DTLS_SERVER_METHOD)
        context.set_cipher_list(suite)
        context.set_options(_NO_QUERY_MTU | _NO_TICKET)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_cookie_generate_callback(lambda _: b"sixteen bytes ok")
        context.set_cookie_verify_callback(lambda _, cookie: cookie == b"sixteen bytes ok")
        self._callback = _ffi.callback("unsigned int(SSL *, const char *, unsigned char *, unsigned int)", self._psk)
        _lib.SSL_CTX_set_psk_server_callback(context._context, self._callback)
        if self._hint:
            _lib.SSL_CTX_use_psk_identity_hint(context._context, self._hint)
        return context

    def _psk(self, ssl: Any, identity: Any, buffer: Any, most: int) -> int:
        key = self.keys.get(_ffi.string(identity), b"")
        _ffi.memmove(buffer, key, len(key))
        return len(key)

    def _connection(self) -> SSL.Connection:
        connection = SSL.Connection(self.context, None)
        connection.set_accept_state()
        connection.set_ciphertext_mtu(1200)
        return connection

    def receive(self, datagram: bytes) -> list[bytes]:
        """Feed one datagram; the records that are to go back."""
        self.connection.bio_write(datagram)
        try:
            if self.listening:
                self.connection.DTLSv1_listen()
                self.listening = False
            if not self.established:
                self.connection.do_handshake()
                self.established = True
            while True:
                self.received.append(self.connection.recv(2048))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.closed = True
            self.connection.shutdown()
        except SSL.Error as error:
            self.errors.append(str(error))
        return self.outgoing()

    def send(self, data: bytes) -> list[bytes]:
        """The records of `data`."""
        self.connection.send(data)
        return self.outgoing()

    def shutdown(self) -> list[bytes]:
        """Its close_notify."""
        self.connection.shutdown()
        return self.outgoing()

    def outgoing(self) -> list[bytes]:
        """What waits to be sent, cut into its records."""
        try:
            return split(self.connection.bio_read(65536))
        except SSL.WantReadError:
            return []


def split(data: bytes) -> list[bytes]:
    """Records in a row, one by one."""
    records = []
    while data:
        end = 13 + int.from_bytes(data[11:13], "big")
        records.append(data[:end])
        data = data[end:]
    return records


def fragmented(record: bytes, size: int) -> list[bytes]:
    """A plain record with one handshake message as records of at most `size` bytes of it each; any other as it is.

    A server behind a small MTU sends such; the record numbers of epoch 0 are checked by nobody.
    """
    if record[0] != 22 or record[3:5] != b"\0\0" or record[13] == 3 or len(record) == 25:
        return [record]
    head, body = record[13:25], record[25:]
    pieces = []
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        message = head[:6] + start.to_bytes(3, "big") + len(piece).to_bytes(3, "big") + piece
        pieces.append(record[:11] + len(message).to_bytes(2, "big") + message)
    return pieces
