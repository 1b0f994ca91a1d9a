"""Reads `config.json` as `comatrix node add` writes it; what is wrong is told with the field's name."""

import json
from binascii import unhexlify


class ConfigError(ValueError):
    """The node cannot start with this configuration; the text says which field and what to do."""


def _integer(low: int, high: int):
    def check(value):
        return isinstance(value, int) and low <= value <= high

    return check


def _text(value) -> bool:
    return isinstance(value, str) and len(value) > 0


# field: (what it must be, in words; the check; its default, or None where it must be there)
_FIELDS = {
    "v": ("1", _integer(1, 1), None),
    "node": ("a number from 1 to 65535", _integer(1, 65535), None),
    "name": ("text", _text, None),
    "secret": ("32 hexadecimal digits", _text, None),
    "enrolment": ("a number from 0", _integer(0, 0xFFFFFFFF), None),
    "gateway": ("host:port or [IPv6]:port", _text, None),
    "interval_s": ("seconds from 1 to a week", _integer(1, 604800), 60),
    "ack_timeout_ms": ("milliseconds from 100 to 60000", _integer(100, 60000), 2000),
    "buffer": ("a number of readings from 1 to 1000", _integer(1, 1000), 32),
}


def _wrong(field: str, wanted: str):
    return ConfigError("config.json: '%s' must be %s. Take the file `comatrix node add` wrote" % (field, wanted))


class Config:
    """`node name enrolment interval_s ack_timeout_ms buffer` as in the file, `secret` as 16 bytes, the gateway as
    `host` and `port`, `wifi` as (ssid, password) or None."""

    def __init__(self, values: dict) -> None:
        for field, (wanted, check, default) in _FIELDS.items():
            value = values.get(field, default)
            if not check(value):
                raise _wrong(field, wanted)
            setattr(self, field, value)
        self.secret = _secret(self.secret)
        self.host, self.port = _host_port(self.gateway)
        self.wifi = _wifi(values.get("wifi"))


def _secret(digits: str) -> bytes:
    try:
        secret = unhexlify(digits)
    except ValueError:
        secret = b""
    if len(secret) != 16:
        raise _wrong("secret", "32 hexadecimal digits")
    return secret


def _host_port(address: str) -> tuple:
    """("host", port) of "host", "host:port", "[v6]" or "[v6]:port"."""
    host, port = address, "5683"
    if address[0] == "[":
        host, _, rest = address[1:].partition("]")
        if rest:
            port = rest[1:] if rest[0] == ":" else ""
    elif ":" in address:
        host, port = address.split(":", 1)
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise _wrong("gateway", "host:port or [IPv6]:port")
    return host, int(port)


def _wifi(wifi):
    if wifi is None:
        return None
    if not isinstance(wifi, dict) or not _text(wifi.get("ssid")):
        raise _wrong("wifi", '{"ssid": ..., "password": ...}')
    return wifi["ssid"], wifi.get("password", "")


def load(path: str = "config.json") -> Config:
    """The configuration at `path`. Raises ConfigError, with what to do about it."""
    try:
        with open(path) as file:
            values = json.load(file)
    except OSError:
        raise ConfigError("no %s here: copy the file `comatrix node add` wrote to the board" % path)
    except ValueError:
        raise ConfigError("%s is not JSON: copy it to the board again" % path)
    if not isinstance(values, dict):
        raise _wrong("v", "1")
    return Config(values)
