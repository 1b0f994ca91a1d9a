"""Pixels of a palette -> a PNG file (W3C PNG, third edition; ISO/IEC 15948)."""

import struct
import zlib
from collections.abc import Sequence

SIGNATURE = b"\x89PNG\r\n\x1a\n"
INDEXED_COLOUR = 3

Colour = tuple[int, int, int]


def encode(width: int, height: int, pixels: bytes, palette: Sequence[Colour]) -> bytes:
    """`pixels`: one byte each, row by row, its place in `palette`, which has at most 256."""
    header = struct.pack(">IIBBBBB", width, height, 8, INDEXED_COLOUR, 0, 0, 0)
    rows = b"".join(b"\x00" + pixels[start : start + width] for start in range(0, width * height, width))
    colours = bytes(part for colour in palette for part in colour)
    chunks = (b"IHDR", header), (b"PLTE", colours), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
