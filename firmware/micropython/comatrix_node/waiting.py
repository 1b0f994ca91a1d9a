"""What a node has to send and was not yet told to be safe at the gateway."""

from comatrix.codec import cbor
from comatrix.codec.record_types import AGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Waiting:
    """Something to send. `path` "r": a map of readings, "m": a text, "c": a result, "d": the description, made then."""

    def __init__(self, values: "Any", at_ms: int, seq: "int | None" = None, path: str = "") -> None:
        self.values = values
        self.at_ms = at_ms
        self.seq = seq
        self.path = path or ("m" if isinstance(values, list) else "r")

    def body(self, now: int) -> bytes:
        """The record's CBOR, with the age it has by now."""
        age_s = (now - self.at_ms) // 1000
        if age_s < 1 or self.path != "r":
            return cbor.encode(self.values)
        aged = dict(self.values)
        aged[AGE] = age_s
        return cbor.encode(aged)
