"""One DTLS client of the load, on the same OpenSSL as the server, in memory."""

from typing import Any

from OpenSSL import SSL

from comatrix.gateway.edges.dtls.binding import context_of, ffi, lib
from comatrix.gateway.edges.dtls.hello import packed

SUITE = b"PSK-AES128-CCM8:@SECLEVEL=0"
MTU = 1232
_SIZE = 4096
_BUFFER: Any = ffi.new("char[]", _SIZE)
_MEMORY: Any = ffi.buffer(_BUFFER)


class ClientContext:
    """What all clients of one load share; each has an identity of its own and the same key."""

    def __init__(self, key: bytes) -> None:
        self.identity = b""  # of the client whose turn it is
        self._context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
        self._context.set_cipher_list(SUITE)
        self._context.set_options(lib.SSL_OP_NO_QUERY_MTU | lib.SSL_OP_NO_TICKET)
        self.ctx = context_of(self._context)
        lib.SSL_CTX_set_mode(self.ctx, lib.SSL_MODE_RELEASE_BUFFERS)

        def give(ssl: Any, hint: Any, name: Any, most: int, psk: Any, longest: int) -> int:
            ffi.memmove(name, self.identity + b"\0", len(self.identity) + 1)
            ffi.memmove(psk, key, len(key))
            return len(key)

        self._callback = ffi.callback(
            "unsigned int(SSL *, const char *, char *, unsigned int, unsigned char *, unsigned int)", give
        )
        lib.SSL_CTX_set_psk_client_callback(self.ctx, self._callback)


class DtlsClient:
    """`shake` until `open`; then `seal` and `unseal`."""

    def __init__(self, context: ClientContext, identity: bytes) -> None:
        self._context = context
        self._identity = identity
        self.open = False
        self._ssl = ffi.gc(lib.SSL_new(context.ctx), lib.SSL_free)
        self._read, self._write = lib.BIO_new(lib.BIO_s_mem()), lib.BIO_new(lib.BIO_s_mem())
        lib.BIO_set_mem_eof_return(self._read, -1)
        lib.BIO_set_mem_eof_return(self._write, -1)
        lib.SSL_set_bio(self._ssl, self._read, self._write)
        lib.SSL_set_mtu(self._ssl, MTU)
        lib.SSL_set_connect_state(self._ssl)

    def shake(self, datagram: bytes = b"") -> list[bytes]:
        """Take a datagram -> those to send."""
        if datagram:
            lib.BIO_write(self._read, datagram, len(datagram))
        self._context.identity = self._identity
        if lib.SSL_do_handshake(self._ssl) == 1:
            self.open = True
        else:
            lib.ERR_clear_error()
        return self._written()

    def timer(self) -> list[bytes]:
        """A flight again, if its time has come."""
        lib.DTLSv1_handle_timeout(self._ssl)
        return self._written()

    def seal(self, plaintext: bytes) -> bytes:
        """One record."""
        lib.SSL_write(self._ssl, plaintext, len(plaintext))
        return bytes(_MEMORY[: lib.BIO_read(self._write, _BUFFER, _SIZE)])

    def unseal(self, datagram: bytes) -> bytes:
        """The message in a record; empty: none that verifies."""
        lib.BIO_write(self._read, datagram, len(datagram))
        size = lib.SSL_read(self._ssl, _BUFFER, _SIZE)
        if size <= 0:
            lib.ERR_clear_error()
            return b""
        return bytes(_MEMORY[:size])

    def _written(self) -> list[bytes]:
        data = b""
        while (size := lib.BIO_read(self._write, _BUFFER, _SIZE)) > 0:
            data += _MEMORY[:size]
        return packed(data, MTU)
