"""Reads what strace wrote (-f -y -xx, a line a call or two where threads interleave) into calls in order."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LINE = re.compile(r"(\d+) +(?:[\d.]+ )?(.*)", re.DOTALL)
BEGUN = re.compile(r"(\w+)\((.*)", re.DOTALL)
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)", re.DOTALL)
RESULT = re.compile(r"(.*)\) += (-?\d+|\?)(?:<[^>]*>)?(?: .*)?$", re.DOTALL)
UNFINISHED = " <unfinished ...>"
FD = re.compile(r"(-?\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>")
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


@dataclass(frozen=True, slots=True)
class Call:
    """One system call. `begun` and `ended` are moments of the log (`ended` None: it never came back)."""

    thread: int
    name: str
    begun: int
    ended: int | None
    arguments: str
    result: int | None

    @property
    def ok(self) -> bool:
        """It came back, and not with an error."""
        return self.result is not None and self.result >= 0

    @property
    def fd(self) -> int:
        """Its first argument, a descriptor."""
        found = FD.match(self.arguments)
        return int(found[1]) if found and found[1] != "AT_FDCWD" else -1

    @property
    def path(self) -> str:
        """Where that descriptor leads."""
        found = FD.match(self.arguments)
        return unescaped(found[2]).decode("utf-8", "replace") if found else ""

    def texts(self) -> list[bytes]:
        """Its arguments in quotes: names, or the bytes it moved. Raises ValueError where strace cut one short."""
        found = TEXT.findall(self.arguments)
        if any(cut for _, cut in found):
            raise ValueError(f"strace cut the bytes of {self.name} short: -s is too small")
        return [unescaped(text) for text, _ in found]

    def numbers_at_end(self, count: int) -> list[int]:
        """Its last arguments, numbers."""
        return [int(part) for part in self.arguments.rsplit(", ", count)[-count:]]


def unescaped(text: str) -> bytes:
    """\\x61\\x62 -> b"ab"."""
    return bytes.fromhex(text.replace("\\x", ""))


def calls(lines: Iterable[str], first: int = 0) -> Iterator[Call]:
    """The calls of a log, in the order they ended; those that never did at the end. Moments count from `first`."""
    open_calls: dict[int, tuple[str, int, str]] = {}
    for moment, line in enumerate(lines, first):
        found = LINE.match(line.rstrip("\n"))
        if found is None:
            continue
        thread, rest = int(found[1]), found[2]
        if resumed := RESUMED.match(rest):
            name, begun, head = open_calls.pop(thread, (resumed[1], moment, ""))
            yield from _whole(thread, name, begun, moment, head + resumed[2])
        elif started := BEGUN.match(rest):
            if started[2].endswith(UNFINISHED):
                open_calls[thread] = started[1], moment, started[2].removesuffix(UNFINISHED)
            else:
                yield from _whole(thread, started[1], moment, moment, started[2])
    for thread, (name, begun, head) in open_calls.items():
        yield Call(thread, name, begun, None, head, None)


def _whole(thread: int, name: str, begun: int, ended: int, text: str) -> Iterator[Call]:
    found = RESULT.match(text)
    if found is None:
        return
    if found[2] == "?":  # the process died inside
        yield Call(thread, name, begun, None, found[1], None)
    else:
        yield Call(thread, name, begun, ended, found[1], int(found[2]))
