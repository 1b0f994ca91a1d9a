"""What a new node is given: a name, a secret, and the configuration file that goes on the board. Pure."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import DtlsKey, Node

CONFIGURATION_VERSION = 1
SECRET_BYTES = 16  # the OSCORE master secret (docs/reference/wire.md, section Keys and names)
DEFAULT_INTERVAL_S = 60
LONGEST_INTERVAL_S = 604_800  # a week; the firmware refuses more
IDENTITY_BYTES = 64
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")

RandomBytes = Callable[[int], bytes]


def check_name(name: str, taken: Iterable[str] = ()) -> None:
    """Raises UsageError unless `name` is 1-32 letters, digits, - or _, and differs from `taken` by more than case."""
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"A node's name is 1 to 32 letters, digits, - or _, not {name!a}.", "comatrix --help")
    if name.isdecimal():
        raise UsageError(f"{name} would be taken for a node's number.", "comatrix --help")
    for other in taken:
        if other.casefold() == name.casefold():
            raise UsageError(f"There is a node {other} already.", f"comatrix node show {other}")


def new_secret(random_bytes: RandomBytes) -> bytes:
    """A 16-byte master secret. `random_bytes` must be a cryptographic source."""
    secret = random_bytes(SECRET_BYTES)
    if len(secret) != SECRET_BYTES:
        raise ValueError("the source of randomness gave too little")
    return secret


def check_identity(text: str) -> bytes:
    """A PSK identity as it goes over the air: UTF-8 of 1 to 64 bytes without spaces or control characters. Raises
    ValueError."""
    if not text.isprintable() or " " in text or not 1 <= len(text.encode()) <= IDENTITY_BYTES:
        raise ValueError("must be 1 to 64 bytes without spaces")
    return text.encode()


def configuration(
    node: Node,
    secret: bytes | DtlsKey | None,
    way: "str | dict[str, Any]",
    interval_s: int,
    *,
    observe: bool = False,
) -> dict[str, Any]:
    """config.json of the node. `way`: the gateway's host:port, or what "lora" says of its radio; `secret`: OSCORE's, or
    a key for DTLS; None: a plain node, which has none."""
    keys: dict[str, Any] = {}
    if isinstance(secret, DtlsKey):
        keys = {"security": "dtls", "psk_identity": secret.identity.decode(), "psk": secret.key.hex()}
    elif secret is not None:
        keys = {"secret": secret.hex()}
    return {
        "v": CONFIGURATION_VERSION,
        "node": node.number,
        "name": node.name,
        **keys,
        "enrolment": node.enrolment,
        ("gateway" if isinstance(way, str) else "lora"): way,
        "interval_s": interval_s,
        **({"observe": True} if observe else {}),
    }


def configuration_text(values: dict[str, Any]) -> str:
    """The file's text: a key a line, so that a person can add `wifi`."""
    return json.dumps(values, indent=2) + "\n"


def qr_text(values: dict[str, Any]) -> str:
    """The same in the fewest characters."""
    return json.dumps(values, separators=(",", ":"))
