"""What a configured value may be, in words. Each check raises ValueError with the words a person reads."""

import ipaddress
import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from comatrix.gateway.downlink.alarm_words import AlarmError, limit_of
from comatrix.gateway.uplink.alarms import MOST_PER_NODE
from comatrix.gateway.uplink.cadence import parse_post
from comatrix.gateway.uplink.formats.profiles import cayenne_channel, text_quantity

_SPAN = re.compile(r"([1-9][0-9]{0,5})(s|min|h|d)")
_SIZE = re.compile(r"([1-9][0-9]{0,5})(MiB|GiB|TiB)")
_UNIT_BYTES = {"MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_UNIT_MS = {"s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_USER = re.compile(r"@[\x21-\x39\x3b-\x7e]{1,200}:([A-Za-z0-9.-]{1,200}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_ROOM = re.compile(r"#[^\s:]+:[^\s/]+|![^\s]+")


def span_ms(text: str) -> int:
    """A span such as "30s", "15min", "2h" -> milliseconds. Raises ValueError."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError('must be a span of time such as "30s", "15min" or "2h"')
    return int(found[1]) * _UNIT_MS[found[2]]


def size_bytes(text: str) -> int:
    """A size such as "64MiB" or "1GiB" -> bytes. Raises ValueError."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError('must be a size such as "64MiB" or "1GiB"')
    return int(found[1]) * _UNIT_BYTES[found[2]]


def check_text_quantity(text: str) -> None:
    text_quantity(text)


def check_cayenne(text: str) -> None:
    cayenne_channel(text)


def check_database_size(text: str) -> None:
    if not 16 << 20 <= size_bytes(text) <= 4 << 40:
        raise ValueError('must be a size from "16MiB" to "4TiB"')


def endpoint(text: str) -> tuple[str, int]:
    """ "[::]:5683" or "192.0.2.1:5683" -> (address, port). Raises ValueError."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.ip_address(host[1:-1] if bracketed else host)
        number = int(port) if port.isascii() and port.isdigit() else -1
    except ValueError:
        address, number = None, -1
    if not colon or address is None or not 0 <= number <= 65535 or bracketed != (address.version == 6):
        raise ValueError('must be an IP address and a port such as "[::]:5683" or "192.168.1.5:5683"')
    return str(address), number


def gateway_address(text: str) -> None:
    """Where nodes find the gateway: "host:port" or "[IPv6]:port"."""
    host, colon, port = text.rpartition(":")
    number = int(port) if port.isascii() and port.isdigit() else 0
    bare_ipv6 = ":" in host and not host.startswith("[")
    if not colon or not host or bare_ipv6 or not 0 < number < 65536 or any(c.isspace() for c in text):
        raise ValueError('must be a host and a port such as "192.168.1.5:5683" or "[fd00::1]:5683"')


def check_endpoint(text: str) -> None:
    endpoint(text)


def check_span(text: str) -> None:
    span_ms(text)


def check_waiting_span(text: str) -> None:
    """How long a command may wait."""
    if not 1_000 <= span_ms(text) <= 30 * _UNIT_MS["d"]:
        raise ValueError('must be a span from "1s" to "30d"')


def check_post(text: str) -> None:
    """How often a node's readings are posted, as uplink.cadence reads it."""
    try:
        parse_post(text)
    except ValueError:
        raise ValueError('must be "every", "change" or a span such as "90s", "15min" or "2h" (at most "7d")') from None


def check_limit(text: str) -> None:
    """A node's limit, written as behind the command `alarm`."""
    try:
        limit_of(text)
    except AlarmError as error:
        wrong = error.text.removesuffix(".")
        raise ValueError(f'must be a node and its limit such as "garden battery <3.3V" ({wrong})') from None


def check_limits(texts: Sequence[str]) -> None:
    """All of them together: one on each side of a word, and no more of a node than may be."""
    limits = [limit_of(text) for text in texts]
    sides = Counter((one.node.casefold(), one.row.number, one.threshold.comparison) for one in limits)
    for one in limits:
        if sides[one.node.casefold(), one.row.number, one.threshold.comparison] > 1:
            raise ValueError(f'must have one limit on each side of a reading, and has several like "{one.words}"')
    for node, count in Counter(one.node.casefold() for one in limits).items():
        if count > MOST_PER_NODE:
            raise ValueError(f"must have at most {MOST_PER_NODE} limits a node, and has {count} of {node}")


def check_url(text: str) -> None:
    try:
        parts = urlsplit(text)
        plausible = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        plausible = False
    if not plausible:
        raise ValueError('must be the homeserver\'s address such as "https://matrix.example.org"')
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be an address without user, password, query or fragment")


def check_intake_url(text: str) -> None:
    """Where a homeserver finds the application service."""
    try:
        check_url(text)
    except ValueError:
        raise ValueError('must be an address the homeserver can reach such as "http://192.168.1.5:5680"') from None


def check_user(text: str) -> None:
    if _USER.fullmatch(text) is None:
        raise ValueError('must be a Matrix user such as "@name:example.org"')


def check_room(text: str) -> None:
    if _ROOM.fullmatch(text) is None or len(text) > 255:
        raise ValueError('must be a room such as "#garden:example.org"')


def check_timezone(text: str) -> None:
    if text == "UTC":
        return
    import zoneinfo  # as comatrix.gateway.clock

    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('must be a time zone such as "UTC" or "Europe/Berlin"') from None


def check_line(text: str) -> None:
    if not text.strip() or not text.isprintable() or len(text) > 64:
        raise ValueError("must be 1 to 64 printable characters")


def check_prefix(text: str) -> None:
    """Historical user ids allow more; every homeserver takes these."""
    if re.fullmatch(r"[a-z0-9][a-z0-9._=-]{0,31}", text) is None:
        raise ValueError('must be 1 to 32 of a-z, 0-9, "." "_" "=" "-" such as "cx_", beginning with a letter or digit')


def check_word(text: str) -> None:
    if re.fullmatch(r"[!-~]{1,16}", text) is None or text[0] in "@#/\"'":
        raise ValueError('must be 1 to 16 characters without space such as "!cx"')


def check_gateway_name(text: str) -> None:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", text) is None:
        raise ValueError('must be 1 to 32 letters, digits, "_" or "-" such as "barn"')


def check_port(text: str) -> None:
    """Where a radio is."""
    host, colon, number = text.removeprefix("tcp://").rpartition(":")
    served = bool(host and colon and number.isascii() and number.isdigit() and 0 < int(number) < 65536)
    if not (text.startswith("/") or (text.startswith("tcp://") and served)):
        raise ValueError('must be a port such as "/dev/ttyUSB0" or "tcp://192.168.1.50:4000"')
