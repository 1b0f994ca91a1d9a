"""What a room is told of a command: one reply, edited in place, and at its end a reaction (docs/reference/matrix.md).

Never "failed" where nothing is known, and the value shown is the node's own.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.costs import Cost, cost_words
from comatrix.gateway.downlink.items import Item
from comatrix.gateway.uplink.sanitise import clean_line, clean_name, clean_text
from comatrix.gateway.uplink.typed import ID_KEY

COMMAND_KEY = "eu.comatrix.command"
COMMAND_VERSION = 1
MAX_REASON_BYTES = 256
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

REACTIONS = {
    states.CONFIRMED: "✅",
    states.REFUSED: "❌",
    states.WITHDRAWN: "🚫",
    states.CANCELLED: "🚫",
    states.REPLACED: "🔁",
    states.EXPIRED: "⌛",
}  # not that nothing is known: a late word may still come


@dataclass(frozen=True, slots=True)
class Beside:
    """What an item does not say itself. `expected_ms`: the node's next contact, None where nobody knows; `value`: what
    the node answered, in words, or ""; `cost`: what it will take of a link's duty cycle, None where there is none."""

    node: str
    timezone: tzinfo
    expected_ms: int | None = None
    value: str = ""
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The event that is answered, in its thread where it was in one."""

    event_id: str
    thread: str | None = None


def words(item: Item, beside: Beside) -> str:
    """The state of an item as a person reads it, one line."""
    return f"{clean_name(beside.node)}: {clean_line(item.new.order.shown)} - {_state(item, beside)}"


def _state(item: Item, beside: Beside) -> str:
    reason = clean_line(item.reason, MAX_REASON_BYTES)
    match item.state:
        case states.QUEUED:
            return f"queued as #{item.number}, {_waits(beside)}{_costs(beside)}"
        case states.ON_AIR:
            return f"on air (attempt {item.attempts}), waits for the node's word"
        case states.CONFIRMED:
            said = f": {clean_line(beside.value)}" if beside.value else ""
            return f"confirmed by the node{said}{_took(item)}"
        case states.REFUSED:
            return f"refused by the node: {reason or 'it gave no reason'}"
        case states.WITHDRAWN:
            return f"withdrawn before it left: {reason or 'it may not be sent any more'}"
        case states.CANCELLED:
            return f"cancelled{f' by {reason}' if reason else ''}, it never left"
        case states.REPLACED:
            return f"replaced by {reason}, it never left"
        case states.EXPIRED:
            return f"expired at {clock_words(item.ended_ms, beside.timezone)}, never reached the node"
        case _:
            return (
                f"not confirmed: it was on air, and no word came back by {clock_words(item.ended_ms, beside.timezone)}"
            )


def _waits(beside: Beside) -> str:
    if beside.expected_ms is None:
        return "waits for the node's next contact"
    return f"next contact expected {clock_words(beside.expected_ms, beside.timezone)}"


def _costs(beside: Beside) -> str:
    return "" if beside.cost is None else f", {cost_words(beside.cost)}"


def _took(item: Item) -> str:
    if item.ended_ms is None:
        return ""
    return f", {span_words(max(0, item.ended_ms - item.new.created_ms))} after it was typed"


def span_words(span_ms: int) -> str:
    """ "3 s", "4 min 12 s", "2 h 5 min"."""
    seconds = round(span_ms / 1000)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


def clock_words(at_ms: int | None, timezone: tzinfo) -> str:
    """ "14:05" there, of Unix milliseconds."""
    if at_ms is None:
        return "an unknown time"
    try:
        return (EPOCH + timedelta(milliseconds=at_ms)).astimezone(timezone).strftime("%H:%M")
    except (OverflowError, ValueError):
        return "an unknown time"


def first_reply(item: Item, beside: Beside, place: Place | None, txn_id: str) -> dict[str, Any]:
    """The reply to the command, as silent as a notice is. `place` None: what it answers is not there (any more)."""
    return _answering(place, _bare(item, words(item, beside), txn_id))


def edit(item: Item, beside: Beside, target: str, txn_id: str) -> dict[str, Any]:
    """The reply as it reads now; `target` is the first event, never an edit."""
    text = words(item, beside)
    return _bare(item, f"* {text}", txn_id) | {
        "m.new_content": _bare(item, text, txn_id),
        "m.relates_to": {"rel_type": "m.replace", "event_id": target},
    }


def reaction(key: str, event_id: str, txn_id: str) -> dict[str, Any]:
    """The final state at a glance, on the command itself. `key`: one of REACTIONS."""
    return {"m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": key}, ID_KEY: txn_id}


def notice(text: str, place: Place | None, txn_id: str) -> dict[str, Any]:
    """Any other answer: help, a list, a refusal. `place` None: it answers nothing, the room is told."""
    return _answering(place, _message(clean_text(text), txn_id))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was uploaded. `caption` says it all for who does not see it."""

    mxc: str
    filename: str
    caption: str
    mimetype: str
    size: int
    width: int
    height: int


def picture(shown: Picture, place: Place, txn_id: str) -> dict[str, Any]:
    """An answer that is a picture, with its caption (client-server API, m.image)."""
    image = {
        "msgtype": "m.image",
        "url": shown.mxc,
        "filename": shown.filename,
        "body": clean_text(shown.caption),
        "info": {"mimetype": shown.mimetype, "size": shown.size, "w": shown.width, "h": shown.height},
        "m.mentions": {},
        ID_KEY: txn_id,
    }
    return _answering(place, image)


def _bare(item: Item, text: str, txn_id: str) -> dict[str, Any]:
    state = {
        "v": COMMAND_VERSION,
        "number": item.number,
        "node": item.new.node,
        "state": item.state,
        "attempts": item.attempts,
    }
    return _message(text, txn_id) | {COMMAND_KEY: state}


def _message(text: str, txn_id: str) -> dict[str, Any]:
    return {"msgtype": "m.notice", "body": text, "m.mentions": {}, ID_KEY: txn_id}


def _answering(place: Place | None, message: dict[str, Any]) -> dict[str, Any]:
    if place is None:
        return message
    relation: dict[str, Any] = {"m.in_reply_to": {"event_id": place.event_id}}
    if place.thread is not None:
        relation |= {"rel_type": "m.thread", "event_id": place.thread, "is_falling_back": False}
    return message | {"m.relates_to": relation}
