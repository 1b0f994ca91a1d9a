"""A number as text (Content-Format 0), of the one quantity that was declared for its node: "21.4", "21.4 Cel"."""

import re
from decimal import Decimal

from comatrix.codec.record_types import Readings
from comatrix.errors import RecordError
from comatrix.gateway.uplink.formats.moments import Moment, exact, scaled, word

MAX_BYTES = 64
_NUMBER = re.compile(r"\s*([+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,2})?)\s*(\S{0,8})\s*", re.ASCII)


def read_untrusted(payload: bytes, quantity: str | None) -> tuple[Readings, ...]:
    """A number, perhaps with its unit. Raises RecordError."""
    if quantity is None:
        raise RecordError("declare what text means: [payloads] text")
    if len(payload) > MAX_BYTES:
        raise RecordError("text too long")
    try:
        matched = _NUMBER.fullmatch(payload.decode("utf-8"))
    except UnicodeDecodeError:
        raise RecordError("ill-formed UTF-8") from None
    if matched is None:
        raise RecordError("text is no number")
    row = word(quantity)
    moment = Moment()
    moment.put(row, scaled(row, exact(Decimal(matched[1])), matched[2] or None))
    return (moment.readings(),)
