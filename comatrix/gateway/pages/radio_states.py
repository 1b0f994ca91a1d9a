"""docs/reference/radio-states.md, made from the table of a radio driver's states."""

from enum import Enum

from comatrix.gateway.radio.machine import (
    BACK_OFF_MS,
    BUSY_TRIES,
    MARGIN_MS,
    QUEUED,
    RESET_MS,
    SETTLE_MS,
    STALE_MS,
    TRIES,
    WATCH_MS,
)
from comatrix.gateway.radio.states import TABLE, Do, State, What

TIMES = {
    "frames that wait": QUEUED,
    "tries of a command": TRIES,
    "tries of a frame while the module is busy": BUSY_TRIES,
    "silence after a start, ms": SETTLE_MS,
    "until data that does not come is given up, ms": STALE_MS,
    "until a quiet module is asked whether it is there, ms": WATCH_MS,
    "until the banner must come, ms": RESET_MS,
    "first and longest pause of a module that does not answer, ms": f"{BACK_OFF_MS[0]} and {BACK_OFF_MS[1]}",
    "more than the airtime, until a module that does not say so is taken as done, ms": MARGIN_MS,
}
INTRO = """# A radio's driver and its states

Every module goes through this table, whichever it is. What has no row in a state means nothing there.

| state | what happens | next state | what is done |
|---|---|---|---|
{rows}
| state | means |
|---|---|
{states}
| what happens | means |
|---|---|
{whats}
| done | means |
|---|---|
{actions}
| figure | |
|---|---|
{times}
This page is made from `comatrix/gateway/radio/states.py` by `make docs`.
"""


def markdown() -> str:
    """docs/reference/radio-states.md."""
    rows = (
        f"| {state.name} | {what.name} | {after.name} | {action.name} |\n"
        for (state, what), (after, action) in TABLE.items()
    )
    return INTRO.format(
        rows="".join(rows),
        states=_legend(State),
        whats=_legend(What),
        actions=_legend(Do),
        times="".join(f"| {name} | {value} |\n" for name, value in TIMES.items()),
    )


def _legend(words: type[Enum]) -> str:
    return "".join(f"| {one.name} | {one.value} |\n" for one in words)
