"""The one place that names private parts of pyOpenSSL: the bindings of OpenSSL's PSK and memory BIOs.

pyOpenSSL has no public call for a pre-shared key. `missing` tells, in a test and at start, what a release
took away.
"""

from typing import Any

from OpenSSL import SSL

NAMES = (
    "BIO_new", "BIO_read", "BIO_s_mem", "BIO_set_mem_eof_return", "BIO_write",
    "BIO_ADDR_free", "BIO_ADDR_new", "Cryptography_DTLSv1_get_timeout", "DTLSv1_handle_timeout", "DTLSv1_listen",
    "ERR_clear_error",
    "SSL_CIPHER_get_name", "SSL_CTX_set_cookie_verify_cb", "SSL_CTX_set_mode", "SSL_CTX_set_psk_server_callback",
    "SSL_SESSION_get_master_key", "SSL_do_handshake", "SSL_free", "SSL_get_current_cipher", "SSL_get_error",
    "SSL_get_extms_support", "SSL_get_session", "SSL_new", "SSL_read", "SSL_session_reused", "SSL_set_accept_state",
    "SSL_set_bio", "SSL_set_mtu", "SSL_set_shutdown", "SSL_shutdown", "SSL_write",
    "SSL_ERROR_WANT_READ", "SSL_ERROR_ZERO_RETURN", "SSL_MODE_RELEASE_BUFFERS", "SSL_OP_NO_QUERY_MTU",
    "SSL_OP_NO_RENEGOTIATION", "SSL_OP_NO_TICKET", "SSL_RECEIVED_SHUTDOWN", "SSL_SENT_SHUTDOWN",
)  # fmt: skip

lib: Any = getattr(SSL, "_lib", None)
ffi: Any = getattr(SSL, "_ffi", None)


def missing() -> list[str]:
    """What the installed pyOpenSSL lacks of NAMES; empty: it serves."""
    if lib is None or ffi is None:
        return ["_lib", "_ffi"]
    return [name for name in NAMES if not hasattr(lib, name)]


def context_of(context: SSL.Context) -> Any:
    """The SSL_CTX* inside a public Context."""
    return context._context
