"""Reads `config.json` as `comatrix node add` writes it; what is wrong is told with the field's name."""

import json
from binascii import unhexlify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix_node.lora_config import Radio
    from comatrix_node.security_dtls import Dtls


class ConfigError(ValueError):
    """The node cannot start with this configuration; the text says which field and what to do."""


def _wrong(field: str, wanted: str) -> ConfigError:
    return ConfigError("config.json: %s must be %s; copy the file `comatrix node add` wrote" % (field, wanted))


class Config:
    """A plain holder: once it is made, a node can forget this module, and with it 2 KB of RAM.

    `secret` is 16 bytes, the gateway `host` and `port`, `wifi` (ssid, password) or None; the rest is as in the file.
    `poll_s`: a node that listens asks what waits for it after so long without any exchange; 0, the default: never.
    Behind a NAT that keeps the way to it open as well. `observe`: it stays awake and is told of what waits at once
    (RFC 7641). A node that can be told nothing does neither. `link`: over that radio, and then no `host` and `port`.
    `security`: what is used in place of OSCORE, or None; `secret` is then the key of that.
    """

    node: int
    name: str
    secret: bytes
    enrolment: int
    host: str
    port: int
    interval_s: int
    ack_timeout_ms: int
    buffer: int
    poll_s: int
    observe: bool
    wifi: "tuple[str, str] | None"
    link: "Radio | None"
    security: "Dtls | None" = None


def parse(values: "dict[str, Any]") -> Config:
    """The contents of config.json -> the configuration. Raises ConfigError."""
    config = Config()
    _integer(values, "v", 1, 1)
    config.node = _integer(values, "node", 1, 65535)
    config.enrolment = _integer(values, "enrolment", 0, 0xFFFFFFFF)
    config.interval_s = _integer(values, "interval_s", 1, 604800, 60)
    config.ack_timeout_ms = _integer(values, "ack_timeout_ms", 100, 60000, 2000)
    config.buffer = _integer(values, "buffer", 1, 1000, 32)
    config.poll_s = _integer(values, "poll_s", 0, 604800, 0)
    config.observe = bool(values.get("observe"))
    config.name = _text(values, "name")
    if values.get("security"):
        __import__("comatrix_node.security_dtls", None, None, ("load",)).load(config, values)  # by text, as below
    else:
        config.secret = _secret(_text(values, "secret"))
    config.link = None
    if "gateway" in values:
        config.host, config.port = _host_port(_text(values, "gateway"))
    else:
        # By text: a name that the code of a UDP node knows costs it RAM, one too many 3.6 KB (decision 0004).
        try:
            module = __import__("comatrix_node.lora_config", None, None, ("load",))
        except ImportError:
            raise _wrong("gateway", "host:port or [IPv6]:port")
        config.link = module.load(values)
    wifi = values.get("wifi")
    config.wifi = (_text(wifi, "ssid"), _text(wifi, "password", "")) if wifi else None
    return config


def _integer(values: "dict[str, Any]", field: str, low: int, high: int, default: "int | None" = None) -> int:
    value = values.get(field, default)
    if not isinstance(value, int) or not low <= value <= high:
        raise _wrong(field, "a number from %d to %d" % (low, high))
    return value


def _text(values: "dict[str, Any]", field: str, default: "str | None" = None) -> str:
    value = values.get(field, default)
    if not isinstance(value, str) or not (value or value == default):
        raise _wrong(field, "text")
    return value


def _secret(digits: str) -> bytes:
    try:
        secret = unhexlify(digits)
    except ValueError:
        secret = b""
    if len(secret) != 16:
        raise _wrong("secret", "32 hex digits")
    return secret


def _host_port(address: str) -> "tuple[str, int]":
    """("host", port) of "host", "host:port", "[v6]" or "[v6]:port"; without a port it is CoAP's."""
    host, _, port = address.partition(":")
    if address[0] == "[":
        host, bracket, port = address[1:].partition("]")
        port = port[1:] if bracket and port[:1] in ("", ":") else "?"
    if not port and address[-1] != ":":
        port = "5683"
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise _wrong("gateway", "host:port or [IPv6]:port")
    return host, int(port)


def load(path: str = "config.json") -> Config:
    """The configuration at `path`. Raises ConfigError, with what to do about it."""
    try:
        with open(path) as file:
            return parse(json.load(file))
    except ConfigError:
        raise
    except (OSError, ValueError, AttributeError):
        raise ConfigError("no readable %s here: copy the one `comatrix node add` wrote to the board" % path)
