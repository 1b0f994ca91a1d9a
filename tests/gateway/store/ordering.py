"""Orders for a node, and results as they stand in the log."""

from comatrix.codec.records import Result, encode
from comatrix.gateway.downlink.items import NewItem, Order
from comatrix.gateway.edges.store.records import ROOMLESS
from comatrix.gateway.model import NewRecord

EXPIRES_MS = 100_000
INTERVAL = Order("set", "interval", (60,), "interval = 60 s")
LED = Order("set", "led", (1,), "led = 1")
REBOOT = Order("call", "reboot", (), "reboot")
ASK = Order("get", "interval", (), "interval")
HELLO = Order("say", "", ("hello",), '"hello"')


def new(
    order: Order = ASK,
    *,
    node: int = 1,
    at_ms: int = 0,
    expires_ms: int = EXPIRES_MS,
    event_id: str | None = None,
    priority: int = 1,
) -> NewItem:
    """Of Ann, in room 1."""
    return NewItem(node, order, "@ann:b", at_ms, expires_ms, 1, event_id, priority)


def result(
    seq: int, id: int, status: int = 0, value: object = None, *, node: int = 1, enrolment: int = 1, at_ms: int = 50
) -> NewRecord:
    """A result as ingest hands it to the store."""
    body = encode(Result(id, status, value))
    return NewRecord(node, enrolment, seq, ROOMLESS, "result", body, at_ms, at_ms, seq, b"12345678")
