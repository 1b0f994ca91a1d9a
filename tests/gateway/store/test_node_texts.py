"""A node's text to another node: from the log into that one's mailbox, once, whatever happens in between."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from comatrix.codec.records import Command, Text, encode
from comatrix.gateway.downlink import states
from comatrix.gateway.edges.store import grants, mailbox, nodes, records
from comatrix.gateway.edges.store.node_texts import CROWDED, MOST_WAITING
from comatrix.gateway.edges.store.retention import Retention
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import NewRecord
from tests.gateway.store.ordering import new, result
from tests.gateway.store.test_mail import Gateway

GARDEN, SHED = 1, 2
TTL_MS = 86_400_000


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path / "gateway.db")
    await gateway.mail.begin()
    yield gateway
    await gateway.store.aclose()


def said(seq: int, text: str = "hi", to: int = SHED, at_ms: int = 0) -> NewRecord:
    """What the garden says, as ingest hands it to the store: in its own room."""
    body = encode(Text(text, -to))
    return NewRecord(GARDEN, 1, seq, 1, "node_text", body, at_ms, at_ms, seq, b"12345678")


async def say(gateway: Gateway, *texts: NewRecord) -> None:
    """As the receiver does."""
    for one in texts:
        await gateway.append(one)
        await gateway.mail.text_stored()


async def test_a_text_waits_for_the_other_node_and_its_word_ends_it(gateway: Gateway) -> None:
    await say(gateway, said(9, "hi"))
    item = gateway.item()
    assert (item.new.node, item.new.sender, item.new.order.verb) == (SHED, "node garden", "say")
    assert (item.new.room, item.new.event_id, item.new.priority) == (None, None, 1), "nobody on Matrix asked for it"
    assert (gateway.mail.waits(SHED), gateway.mail.waits(GARDEN)) == (True, False)
    assert await gateway.mail.air(SHED) == Command(1, "hi")
    await gateway.append(result(1, 1, node=SHED))
    await gateway.mail.result_stored()
    assert gateway.item().state == states.CONFIRMED
    assert gateway.take() == [(1, states.QUEUED), (1, states.ON_AIR), (1, states.CONFIRMED)]


async def test_a_crash_between_a_text_stored_and_queued_queues_it_once(gateway: Gateway) -> None:
    await gateway.append(said(9))
    for _ in range(2):
        await gateway.restart()
        assert gateway.mail.waits(SHED)
    await gateway.mail.text_stored()
    assert gateway.take() == [(1, states.QUEUED)]
    assert len(gateway.store.read(lambda connection: mailbox.recent(connection, 9))) == 1


async def test_a_text_the_disk_would_not_queue_is_queued_when_it_does_again(gateway: Gateway) -> None:
    stop = "CREATE TRIGGER full AFTER INSERT ON command BEGIN SELECT raise(ABORT, 'disk'); END"
    gateway.store.write(lambda connection: connection.execute(stop))
    await gateway.append(said(9))
    with pytest.raises(StoreError):
        await gateway.mail.text_stored()
    gateway.store.write(lambda connection: connection.execute("DROP TRIGGER full"))
    await gateway.mail.expire()
    assert gateway.take() == [(1, states.QUEUED)]


async def test_it_may_wait_from_when_it_came_not_from_when_it_was_queued(gateway: Gateway) -> None:
    await gateway.append(said(9, at_ms=5))
    gateway.now_ms = 5 + TTL_MS
    await gateway.restart()
    assert gateway.item().new.expires_ms == 5 + TTL_MS
    assert gateway.take() == [(1, states.QUEUED), (1, states.EXPIRED)]


async def test_a_node_that_says_too_much_leaves_the_mailbox_to_people(gateway: Gateway) -> None:
    await say(gateway, *(said(seq) for seq in range(1, MOST_WAITING + 2)))
    last = gateway.item(MOST_WAITING + 1)
    assert (last.state, last.reason) == (states.WITHDRAWN, CROWDED)
    await gateway.put(new(node=SHED))
    await gateway.mail.air(SHED)
    await gateway.append(result(50, 1, node=SHED))
    await say(gateway, said(60))
    assert gateway.item(MOST_WAITING + 3).state == states.QUEUED, "there is room again"


async def test_a_grant_taken_back_withdraws_what_waits_whatever_its_sender_is_called_now(gateway: Gateway) -> None:
    gateway.store.write(lambda connection: grants.grant(connection, GARDEN, SHED))
    await say(gateway, said(1, "on air"), said(2, "waits"))
    await gateway.put(new(node=SHED))
    await gateway.mail.air(SHED)
    gateway.store.write(lambda connection: nodes.rename(connection, GARDEN, "meadow"))
    assert gateway.store.write(lambda connection: grants.ungrant(connection, GARDEN, SHED, 7))
    assert not gateway.store.write(lambda connection: grants.ungrant(connection, GARDEN, SHED, 7))
    assert [gateway.item(number).state for number in (1, 2, 3)] == [states.ON_AIR, states.WITHDRAWN, states.QUEUED]
    assert gateway.store.read(grants.all_grants) == set()


@pytest.mark.parametrize("revoked", [GARDEN, SHED])
async def test_a_revoked_node_has_no_grant_and_its_word_does_not_wait(gateway: Gateway, revoked: int) -> None:
    gateway.store.write(lambda connection: grants.grant(connection, GARDEN, SHED))
    await say(gateway, said(1))
    withdrawn = gateway.store.write(lambda connection: grants.forget(connection, revoked, 7))
    assert [item.number for item in withdrawn] == ([1] if revoked == GARDEN else [])
    assert gateway.store.read(grants.all_grants) == set()


async def test_a_copy_put_back_says_nothing_that_it_had_not_queued_yet(gateway: Gateway) -> None:
    """The original did, since: the other node may have it."""
    await gateway.append(said(9))
    await gateway.store.aclose()
    gateway.path.with_name("gateway.db.instance").write_text("another\n")
    gateway.open()
    await gateway.mail.begin()
    assert await gateway.mail.air(SHED) is None
    assert (gateway.item().state, gateway.item().reason) == (states.NOT_CONFIRMED, mailbox.COPY)


async def test_what_is_no_text_to_a_node_is_passed_over(gateway: Gateway) -> None:
    await say(gateway, said(1)._replace(body=b"\xff"), said(2, to=0), said(3, to=77), said(4))
    assert [item.new.order.values for item in gateway.store.read(mailbox.open_items)] == [("hi",)]


async def test_it_stays_in_the_log_until_it_is_posted_and_in_the_mailbox(gateway: Gateway) -> None:
    await gateway.append(said(1))

    def left(posted: bool) -> int:
        def job(connection: sqlite3.Connection) -> int:
            connection.execute("UPDATE meta SET value = 1 WHERE key = 'folded'")
            if posted:
                connection.execute("REPLACE INTO cursor VALUES (1, 1, 1, 0)")
            Retention().reclaim(connection, 99)
            return len(records.after(connection, 0, 99))

        return gateway.store.write(job)

    assert [left(False), left(True)] == [1, 1]
    await gateway.mail.text_stored()
    assert left(True) == 0
