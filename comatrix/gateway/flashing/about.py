"""Asking a board what it is."""

import ast
import re
from dataclasses import dataclass
from typing import Any

from comatrix.gateway.flashing.procedure import BoardError, Code, Procedure

UPLOAD_FROM, NODE_FROM = (1, 9), (1, 25)  # the uploader's and the node's oldest MicroPython
_NUMBER = re.compile(r"[0-9]+")

_ASK = """
import sys
def _t(f):
 try:
  return f()
 except Exception:
  return None
def _i(n):
 try:
  return __import__(n)
 except ImportError:
  return _t(lambda: __import__('u' + n))
os = _i('os')
_h = getattr(_i('hashlib'), 'sha256', None)
_b = getattr(_i('binascii'), 'a2b_base64', None)
def _f():
 s = os.statvfs('/')
 return s[0] * s[3]
print([sys.implementation[0], [str(x) for x in sys.implementation[1]], sys.platform, _t(lambda: os.uname()[4]),
 _t(_f), _h is not None, _b is not None, _i('cryptolib') is not None])
"""


@dataclass(frozen=True, slots=True)
class Board:
    """A board with MicroPython. `machine`: the name its port gives it, "" where it gives none. `free`: bytes of its
    flash, or None where it cannot tell."""

    version: tuple[int, ...]
    platform: str
    machine: str
    free: int | None
    hashes: bool
    base64: bool
    ciphers: bool

    @property
    def words(self) -> str:
        """ "MicroPython 1.25.0 on Generic ESP32 module with ESP32"."""
        return f"MicroPython {dotted(self.version)} on {self.machine or self.platform}"


def dotted(version: tuple[int, ...]) -> str:
    """ "1.25.0"."""
    return ".".join(map(str, version))


def about() -> Procedure[Board]:
    """What the board is. Raises BoardError: it is none that can be talked to."""
    said = literal_untrusted((yield Code(_ASK)))
    match said:
        case [str(name), [*numbers], str(platform), machine, free, bool(hashes), bool(base64), bool(ciphers)]:
            version = tuple(int(one) for one in numbers[:3] if isinstance(one, str) and _NUMBER.fullmatch(one[:9]))
            if name != "micropython":
                raise BoardError(
                    f"This board runs {_clean(name)} {dotted(version)}, which is not MicroPython.", INSTALL
                )
            place = _clean(machine) if isinstance(machine, str) else ""
            room = free if isinstance(free, int) else None
            return Board(version, _clean(platform), place, room, hashes, base64, ciphers)
    raise BoardError("The board's answer makes no sense.", "")


INSTALL = "xdg-open https://micropython.org/download/"


def check_uploader(board: Board) -> None:
    """Raises BoardError where its MicroPython is too old to talk to."""
    if board.version[:2] < UPLOAD_FROM:
        raise BoardError(
            f"The board has MicroPython {dotted(board.version)}; files can be put on {dotted(UPLOAD_FROM)} and newer.",
            INSTALL,
        )


def check_node(board: Board) -> None:
    """Raises BoardError where the node does not run on it."""
    if board.version[:2] < NODE_FROM:
        raise BoardError(
            f"The board has MicroPython {dotted(board.version)}; the node needs {dotted(NODE_FROM)} or newer.", INSTALL
        )
    if not board.ciphers:
        raise BoardError(
            f"{board.words}: it has no `cryptolib`, and without AES there is no OSCORE. "
            "Boards with ESP32 or RP2040 and Wi-Fi have it.",
            INSTALL,
        )


def literal_untrusted(printed: bytes) -> Any:
    """The value a board printed as Python writes it. Raises BoardError."""
    text = printed.decode("utf-8", "replace").strip()
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise BoardError(f"The board's answer makes no sense: {_clean(text[:80])}", "") from None


def _clean(text: str) -> str:
    """What a board says cannot move the cursor."""
    return "".join(c if c.isprintable() else "?" for c in text[:120])
