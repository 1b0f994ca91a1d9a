"""The one place that names private parts of pyOpenSSL: the bindings of OpenSSL's PSK and memory BIOs.

pyOpenSSL has no public call for a pre-shared key. `missing` tells, in a test and at start, what a release
took away.
"""

from typing import Any

from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto

NAMES = (
    "BIO_new", "BIO_read", "BIO_s_mem", "BIO_set_mem_eof_return", "BIO_write",
    "BIO_ADDR_free", "BIO_ADDR_new", "Cryptography_DTLSv1_get_timeout", "DTLSv1_handle_timeout", "DTLSv1_listen",
    "ERR_clear_error",
    "SSL_CIPHER_get_name", "SSL_CTX_set_cookie_verify_cb", "SSL_CTX_set_mode", "SSL_CTX_set_psk_client_callback",
    "SSL_CTX_set_psk_server_callback",
    "SSL_SESSION_get_master_key", "SSL_do_handshake", "SSL_free", "SSL_get_current_cipher", "SSL_get_error",
    "SSL_get_extms_support", "SSL_get_session", "SSL_new", "SSL_read", "SSL_session_reused", "SSL_set_accept_state",
    "SSL_get_peer_certificate", "SSL_set_bio", "SSL_set_mtu", "SSL_shutdown", "SSL_write",
    "SSL_ERROR_WANT_READ", "SSL_ERROR_ZERO_RETURN", "SSL_MODE_RELEASE_BUFFERS", "SSL_OP_NO_QUERY_MTU",
    "SSL_OP_NO_RENEGOTIATION", "SSL_OP_NO_TICKET",
)  # fmt: skip

lib: Any = getattr(SSL, "_lib", None)
ffi: Any = getattr(SSL, "_ffi", None)


def missing() -> list[str]:
    """What the installed pyOpenSSL lacks of NAMES; empty: it serves."""
    if lib is None or ffi is None:
        return ["_lib", "_ffi"]
    absent = [name for name in NAMES if not hasattr(lib, name)]
    return absent if hasattr(crypto.X509, "_from_raw_x509_ptr") else [*absent, "X509._from_raw_x509_ptr"]


def common_name(ssl: Any) -> bytes | None:
    """The common name of the peer's certificate, which OpenSSL has verified; None: it has none."""
    certificate = lib.SSL_get_peer_certificate(ssl)
    if certificate == ffi.NULL:
        return None
    name = crypto.X509._from_raw_x509_ptr(certificate).to_cryptography().subject
    values = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = values[0].value if len(values) == 1 else None
    return text.encode() if isinstance(text, str) else text


def context_of(context: SSL.Context) -> Any:
    """The SSL_CTX* inside a public Context."""
    return context._context
