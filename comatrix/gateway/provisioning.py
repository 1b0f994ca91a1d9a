"""What a new node is given: a name, a secret, and the configuration file that goes on the board. Pure."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import Node

CONFIGURATION_VERSION = 1
SECRET_BYTES = 16  # the OSCORE master secret (docs/reference/wire.md, section Keys and names)
DEFAULT_INTERVAL_S = 60
LONGEST_INTERVAL_S = 604_800  # a week; the firmware refuses more
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


def configuration(
    node: Node, secret: bytes | None, way: "str | dict[str, Any]", interval_s: int, *, observe: bool = False
) -> dict[str, Any]:
    """config.json of the node. `way`: the gateway's host:port, or what "lora" says of its radio; `secret` None: a plain
    node, which has none."""
    keys = {} if secret is None else {"secret": secret.hex()}
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
