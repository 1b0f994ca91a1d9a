"""A board's files: listing, writing in pieces, comparing by hash or by reading back, deleting."""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterable

from comatrix.gateway.flashing.about import Board, literal_untrusted
from comatrix.gateway.flashing.procedure import BoardError, Code, Procedure

Progress = Callable[[str, int], None]  # path, bytes written since the last call

PIECE = 512  # bytes a step where the board reads base64
LITERAL_PIECE = 48  # and where it gets them as a Python literal, up to four characters a byte: boards with little RAM
READ_PIECE = 64
HASH_MS = 60_000
TRIES = 3

_OS = """
try:
 import os
except ImportError:
 import uos as os
"""
_HASH = """
try:
 import hashlib
except ImportError:
 import uhashlib as hashlib
try:
 from binascii import hexlify
except ImportError:
 from ubinascii import hexlify
def _d(p):
 h = hashlib.sha256()
 n = 0
 try:
  f = open(p, 'rb')
 except OSError:
  return None
 while True:
  b = f.read(256)
  if not b:
   break
  n += len(b)
  h.update(b)
 f.close()
 return n, str(hexlify(h.digest()), 'ascii')
"""
_BASE64 = """
try:
 from binascii import a2b_base64 as _a
except ImportError:
 from ubinascii import a2b_base64 as _a
"""
# A folder's entries by name; MicroPython of the micro:bit has neither folders nor stat.
_WALK = (
    _OS
    + """
def _w(d):
 for n in os.listdir(d) if d else os.listdir():
  p = d + '/' + n if d else n
  try:
   s = os.stat(p)
   k = s[0] & 0x4000
   z = s[6]
  except AttributeError:
   k = 0
   z = os.size(p)
  if k:
   _w(p)
   print(repr((p, -1)))
  else:
   print(repr((p, z)))
"""
)


def listing(folder: str = "") -> Procedure[list[tuple[str, int]]]:
    """(path, bytes) of every file below `folder`; folders come after what is in them, with -1."""
    code = _WALK + f"try:\n _w({folder!r})\nexcept OSError:\n pass\n"
    printed = yield Code(code, HASH_MS)
    found = []
    for line in printed.splitlines():
        match literal_untrusted(line):
            case (str(path), int(size)):
                found.append((path, size))
            case _:
                raise BoardError("The board's list of files makes no sense.")
    return found


def differing(board: Board, wanted: dict[str, bytes]) -> Procedure[list[str]]:
    """Those of `wanted` that the board has not, or has otherwise."""
    if not board.hashes:
        there = dict((yield from listing()))
        same = []
        for path, data in wanted.items():
            if there.get(path) == len(data) and (yield from read(path)) == data:
                same.append(path)
        return [path for path in wanted if path not in same]
    changed = []
    yield Code(_HASH)
    for path, data in wanted.items():
        found = literal_untrusted((yield Code(f"print(_d({path!r}))", HASH_MS)))
        if found != (len(data), hashlib.sha256(data).hexdigest()):
            changed.append(path)
    return changed


def read(path: str) -> Procedure[bytes]:
    """A file's bytes. Raises BoardError where there is none."""
    data = bytearray()
    yield Code(f"_f = open({path!r}, 'rb')")
    while True:
        piece = literal_untrusted((yield Code(f"print(repr(_f.read({READ_PIECE})))")))
        if not isinstance(piece, bytes):
            raise BoardError(f"The board reads {path} as something that is no bytes.")
        data += piece
        if not piece:
            break
    yield Code("_f.close()")
    return bytes(data)


def write(board: Board, path: str, data: bytes, progress: Progress) -> Procedure[None]:
    """Write a file whole, and see that it is there: a line may lose a byte, so it is tried again. Raises BoardError."""
    yield from _make_folders(path)
    if board.base64:
        yield Code(_BASE64)
    for number in range(TRIES):
        yield from _write_once(board, path, data, progress if number == 0 else lambda *_: None)
        if not (yield from differing(board, {path: data})):
            return
    raise BoardError(
        f"{path} is not on the board as it was sent, {TRIES} times; is the cable sound, is its flash worn out?",
        "comatrix node erase PORT",
    )


def _write_once(board: Board, path: str, data: bytes, progress: Progress) -> Procedure[None]:
    size = PIECE if board.base64 else LITERAL_PIECE
    yield Code(f"_f = open({path!r}, 'wb')")
    for at in range(0, len(data), size):
        piece = data[at : at + size]
        text = f"_a({b64encode(piece).decode()!r})" if board.base64 else repr(piece)
        yield Code(f"_n = _f.write({text})")
        progress(path, len(piece))
    yield Code("_f.close()")


def _make_folders(path: str) -> Procedure[None]:
    folder = ""
    for name in path.split("/")[:-1]:
        folder = f"{folder}/{name}" if folder else name
        yield Code(f"{_OS}try:\n os.mkdir({folder!r})\nexcept OSError:\n pass\n")


_DELETE = (
    _OS
    + """
def _x(p):
 try:
  os.remove(p)
 except OSError:
  try:
   os.rmdir(p)
  except (OSError, AttributeError):
   pass
"""
)


def delete(paths: Iterable[str]) -> Procedure[None]:
    """Files, or folders that are empty by then; what is not there is no matter."""
    for number, path in enumerate(paths):
        yield Code((_DELETE if number == 0 else "") + f"_x({path!r})")


def erase() -> Procedure[list[str]]:
    """Delete every file. Returns which there were."""
    found = yield from listing()
    yield from delete(path for path, _ in found)
    left = yield from listing()
    if any(size >= 0 for _, size in left):
        raise BoardError(f"{len(left)} files would not be deleted, such as {left[0][0]}.", "")
    return [path for path, size in found if size >= 0]
