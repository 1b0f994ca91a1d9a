"""A DTLS 1.2 client in memory on OpenSSL, for tests: datagrams in, datagrams out, no socket."""

from typing import Any

from OpenSSL import SSL

from comatrix.gateway.edges.dtls.binding import context_of, ffi, lib
from comatrix.gateway.edges.dtls.hello import packed

CCM8 = "PSK-AES128-CCM8"
GCM = "PSK-AES128-GCM-SHA256"


class MemoryClient:
    """`step()` shakes hands or repeats a flight; `take()` gives its datagrams. `session` of another one resumes it."""

    def __init__(
        self,
        identity: bytes,
        key: bytes,
        suites: str = CCM8,
        *,
        mtu: int = 1232,
        session: "MemoryClient | None" = None,
        certificate: tuple[str, str] | None = None,
        options: int = 0,
    ) -> None:
        # A session belongs to the context it was made in.
        self._context: SSL.Context = session._context if session else _context(suites, options, certificate)
        context = self._context
        self._callback = ffi.callback(
            "unsigned int(SSL *, const char *, char *, unsigned int, unsigned char *, unsigned int)",
            lambda ssl, hint, name, most, psk, longest: _give(identity, key, name, psk),
        )
        lib.SSL_CTX_set_psk_client_callback(context_of(context), self._callback)
        self._connection = SSL.Connection(context, None)
        self._connection.set_ciphertext_mtu(mtu)
        self._connection.set_connect_state()
        if session is not None:
            found = session._connection.get_session()
            assert found is not None
            self._connection.set_session(found)
        self._mtu = mtu
        self.open = False
        self.error: SSL.Error | None = None

    def step(self) -> None:
        """Shake hands as far as it goes."""
        if self.open or self.error:
            return
        try:
            self._connection.do_handshake()
            self.open = True
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            self.error = error

    def timer(self) -> None:
        """Repeat the flight if its time (of the system's clock) has come."""
        if not self.open and not self.error:
            try:
                self._connection.DTLSv1_handle_timeout()
            except SSL.Error as error:
                self.error = error

    def take(self) -> list[bytes]:
        data = b""
        while True:
            try:
                data += self._connection.bio_read(16_384)
            except SSL.WantReadError:
                return packed(data, self._mtu)

    def give(self, datagram: bytes) -> list[bytes]:
        """-> plaintexts in it."""
        found: list[bytes] = []
        self._connection.bio_write(datagram)
        self.step()
        while self.open:
            try:
                found.append(self._connection.recv(2048))
            except SSL.WantReadError:
                break
            except SSL.Error as error:
                self.error = error
                break
        return found

    def send(self, data: bytes) -> None:
        self._connection.send(data)

    def renegotiate(self) -> None:
        """Ask for a second handshake inside the first."""
        self._connection.renegotiate()
        self.open = False
        self.step()

    def goodbye(self) -> None:
        self._connection.shutdown()

    @property
    def resumed(self) -> bool:
        return bool(lib.SSL_session_reused(self._connection._ssl))


def _context(suites: str, options: int, certificate: tuple[str, str] | None) -> SSL.Context:
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
    context.set_cipher_list(f"{suites}:@SECLEVEL=0".encode())
    context.set_options(lib.SSL_OP_NO_QUERY_MTU | options)
    if certificate is not None:
        context.use_certificate_file(certificate[0])
        context.use_privatekey_file(certificate[1])
    return context


def _give(identity: bytes, key: bytes, name: Any, psk: Any) -> int:
    ffi.memmove(name, identity + b"\0", len(identity) + 1)
    ffi.memmove(psk, key, len(key))
    return len(key)
