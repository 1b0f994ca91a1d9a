"""Lines of a serial port: cut within a bound, and matched with noise in front of them."""

import re

LONGEST = 1024


class Lines:
    """Cuts bytes into lines; of one that is too long nothing is kept but that it is."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines complete by now, without their ends; empty ones are left out."""
        *ended, rest = (bytes(self._buffer) + data).replace(b"\r", b"\n").split(b"\n")
        if ended and self._too_long:
            ended, self._too_long = ended[1:], False
        if len(rest) > LONGEST:
            rest, self._too_long = b"", True
        self._buffer = bytearray(rest)
        return [line for line in ended if line and len(line) <= LONGEST]


def printable(line: bytes) -> str:
    """A line as text: whatever is not ASCII is a question mark."""
    return "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in line)


def matched(pattern: str, text: str) -> str | None:
    """What the pattern's group is in the text's end; noise may stand in front."""
    found = re.search(f"(?:{pattern})$", text)
    return found[1] if found else None
