"""docs/reference/exchange.md, made from the table of an outgoing message's states.

python -m comatrix.gateway.pages.exchange > docs/reference/exchange.md
"""

import sys
from collections.abc import Iterator

from comatrix.session import exchange

STATES = {
    exchange.QUEUED: ("QUEUED", "waits for a place among NSTART"),
    exchange.WAITING: ("WAITING", "sent confirmable, neither acknowledged nor answered"),
    exchange.LISTENING: ("LISTENING", "acknowledged, or sent non-confirmable: its response is still to come"),
    exchange.DONE: ("DONE", "over"),
}
EVENTS = {
    exchange.SLOT: ("SLOT", "a place among NSTART is free"),
    exchange.TIMER: ("TIMER", "its timeout ran out, retransmissions are left"),
    exchange.EXHAUSTED: ("EXHAUSTED", "its timeout ran out and none is left, or the wait for a response is over"),
    exchange.ACKNOWLEDGED: ("ACKNOWLEDGED", "an empty ACK with its message id"),
    exchange.RESPONSE: ("RESPONSE", "a response with its token, on the ACK or apart"),
    exchange.RESET: ("RESET", "a Reset with its message id"),
}
ACTIONS = {
    exchange.SEND: ("SEND", "transmit; the timeout is drawn"),
    exchange.SEND_AGAIN: ("SEND_AGAIN", "transmit the same bytes; the timeout doubles"),
    exchange.LISTEN: ("LISTEN", "wait for the separate response; a message that is itself a response is done"),
    exchange.TELL_RESPONSE: ("TELL_RESPONSE", "hand the response up"),
    exchange.TELL_TIMEOUT: ("TELL_TIMEOUT", "tell that time ran out"),
    exchange.TELL_RESET: ("TELL_RESET", "tell that the peer sent a Reset"),
}

INTRO = """# An outgoing message and its states

Every request a node sends, and every confirmable answer, goes through this table (RFC 7252 sections 4.2, 5.2, 5.3). An
event that has no row in a state means nothing there: the message stays as it is.

```mermaid
stateDiagram-v2
    [*] --> QUEUED: confirmable
    [*] --> LISTENING: non-confirmable request
{arrows}    DONE --> [*]
```

| state | event | next state | what is done |
|---|---|---|---|
{rows}
| state | means |
|---|---|
{states}
| event | means |
|---|---|
{events}
| done | means |
|---|---|
{actions}
Transmission parameters (RFC 7252 section 4.8), times in milliseconds:

| parameter | default |
|---|---|
{parameters}
The first timeout is drawn between ACK_TIMEOUT (`ack_timeout_ms`) and half as much again. A separate response is awaited
for `response_wait_ms`. An answer of our own that takes longer than `ack_delay_ms` is announced by an empty ACK.

This page is made from `comatrix/session/exchange.py` by `make docs`.
"""


def markdown() -> str:
    """docs/reference/exchange.md."""
    return INTRO.format(
        arrows="".join(_arrows()),
        rows="".join(_rows()),
        states=_legend(STATES),
        events=_legend(EVENTS),
        actions=_legend(ACTIONS),
        parameters="".join(f"| `{name}` | {value} |\n" for name, value in vars(exchange.Parameters()).items()),
    )


def _arrows() -> Iterator[str]:
    for (state, event), (after, action) in exchange.TABLE.items():
        yield f"    {STATES[state][0]} --> {STATES[after][0]}: {EVENTS[event][0]} / {ACTIONS[action][0]}\n"


def _rows() -> Iterator[str]:
    for (state, event), (after, action) in exchange.TABLE.items():
        yield f"| {STATES[state][0]} | {EVENTS[event][0]} | {STATES[after][0]} | {ACTIONS[action][0]} |\n"


def _legend(words: dict[int, tuple[str, str]]) -> str:
    return "".join(f"| {name} | {meaning} |\n" for name, meaning in words.values())


if __name__ == "__main__":
    sys.stdout.write(markdown())
