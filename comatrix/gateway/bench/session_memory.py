"""`python -m comatrix.gateway.bench.session_memory [system]`: what a DTLS session takes, on which OpenSSL.

Sessions shake hands one after the other in this process; their clients are freed, so what stays is the server's side.
The system's library is spoken to by ctypes, and has no Python object a session.
"""

import ctypes.util
import gc
import os
import sys
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL

from comatrix.gateway.bench.dtls_client import ClientContext, DtlsClient
from comatrix.gateway.bench.process_figures import rss_mb
from comatrix.gateway.edges.dtls.cookies import Cookies
from comatrix.gateway.edges.dtls.engine import OPEN
from comatrix.gateway.edges.dtls.hello import read_hello_untrusted, verify_request
from comatrix.gateway.edges.dtls.openssl import OpenSslEngine

SESSIONS = 2_000
KEY = bytes(16)
IDENTITY = b"node"
_SUITE = b"PSK-AES128-CCM8:@SECLEVEL=0"
_SIZE = 4096
# openssl/ssl.h, openssl/bio.h: what is a macro there
_SET_MTU, _MODE, _RELEASE_BUFFERS, _NO_QUERY_MTU, _NO_TICKET, _EOF_RETURN = 17, 33, 0x10, 0x1000, 0x4000, 130


def wheel() -> Callable[[], object]:
    """What makes one session by our engine, on the OpenSSL of the `cryptography` wheel."""
    engine, context = OpenSslEngine({IDENTITY: KEY}.get), ClientContext(KEY)
    cookies = Cookies(os.urandom, 0)

    def make() -> object:
        client = DtlsClient(context, IDENTITY)
        (hello,) = client.shake()
        read = read_hello_untrusted(hello)
        (hello,) = client.shake(verify_request(read, cookies.make(b"", read, 0)))
        server = engine.accept(hello)
        assert server is not None
        while not client.open:
            out, server.out = server.out, []
            for datagram in out:
                for answer in client.shake(datagram):
                    server.receive_datagram(answer)
        assert server.receive_datagram(client.seal(b"up")) == [b"up"] and server.state == OPEN
        return server

    return make


class System:
    """The system's libssl. Raises OSError where there is none."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("ssl")
        if name is None:
            raise OSError("no libssl on this system")
        self.lib: Any = ctypes.CDLL(name)
        crypto: Any = ctypes.CDLL(ctypes.util.find_library("crypto"))
        for function in ("DTLS_server_method", "DTLS_client_method", "SSL_CTX_new", "SSL_new"):
            getattr(self.lib, function).restype = ctypes.c_void_p
        for function in ("BIO_new", "BIO_s_mem"):
            getattr(crypto, function).restype = ctypes.c_void_p
        crypto.OpenSSL_version.restype = ctypes.c_char_p
        self.crypto = crypto
        self.version: str = crypto.OpenSSL_version(0).decode()
        self._buffer = ctypes.create_string_buffer(_SIZE)
        self._callbacks = (_SERVER_KEY(self._server_key), _CLIENT_KEY(self._client_key))
        self._server, self._client = self._context("DTLS_server_method"), self._context("DTLS_client_method")
        self.lib.SSL_CTX_set_psk_server_callback(self._server, self._callbacks[0])
        self.lib.SSL_CTX_set_psk_client_callback(self._client, self._callbacks[1])

    def make(self) -> object:
        """One session."""
        server, client = self._ssl(self._server), self._ssl(self._client)
        self.lib.SSL_set_accept_state(server[0])
        self.lib.SSL_set_connect_state(client[0])
        for _ in range(10):
            done = [self.lib.SSL_do_handshake(one[0]) == 1 for one in (client, server)]
            self._carry(client, server)
            self._carry(server, client)
            if all(done):
                break
        assert self.lib.SSL_write(client[0], b"up", 2) == 2
        self._carry(client, server)
        assert self.lib.SSL_read(server[0], self._buffer, _SIZE) == 2
        self.lib.SSL_free(client[0])
        return server

    def _context(self, method: str) -> ctypes.c_void_p:
        made = ctypes.c_void_p(self.lib.SSL_CTX_new(ctypes.c_void_p(getattr(self.lib, method)())))
        assert self.lib.SSL_CTX_set_cipher_list(made, _SUITE) == 1
        self.lib.SSL_CTX_set_options(made, ctypes.c_uint64(_NO_QUERY_MTU | _NO_TICKET))
        self.lib.SSL_CTX_ctrl(made, _MODE, ctypes.c_long(_RELEASE_BUFFERS), None)
        return made

    def _ssl(self, context: ctypes.c_void_p) -> tuple[ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]:
        """-> the SSL, what it reads from, what it writes to."""
        ssl = ctypes.c_void_p(self.lib.SSL_new(context))
        read, write = (ctypes.c_void_p(self.crypto.BIO_new(ctypes.c_void_p(self.crypto.BIO_s_mem()))) for _ in range(2))
        for one in (read, write):
            self.crypto.BIO_ctrl(one, _EOF_RETURN, ctypes.c_long(-1), None)
        self.lib.SSL_set_bio(ssl, read, write)
        self.lib.SSL_ctrl(ssl, _SET_MTU, ctypes.c_long(1232), None)
        return ssl, read, write

    def _carry(self, source: tuple[Any, Any, Any], target: tuple[Any, Any, Any]) -> None:
        while (size := self.crypto.BIO_read(source[2], self._buffer, _SIZE)) > 0:
            self.crypto.BIO_write(target[1], self._buffer, size)

    @staticmethod
    def _server_key(ssl: Any, identity: bytes, key: Any, most: int) -> int:
        ctypes.memmove(key, KEY, len(KEY))
        return len(KEY)

    @staticmethod
    def _client_key(ssl: Any, hint: Any, identity: Any, most: int, key: Any, longest: int) -> int:
        ctypes.memmove(identity, IDENTITY + b"\0", len(IDENTITY) + 1)
        ctypes.memmove(key, KEY, len(KEY))
        return len(KEY)


_POINTER = ctypes.c_void_p
_SERVER_KEY = ctypes.CFUNCTYPE(ctypes.c_uint, _POINTER, ctypes.c_char_p, _POINTER, ctypes.c_uint)
_CLIENT_KEY = ctypes.CFUNCTYPE(
    ctypes.c_uint, _POINTER, ctypes.c_char_p, _POINTER, ctypes.c_uint, _POINTER, ctypes.c_uint
)


def kib_each(make: Callable[[], object], count: int) -> float:
    """Resident memory that a session takes, beside what the first ones take once."""
    kept = [make() for _ in range(100)]
    gc.collect()
    before_mb = rss_mb(os.getpid())
    kept += [make() for _ in range(count)]
    gc.collect()
    return (rss_mb(os.getpid()) - before_mb) * 1024 / count


def main() -> None:
    """Prints one line."""
    if sys.argv[1:] == ["system"]:
        system = System()
        version, make = system.version, system.make
    else:
        version, make = SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode(), wheel()
    sys.stdout.write(f"{version}: {kib_each(make, SESSIONS):.1f} KiB a session\n")


if __name__ == "__main__":
    main()
