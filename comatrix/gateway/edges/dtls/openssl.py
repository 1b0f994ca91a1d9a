"""The engine on the OpenSSL that the `cryptography` wheel carries. OpenSSL reads the system's clock by itself."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from OpenSSL import SSL

from comatrix.gateway.edges.dtls.binding import context_of, ffi, lib, missing
from comatrix.gateway.edges.dtls.engine import KeyOf
from comatrix.gateway.edges.dtls.openssl_association import OpenSslAssociation
from comatrix.gateway.errors import GatewayError

# CCM_8 has a 64-bit tag, which OpenSSL offers at security level 0 alone (RFC 7925 section 4.2 requires it of devices).
PSK_SUITES = "PSK-AES128-CCM8:PSK-AES128-GCM-SHA256"
CERTIFICATE_SUITES = "ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-AES128-GCM-SHA256"
DTLS_1_2_VERSION = 0xFEFD
SESSION_LIFETIME_S = 86_400
SESSIONS = 32_768  # remembered identities; OpenSSL's own cache of sessions ends at 20,480
MTU = 1280 - 48  # what IPv6 always lets through, less the headers of IPv6 and UDP


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files for clients with certificates: our chain, its key, and the CA that signed theirs."""

    chain: Path
    key: Path
    authority: Path


class OpenSslEngine:
    """`key_of`: asked in the handshake. `known(identity)`: whether a certificate's name is one of ours."""

    def __init__(
        self,
        key_of: KeyOf,
        *,
        mtu: int = MTU,
        certificates: Certificates | None = None,
        known: Callable[[bytes], bool] = lambda identity: False,
    ) -> None:
        if absent := missing():
            raise GatewayError(
                f"this pyOpenSSL lacks {', '.join(absent)}: DTLS cannot run on it",
                "pip install --upgrade pyOpenSSL cryptography, or leave [dtls] listen empty",
            )
        self.mtu = mtu
        self.known = known
        self._key_of = key_of
        self._accepting: OpenSslAssociation | None = None  # the one OpenSSL works for; there is one thread
        self._sessions: OrderedDict[bytes, tuple[bytes, bytes]] = OrderedDict()  # master secret -> identity, key
        self._context = _context(certificates)
        self._ctx = context_of(self._context)
        self._callbacks = (
            ffi.callback("unsigned int(SSL *, const char *, unsigned char *, unsigned int)", self._psk),
            # The cookie was found good before OpenSSL saw it.
            ffi.callback("int(SSL *, const unsigned char *, unsigned int)", lambda ssl, cookie, size: 1),
        )
        lib.SSL_CTX_set_psk_server_callback(self._ctx, self._callbacks[0])
        lib.SSL_CTX_set_cookie_verify_cb(self._ctx, self._callbacks[1])
        lib.SSL_CTX_set_mode(self._ctx, lib.SSL_MODE_RELEASE_BUFFERS)

    def accept(self, hello: bytes) -> OpenSslAssociation | None:
        """As engine.Engine."""
        association = OpenSslAssociation(self, lib.SSL_new(self._ctx), self.mtu)
        return association if association.begin(hello) else None

    def working_for(self, association: OpenSslAssociation | None) -> None:
        """Whose callbacks come now."""
        self._accepting = association

    def remember(self, master: bytes, identity: bytes) -> None:
        """A full handshake is done: a session resumed later has the same master secret, and no identity of its own."""
        self._sessions[master] = identity, self._key_of(identity) or b""
        while len(self._sessions) > SESSIONS:
            self._sessions.popitem(last=False)

    def resumed(self, master: bytes) -> bytes | None:
        """Whose session that is; None: nobody's, or its identity is not heard any more, or under another key."""
        identity, key = self._sessions.get(master, (b"", b""))
        if not key:
            return identity if identity and self.known(identity) else None
        return identity if self._key_of(identity) == key else None

    def _psk(self, ssl: Any, identity: Any, psk: Any, most: int) -> int:
        """OpenSSL asks for a key; 0: it answers the peer with unknown_psk_identity."""
        association = self._accepting
        if association is None:
            return 0
        association.identity = bytes(ffi.string(identity))
        key = self._key_of(association.identity)
        if not key or len(key) > most:
            association.unknown = True
            return 0
        ffi.memmove(psk, key, len(key))
        return len(key)


def _context(certificates: Certificates | None) -> SSL.Context:
    context = SSL.Context(SSL.DTLS_SERVER_METHOD)
    context.set_min_proto_version(DTLS_1_2_VERSION)
    context.set_max_proto_version(DTLS_1_2_VERSION)
    options = SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE
    context.set_options(options | lib.SSL_OP_NO_QUERY_MTU | lib.SSL_OP_NO_TICKET | lib.SSL_OP_NO_RENEGOTIATION)
    suites = PSK_SUITES if certificates is None else f"{PSK_SUITES}:{CERTIFICATE_SUITES}"
    context.set_cipher_list(f"{suites}:@SECLEVEL=0".encode())
    context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
    context.set_session_id(b"comatrix")
    context.set_timeout(SESSION_LIFETIME_S)
    if certificates is not None:
        _load(context, certificates)
    return context


def _load(context: SSL.Context, certificates: Certificates) -> None:
    try:
        context.use_certificate_chain_file(str(certificates.chain))
        context.use_privatekey_file(str(certificates.key))
        context.check_privatekey()
        context.load_verify_locations(str(certificates.authority))
    except SSL.Error as error:
        raise GatewayError(f"the certificates of [dtls] cannot be used: {error}", "comatrix config check") from error
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
