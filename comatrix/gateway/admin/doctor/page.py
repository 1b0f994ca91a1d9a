"""The reference page of the doctor, made from its lines."""

from collections.abc import Iterator

from comatrix.gateway.admin.doctor.examination import ALL_LINES
from comatrix.gateway.admin.doctor.lines import OK, Line

INTRO = """# What `comatrix doctor` can say

`comatrix doctor` looks at the files, the ports, the clock, the disk, the homeserver, the token, the rooms, the nodes
and the queue. It changes nothing and needs no running gateway; one that runs it asks for what only that can know. A
line is **ok**, **warning** (it works, and you should know) or **wrong** (something does not work, or will stop). Exit
code 0 if nothing is wrong, 1 otherwise. It ends within 10 seconds, whatever does not answer. Where to begin when
something is wrong: [when-something-is-wrong.md](../howto/when-something-is-wrong.md).

`--json` prints one object:

| key | what |
|---|---|
| `ok` | true if nothing is wrong |
| `counts` | how many lines are `ok`, `warning` and `wrong` |
| `findings` | the lines in order: `subject`, `code`, `level`, `text`, `next` (empty where all is well) |
| `skipped` | checks that could not be made -> the check they build on |

A code keeps its meaning; codes may be added. What stands in braces is filled in.

This page is made from the doctor's own lines by `make docs`.
"""


def markdown() -> str:
    """docs/reference/doctor.md."""
    return INTRO + "".join(_rows())


def _rows() -> Iterator[str]:
    subject = ""
    for code, line in ALL_LINES.items():
        before, subject = subject, code.partition(".")[0]
        if subject != before:
            yield f"\n## {subject}\n\n| code | level | line | next |\n|---|---|---|---|\n"
        yield _row(code, line)


def _row(code: str, line: Line) -> str:
    level = line.level if line.level == OK else f"**{line.level}**"
    text, step = (part.replace("|", "\\|") for part in (line.text, line.next))
    return f"| `{code}` | {level} | {text} | {f'`{step}`' if step else ''} |\n"
