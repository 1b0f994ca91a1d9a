"""CBOR of other formats (SenML and the like): as `cbor`, but longer heads and indefinite lengths may pass.

Not needed on a node, so not on its list of files.
"""

from comatrix.codec.cbor import MAX_DEPTH, TOO_SHORT, Reader
from comatrix.errors import CborError

MAX_FOREIGN_ITEMS = 256


def decode_untrusted(data: bytes, max_depth: int = MAX_DEPTH, max_items: int = MAX_FOREIGN_ITEMS) -> object:
    """One item that fills `data` -> value, indefinite lengths allowed (RFC 8949 section 3.2). Raises CborError."""
    return ForeignReader(data, max_items).only_item(max_depth)


class ForeignReader(Reader):
    """A reader that also takes indefinite lengths and heads longer than needed."""

    def argument(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise CborError("reserved length")
        return int.from_bytes(self.take(1 << (info - 24)), "big")

    def indefinite(self, major: int, depth: int) -> object:
        if major not in (2, 3, 4, 5):
            raise CborError("indefinite length of a wrong type")
        if not depth:
            raise CborError("nested too deep")
        if major == 5:
            return self._open_map(depth - 1)
        if major == 4:
            return self._open_array(depth - 1)
        return self._chunks(major)

    def _ended(self, count: int) -> bool:
        if self.at >= len(self.data):
            raise CborError(TOO_SHORT)
        if self.data[self.at] == 0xFF:
            self.at += 1
            return True
        if count >= self.max_items:
            raise CborError("too many items")
        return False

    def _open_map(self, depth: int) -> "dict[object, object]":
        found: "dict[object, object]" = {}
        while not self._ended(len(found)):
            self.pair(found, depth)
        return found

    def _open_array(self, depth: int) -> "list[object]":
        parts: "list[object]" = []
        while not self._ended(len(parts)):
            parts.append(self.item(depth))
        return parts

    def _chunks(self, major: int) -> object:
        parts: "list[bytes]" = []
        texts: "list[str]" = []
        while not self._ended(len(parts)):
            initial = self.take(1)[0]
            if initial >> 5 != major or initial & 31 == 31:
                raise CborError("chunk of a wrong type")
            length = self.argument(initial & 31)
            if major == 3:
                texts.append(self.text(length))
                parts.append(b"")
            else:
                parts.append(self.take(length))
        return "".join(texts) if major == 3 else b"".join(parts)
