"""What `"security": "dtls"` in config.json means: CoAP in an association of DTLS, in place of OSCORE."""

from binascii import unhexlify

from comatrix_node.config import ConfigError

_MOST = 128  # bytes of an identity: what every server must take (RFC 4279 section 5.3)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix_node.config import Config


class Dtls:
    """`link(config)` and `client` are what a node with these credentials talks through."""

    def __init__(self, identity: bytes, psk: bytes, observe: bool) -> None:
        self.identity = identity
        self.psk = psk
        if observe:
            from comatrix_node.observing_plain import ObservingPlainClient

            self.client: "Any" = ObservingPlainClient
        else:
            from comatrix_node.plain_client import PlainClient

            self.client = PlainClient

    def link(self, config: "Config") -> "Any":
        """The link, once the network is joined: the board's own DTLS where it has one with PSK, else ours."""
        from comatrix_node import link_udp

        udp = link_udp.link(config)
        if available():
            from comatrix_node import link_tls

            return link_tls.TlsLink(udp, self.identity, self.psk)
        from comatrix_node import link_dtls

        return link_dtls.link(udp, self.identity, self.psk, config.ack_timeout_ms)


def available() -> bool:
    """Whether this MicroPython has DTLS with PSK of its own."""
    try:
        import tls  # type: ignore[import-not-found]
    except ImportError:
        return False
    return hasattr(tls, "PROTOCOL_DTLS_CLIENT") and hasattr(tls.SSLContext, "set_psk_key")


def load(config: "Config", values: "dict[str, Any]") -> None:
    """All of config.json -> `secret` and `security` of the configuration. Raises ConfigError."""
    if values["security"] != "dtls":
        raise ConfigError('config.json: security must be "dtls", or left out for OSCORE')
    try:
        psk = unhexlify(values["psk"])
    except (KeyError, TypeError, ValueError):
        psk = b""
    if len(psk) < 16:
        raise ConfigError("config.json: psk must be 32 hex digits or more; copy the file `comatrix node add` wrote")
    identity = values.get("psk_identity", values.get("name"))
    if not isinstance(identity, str) or not 0 < len(identity.encode()) <= _MOST:
        raise ConfigError("config.json: psk_identity must be a text of at most %d bytes" % _MOST)
    config.secret = psk
    config.security = Dtls(identity.encode(), psk, bool(values.get("observe")))
