"""What waits for a node: the values that grammar, mailbox and replies hand each other."""

from dataclasses import dataclass

VERBS = ("set", "get", "call", "say")
MAX_TEXT_BYTES = 400  # of "say": a node takes answers of at most 512 bytes, and there is more in one


@dataclass(frozen=True, slots=True)
class Order:
    """Something for one node, checked against its description: `name` is a setting's or method's, "" for "say".

    `values` stand behind the number on the air: one for "set", none for "get", a method's arguments, the text of "say".
    """

    verb: str
    name: str
    values: tuple[int | str, ...]
    shown: str  # in words a person reads, e.g. "interval = 60 s"


@dataclass(frozen=True, slots=True)
class NewItem:
    """An order about to be queued. Times: Unix ms. `room`, `event_id`, None: typed on the gateway's command line."""

    node: int
    order: Order
    sender: str
    created_ms: int
    expires_ms: int
    room: int | None = None
    event_id: str | None = None
    priority: int = 1  # lower goes first; then the older one


@dataclass(frozen=True, slots=True)
class Item:
    """A queued order and what became of it. `number` is what people call it; `id` is its number on the air."""

    number: int
    new: NewItem
    state: str
    id: int | None = None
    attempts: int = 0
    aired_ms: int | None = None  # when it went on air first
    ended_ms: int | None = None
    reason: str = ""
    value: int | str | None = None  # the node's own
