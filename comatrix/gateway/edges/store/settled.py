"""Results in the log, applied to the commands they answer."""

import sqlite3

from comatrix.codec import cbor
from comatrix.codec.records import Result, read_result
from comatrix.errors import WireError
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item
from comatrix.gateway.edges.store import mailbox, records
from comatrix.gateway.model import Record

DONE, REFUSED, UNKNOWN, NOT_AGAIN = range(4)  # docs/reference/wire.md, section Records
Value = int | str | None


def settle_results(connection: sqlite3.Connection) -> list[Item]:
    """What the results stored since the last call say -> the items they changed. A second call changes nothing.

    An item ends when its result came, not when this is called: it runs at every start too.
    """
    new = records.results(connection)
    if new:
        records.set_results_seen(connection, new[-1].id)
    settled = [_settle(connection, record) for record in new]
    return [item for item in settled if item is not None]


def _settle(connection: sqlite3.Connection, record: Record) -> Item | None:
    try:
        result = read_result(cbor.decode_untrusted(record.body))
    except WireError:
        return None  # only what was read before is stored
    if result.status == NOT_AGAIN and isinstance(result.value, int) and 0 <= result.value <= mailbox.HIGHEST_ID:
        mailbox.executed(connection, record.node, result.value)
    row = connection.execute(
        "SELECT number FROM command WHERE node = ? AND enrolment = ? AND id = ?",
        (record.node, record.enrolment, result.id),
    ).fetchone()
    return None if row is None else mailbox.end(connection, row[0], *_word(result, record.received_ms))


def _word(result: Result, received_ms: int) -> tuple[str, int, str, Value]:
    """-> (event, when, reason, value) as `mailbox.end` takes them."""
    value = _plain(result.value)
    if result.status == DONE:
        return states.DONE, received_ms, "", value
    if result.status == REFUSED:
        return states.DENIED, received_ms, value if isinstance(value, str) else "", value
    if result.status == UNKNOWN:
        return states.DENIED, received_ms, "the node does not know that (any more)", None
    if result.status == NOT_AGAIN:
        return states.LOST, received_ms, "the node does not know any more whether it did this", None
    return states.LOST, received_ms, f"the node answered with status {result.status}, which means nothing here", None


def _plain(value: object) -> Value:
    """An integer or a text; None for what no setting or method of ours gives."""
    if isinstance(value, int):
        return int(value)
    return value if isinstance(value, str) else None
