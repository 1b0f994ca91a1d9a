"""docs/reference/command-states.md, made from the table of a command's states.

python -m comatrix.gateway.pages.command_states > docs/reference/command-states.md
"""

import sys
from collections.abc import Iterator

from comatrix.gateway.downlink import states

INTRO = """# A command and its states

What a person tells a node is kept by the gateway until it is over, through restarts of either side. The gateway says
only what it knows: what may have been done is never called expired or cancelled, and `confirmed` is the node's own
word.

```mermaid
stateDiagram-v2
    [*] --> queued
{arrows}```

| state | means |
|---|---|
{states}
| state | event | next state |
|---|---|---|
{rows}
An event that has no row in a state changes nothing there. So a command on air can neither be cancelled nor withdrawn,
and a state that is over stays as it is, but for one: `not_confirmed` is settled by a late answer, once.

| event | means |
|---|---|
{events}
This page is made from `comatrix/gateway/downlink/states.py` by `make docs`.
"""


def markdown() -> str:
    """docs/reference/command-states.md."""
    return INTRO.format(
        arrows="".join(_arrows()), rows="".join(_rows()), states=_legend(states.STATES), events=_legend(states.EVENTS)
    )


def _arrows() -> Iterator[str]:
    for (state, event), after in states.TRANSITIONS.items():
        yield f"    {state} --> {after}: {event}\n"
    for state in states.STATES:
        if states.final(state):
            yield f"    {state} --> [*]\n"


def _rows() -> Iterator[str]:
    for (state, event), after in states.TRANSITIONS.items():
        yield f"| {state} | {event} | {after} |\n"


def _legend(words: dict[str, str]) -> str:
    return "".join(f"| {name} | {meaning} |\n" for name, meaning in words.items())


if __name__ == "__main__":
    sys.stdout.write(markdown())
