"""Reads a PNG by the letter of its specification, and checks all that a strict decoder does."""

import struct
import zlib
from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Pixels:
    """A picture of palette colours."""

    width: int
    height: int
    rows: list[bytes]
    palette: list[Colour]

    def at(self, x: int, y: int) -> Colour:
        """The colour of a pixel."""
        return self.palette[self.rows[y][x]]


def read(data: bytes) -> Pixels:
    """8 bits a pixel, a palette, no filter, not interlaced; asserts that it is whole."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = [], 8
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body, (crc,) = data[at + 8 : at + 8 + size], struct.unpack_from(">I", data, at + 8 + size)
        assert zlib.crc32(kind + body) == crc
        chunks.append((kind, body))
        at += 12 + size
    assert [kind for kind, _ in chunks] == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (depth, colour, rest) == (8, 3, [0, 0, 0])
    palette = [(red, green, blue) for red, green, blue in struct.iter_unpack("BBB", chunks[1][1])]
    raw = zlib.decompress(chunks[2][1])
    assert len(raw) == height * (width + 1)
    lines = [raw[start : start + width + 1] for start in range(0, len(raw), width + 1)]
    assert all(line[0] == 0 for line in lines) and max(raw) < len(palette) <= 256
    return Pixels(width, height, [line[1:] for line in lines], palette)
