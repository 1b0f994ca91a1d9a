"""Reads `config.json` as `comatrix node add` writes it; what is wrong is told with the field's name."""

import json
from binascii import unhexlify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ConfigError(ValueError):
    """The node cannot start with this configuration; the text says which field and what to do."""


def _wrong(field: str, wanted: str) -> ConfigError:
    return ConfigError("config.json: %s must be %s; copy the file `comatrix node add` wrote" % (field, wanted))


class Config:
    """`node name enrolment interval_s ack_timeout_ms buffer` as in the file, `secret` as 16 bytes, the gateway as
    `host` and `port`, `wifi` as (ssid, password) or None. Raises ConfigError."""

    def __init__(self, values: "dict[str, Any]") -> None:
        self._values = values
        self._integer("v", 1, 1)
        self.node = self._integer("node", 1, 65535)
        self.enrolment = self._integer("enrolment", 0, 0xFFFFFFFF)
        self.interval_s = self._integer("interval_s", 1, 604800, 60)
        self.ack_timeout_ms = self._integer("ack_timeout_ms", 100, 60000, 2000)
        self.buffer = self._integer("buffer", 1, 1000, 32)
        self.name = self._text("name")
        try:
            self.secret = unhexlify(self._text("secret"))
        except ValueError:
            self.secret = b""
        if len(self.secret) != 16:
            raise _wrong("secret", "32 hex digits")
        self.host, self.port = _host_port(self._text("gateway"))
        self.wifi: "tuple[str, str] | None" = None
        if values.get("wifi"):
            self._values = values["wifi"]
            self.wifi = self._text("ssid"), self._text("password", "")

    def _integer(self, field: str, low: int, high: int, default: "int | None" = None) -> int:
        value = self._values.get(field, default)
        if not isinstance(value, int) or not low <= value <= high:
            raise _wrong(field, "a number from %d to %d" % (low, high))
        return value

    def _text(self, field: str, default: "str | None" = None) -> str:
        value = self._values.get(field, default)
        if not isinstance(value, str) or not (value or value == default):
            raise _wrong(field, "text")
        return value


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
            return Config(json.load(file))
    except ConfigError:
        raise
    except (OSError, ValueError, AttributeError):
        raise ConfigError("no readable %s here: copy the one `comatrix node add` wrote to the board" % path)
