"""A line of the doctor: how bad it is, what is true, and the next command to type."""

from dataclasses import dataclass
from typing import Any

OK, WARNING, WRONG = "ok", "warning", "wrong"

CHECK, SHOW, LOGIN = "comatrix config check", "comatrix config show", "comatrix init --force"
RUN, STATUS, AGAIN = "comatrix gateway run", "comatrix status", "comatrix doctor"
RESTART = "systemctl --user restart comatrix"
TO_CHECK = ", then: " + CHECK


@dataclass(frozen=True, slots=True)
class Line:
    """What a check may say; the facts are filled in. `next` is empty where all is well."""

    level: str
    text: str
    next: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A line as found here. `code` is SUBJECT.WHAT and never changes its meaning: programs may look for it."""

    code: str
    level: str
    text: str
    next: str = ""

    @property
    def subject(self) -> str:
        """What the line stands under."""
        return self.code.partition(".")[0]


class Lines(dict[str, Line]):
    """All that the checks of one module can say, by code."""

    def say(self, code: str, **facts: Any) -> Finding:
        """The line `code`, filled in."""
        line = self[code]
        return Finding(code, line.level, line.text.format(**facts), line.next.format(**facts))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found, and `fact`: what others build on; None where it could not be established."""

    findings: tuple[Finding, ...] = ()
    fact: Any = None


def outcome(*findings: Finding, fact: Any = None) -> Outcome:
    """An Outcome of these."""
    return Outcome(findings, fact)


def span(seconds: float) -> str:
    """A length of time in words, in the largest unit that fits."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def bytes_text(count: int) -> str:
    """Bytes as a person says them."""
    for size, unit in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
