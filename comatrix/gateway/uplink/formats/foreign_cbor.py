"""CBOR of other people's readings: as `cbor_foreign`, and decimal fractions (RFC 8949 section 3.4.4)."""

from decimal import Decimal

from comatrix.codec.cbor import MAX_DEPTH
from comatrix.codec.cbor_foreign import MAX_FOREIGN_ITEMS, ForeignReader
from comatrix.errors import CborError

DECIMAL_FRACTION = 0xC4  # the head of tag 4
MAX_EXPONENT = 60


def decode_untrusted(data: bytes) -> object:
    """One item that fills `data`. Raises CborError."""
    return _Reader(data, MAX_FOREIGN_ITEMS).only_item(MAX_DEPTH)


class _Reader(ForeignReader):
    def item(self, depth: int) -> object:
        if self.data[self.at : self.at + 1] != bytes((DECIMAL_FRACTION,)):
            return super().item(depth)
        if not depth:
            raise CborError("nested too deep")
        self.at += 1
        parts = super().item(depth)
        if not isinstance(parts, list) or len(parts) != 2 or not all(type(part) is int for part in parts):
            raise CborError("not a decimal fraction")
        exponent, mantissa = parts
        if abs(exponent) > MAX_EXPONENT:
            raise CborError("number out of range")
        return Decimal(mantissa).scaleb(exponent)
