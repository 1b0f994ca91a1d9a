"""The mailbox over a store that restarts, fails and is asked from several sides at once."""

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from comatrix.codec.records import Command
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item, NewItem, Order
from comatrix.gateway.edges.store import descriptions, mailbox, nodes, rooms, status
from comatrix.gateway.edges.store.mail import GONE, Mail
from comatrix.gateway.edges.store.status import NodeStatus
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.edges.store.transactions import Told
from comatrix.gateway.errors import MailboxFull, StoreError
from comatrix.gateway.model import Appended, NewRecord
from tests.gateway.store.ordering import ASK, EXPIRES_MS, HELLO, INTERVAL, LED, REBOOT, new, result

CAP = 16
BODY = b"a description of interval and reboot"


def number_of(description: bytes | None, order: Order) -> int | str | None:
    """Names that stand in the description, numbered by where they do."""
    if order.verb == "say":
        return str(order.values[0])
    found = (description or b"").find(order.name.encode())
    return None if found < 0 else found


class Gateway:
    """A store with two nodes, its mail, and what was told of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now_ms = 0
        self.told: list[Item] = []
        self.disk_states: list[str] = []  # each item's on disk, at the moment it was told
        self.open()
        self.store.write(self._provision)

    @staticmethod
    def _provision(connection: sqlite3.Connection) -> None:
        room = rooms.add(connection, "!a:b").id
        for number, name in enumerate(("garden", "shed"), 1):
            nodes.add(connection, name, room, now_ms=0)
            descriptions.put(connection, number, b"hash", BODY, 0)

    def open(self) -> None:
        """Also again, after a crash."""
        self.store = Store.open(self.path, 0)
        self.mail = Mail(self.store, now_ms=lambda: self.now_ms, changed=self._changed, number_of=number_of)

    def _changed(self, item: Item) -> None:
        asyncio.get_running_loop()
        self.told.append(item)
        stored = self.store.read(lambda connection: mailbox.by_number(connection, item.number))
        assert stored is not None
        self.disk_states.append(stored.state)

    async def restart(self) -> int | None:
        """Only what is on disk is left; the mail begins anew."""
        await self.store.aclose()
        self.open()
        return await self.mail.begin()

    async def append(self, record: NewRecord) -> None:
        """As the receiver does, up to the moment it is told."""
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self.store.append(record, None, future.set_result)
        assert isinstance(await future, Appended)

    def take(self) -> list[tuple[int, str]]:
        """(number, state) of what was told since the last call."""
        told = [(item.number, item.state) for item in self.told]
        self.told.clear()
        return told

    def item(self, number: int = 1) -> Item:
        found = self.store.read(lambda connection: mailbox.by_number(connection, number))
        assert found is not None
        return found

    async def put(self, asked: NewItem) -> None:
        """As the desk does."""

        def job(connection: sqlite3.Connection) -> list[Item]:
            item, replaced = mailbox.add(connection, asked, 1, CAP)
            return [item] if replaced is None else [replaced, item]

        await self.mail.apply(job)

    async def end(self, number: int, event: str, reason: str = "") -> None:
        """A person takes it back."""

        def job(connection: sqlite3.Connection) -> list[Item]:
            ended = mailbox.end(connection, number, event, self.now_ms, reason)
            return [] if ended is None else [ended]

        await self.mail.apply(job)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path / "gateway.db")
    await gateway.mail.begin()
    yield gateway
    await gateway.store.aclose()


async def test_a_command_from_the_room_to_the_nodes_word(gateway: Gateway) -> None:
    mail = gateway.mail
    assert not mail.waits(1)
    await gateway.put(new(INTERVAL, event_id="$1"))
    assert (gateway.item().state, mail.waits(1), mail.waits(2)) == (states.QUEUED, True, False)
    assert await mail.air(2) is None
    assert await mail.air(1) == Command(1, BODY.find(b"interval"), [60])
    assert gateway.item().state == states.ON_AIR
    await gateway.append(result(1, 1, 0, 60))
    await mail.result_stored()
    assert (gateway.item().state, gateway.item().value, mail.waits(1)) == (states.CONFIRMED, 60, False)
    assert gateway.take() == [(1, states.QUEUED), (1, states.ON_AIR), (1, states.CONFIRMED)]
    assert gateway.disk_states == [states.QUEUED, states.ON_AIR, states.CONFIRMED], "told after it was on disk"


@pytest.mark.parametrize(
    ("order", "command"),
    [
        (ASK, Command(1, BODY.find(b"interval"))),
        (REBOOT, Command(1, BODY.find(b"reboot"))),
        (Order("call", "reboot", (3, -1), ""), Command(1, BODY.find(b"reboot"), [3, -1])),
        (HELLO, Command(1, "hello")),
    ],
    ids=["get", "call", "call with arguments", "say"],
)
async def test_each_verb_goes_on_air_as_the_wire_has_it(gateway: Gateway, order: Order, command: Command) -> None:
    await gateway.put(new(order))
    assert await gateway.mail.air(1) == command


async def test_it_stands_with_its_id_until_it_is_over_and_one_more_time_is_not_told(gateway: Gateway) -> None:
    await gateway.put(new(priority=5))
    first = await gateway.mail.air(1)
    await gateway.put(new(REBOOT, priority=0))
    gateway.take()
    assert [await gateway.mail.air(1) for _ in range(3)] == [first] * 3
    assert (gateway.item().attempts, gateway.take()) == (4, [])


async def test_what_replaces_and_what_is_replaced_are_both_told(gateway: Gateway) -> None:
    await gateway.put(new(INTERVAL))
    await gateway.put(new(INTERVAL))
    assert gateway.take() == [(1, states.QUEUED), (1, states.REPLACED), (2, states.QUEUED)]


async def test_a_full_mailbox_takes_nothing_and_has_room_again_once_time_ran_out(gateway: Gateway) -> None:
    for _ in range(CAP):
        await gateway.put(new(expires_ms=50))
    gateway.take()
    with pytest.raises(MailboxFull, match=f"garden has {CAP} commands"):
        await gateway.put(new())
    assert gateway.take() == []
    gateway.now_ms = 50
    await gateway.put(new())
    assert gateway.take()[-1] == (CAP + 1, states.QUEUED)


async def test_what_a_person_ends_waits_no_more_and_what_is_on_air_stays(gateway: Gateway) -> None:
    await gateway.put(new())
    await gateway.put(new(REBOOT))
    await gateway.mail.air(1)
    await gateway.end(2, states.CANCELLED_BY, "by Ann")
    assert (gateway.item(2).state, gateway.item(2).reason) == (states.CANCELLED, "by Ann")
    await gateway.end(1, states.WITHDREW)
    assert (gateway.item().state, gateway.mail.waits(1)) == (states.ON_AIR, True)
    assert gateway.take()[-1] == (2, states.CANCELLED)


async def test_what_is_over_neither_fills_the_mailbox_nor_is_replaced(gateway: Gateway) -> None:
    """Though nobody looked since."""
    await gateway.put(new(INTERVAL, expires_ms=50))
    gateway.now_ms = 50
    await gateway.put(new(INTERVAL))
    assert gateway.take()[1:] == [(1, states.EXPIRED), (2, states.QUEUED)]


async def test_expire_says_when_it_is_due_next(gateway: Gateway) -> None:
    mail = gateway.mail
    assert await mail.expire() is None
    await gateway.put(new(expires_ms=50))
    await gateway.put(new(REBOOT, node=2, expires_ms=70))
    assert await mail.expire() == 50
    gateway.now_ms = 50
    assert (await mail.expire(), mail.waits(1), mail.waits(2)) == (70, False, True)
    gateway.now_ms = 70
    assert (await mail.expire(), mail.waits(2)) == (None, False)
    assert gateway.take()[2:] == [(1, states.EXPIRED), (2, states.EXPIRED)]


async def test_what_is_over_does_not_go_on_air_though_nobody_looked(gateway: Gateway) -> None:
    await gateway.put(new(expires_ms=50))
    await gateway.put(new(REBOOT, expires_ms=70))
    await gateway.mail.air(1)
    gateway.now_ms = 50
    assert await gateway.mail.air(1) == Command(2, BODY.find(b"reboot"))
    gateway.now_ms = 70
    assert await gateway.mail.air(1) is None
    assert [gateway.item(n).state for n in (1, 2)] == [states.NOT_CONFIRMED] * 2


async def test_a_result_that_is_here_comes_before_the_judgement_that_none_came(gateway: Gateway) -> None:
    await gateway.put(new(expires_ms=50))
    await gateway.mail.air(1)
    await gateway.append(result(1, 1, at_ms=49))
    gateway.now_ms = 99
    assert await gateway.mail.expire() is None
    assert gateway.take()[-1] == (1, states.CONFIRMED)


async def test_a_revoked_node_is_told_nothing_more(gateway: Gateway) -> None:
    await gateway.put(new())
    await gateway.put(new(REBOOT))
    await gateway.mail.air(1)
    await gateway.store.run(lambda connection: nodes.revoke(connection, 1))
    assert await gateway.mail.air(1) is None
    assert [gateway.item(n).state for n in (1, 2)] == [states.NOT_CONFIRMED, states.WITHDRAWN]
    assert not gateway.mail.waits(1)


# Descriptions.


async def test_what_the_node_does_not_offer_any_more_is_refused_and_the_next_goes(gateway: Gateway) -> None:
    await gateway.put(new(LED))
    await gateway.put(new(REBOOT))
    assert await gateway.mail.air(1) == Command(1, BODY.find(b"reboot"))
    item = gateway.item(1)
    assert (item.state, item.reason, item.id) == (states.REFUSED, GONE, None)
    assert gateway.take()[2:] == [(1, states.REFUSED), (2, states.ON_AIR)]


async def test_what_was_on_air_before_the_node_stopped_offering_it_is_not_called_refused(gateway: Gateway) -> None:
    await gateway.put(new(INTERVAL))
    await gateway.mail.air(1)
    await gateway.mail.describe(1, b"only reboot")
    assert await gateway.mail.air(1) is None
    assert (gateway.item().state, gateway.item().reason) == (states.NOT_CONFIRMED, GONE)


async def test_nothing_numbered_goes_to_a_node_whose_new_description_is_on_the_way(gateway: Gateway) -> None:
    """Its numbers may mean something else by now: `interval = 60` must not become `threshold = 60`."""
    await gateway.put(new(INTERVAL))
    gateway.store.write(lambda connection: status.update(connection, NodeStatus(1, description_hash=b"Hash")))
    assert await gateway.mail.air(1) is None
    assert gateway.item().state == states.QUEUED
    assert gateway.mail.waits(1)
    body = b"threshold, interval"
    await gateway.mail.describe(1, body)
    assert await gateway.mail.air(1) == Command(1, body.find(b"interval"), [60])


async def test_a_text_needs_no_description(gateway: Gateway) -> None:
    await gateway.put(new(HELLO))
    gateway.store.write(lambda connection: status.update(connection, NodeStatus(1, description_hash=b"Hash")))
    assert await gateway.mail.air(1) == Command(1, "hello")


async def test_a_description_is_known_by_the_hash_the_node_names(gateway: Gateway) -> None:
    await gateway.mail.describe(1, b"body")
    assert gateway.mail.known_hash(1) == hashlib.sha256(b"body").digest()[:4]
    assert gateway.mail.description(1) == b"body"
    assert gateway.mail.known_hash(77) is gateway.mail.description(77) is None


async def test_ids_go_on_above_what_the_node_says(gateway: Gateway) -> None:
    await gateway.mail.executed(1, 9)
    await gateway.put(new())
    command = await gateway.mail.air(1)
    assert command is not None
    assert command.id == 10


async def test_once_its_ids_are_used_up_everything_is_refused_in_words(gateway: Gateway) -> None:
    await gateway.mail.executed(1, 65_535)
    await gateway.put(new())
    await gateway.put(new(REBOOT))
    assert await gateway.mail.air(1) is None
    assert [gateway.item(n).reason for n in (1, 2)] == [mailbox.USED_UP] * 2
    assert not gateway.mail.waits(1)


# Restarts and failures.


async def test_a_restart_forgets_nothing(gateway: Gateway) -> None:
    await gateway.put(new())
    await gateway.put(new(REBOOT, node=2))
    first = await gateway.mail.air(1)
    gateway.take()
    assert await gateway.restart() == EXPIRES_MS
    assert (gateway.mail.waits(1), gateway.mail.waits(2), gateway.take()) == (True, True, [])
    assert await gateway.mail.air(1) == first


async def test_a_crash_between_a_result_stored_and_settled_loses_nothing(gateway: Gateway) -> None:
    await gateway.put(new(expires_ms=50))
    await gateway.mail.air(1)
    await gateway.append(result(1, 1, 0, 60, at_ms=40))
    gateway.take()
    gateway.now_ms = 9_000
    await gateway.restart()
    item = gateway.item()
    assert (item.state, item.value, item.ended_ms, gateway.mail.waits(1)) == (states.CONFIRMED, 60, 40, False)
    assert gateway.take() == [(1, states.CONFIRMED)]
    await gateway.restart()
    assert gateway.take() == []


async def test_time_that_ran_out_while_the_gateway_was_down_is_told_at_its_start(gateway: Gateway) -> None:
    await gateway.put(new(expires_ms=50))
    gateway.take()
    gateway.now_ms = 50
    assert await gateway.restart() is None
    assert (gateway.take(), gateway.mail.waits(1)) == ([(1, states.EXPIRED)], False)


async def test_a_command_written_beside_the_mail_is_told_like_any_other(gateway: Gateway) -> None:
    """As the command line does it: whoever observes the node has to hear of it."""
    gateway.store.write(lambda connection: mailbox.add(connection, new(REBOOT), 1, CAP))
    assert gateway.take() == []
    await gateway.mail.look()
    assert (gateway.take(), gateway.mail.waits(1)) == ([(1, states.QUEUED)], True)
    await gateway.mail.look()
    assert gateway.take() == []


async def test_a_copy_put_back_executes_nothing_twice(gateway: Gateway) -> None:
    """The copy has queued what the node did since under another id."""
    await gateway.put(new(REBOOT))
    await gateway.store.aclose()
    copy = gateway.path.read_bytes()
    gateway.open()
    await gateway.mail.begin()
    assert await gateway.mail.air(1) is not None
    await gateway.append(result(1, 1))
    await gateway.mail.result_stored()
    await gateway.store.aclose()
    gateway.path.write_bytes(copy)
    gateway.path.with_name("gateway.db.instance").write_text("another\n")
    gateway.open()
    await gateway.mail.begin()
    assert await gateway.mail.air(1) is None
    assert (gateway.item().state, gateway.item().reason) == (states.NOT_CONFIRMED, mailbox.COPY)


async def test_what_the_disk_refuses_is_raised_and_nothing_of_it_was_done(gateway: Gateway) -> None:
    await gateway.put(new())
    gateway.take()
    for event in ("INSERT", "UPDATE"):
        gateway.store.write(
            lambda connection, event=event: connection.execute(  # type: ignore[misc]
                f"CREATE TRIGGER no_{event} AFTER {event} ON command BEGIN SELECT raise(ABORT, 'disk'); END"
            )
        )
    with pytest.raises(StoreError):
        await gateway.put(new(node=2))
    with pytest.raises(StoreError):
        await gateway.mail.air(1)
    with pytest.raises(StoreError):
        await gateway.end(1, states.CANCELLED_BY)
    await gateway.append(result(1, 1))
    await gateway.mail.result_stored()
    assert (gateway.item().state, gateway.item().id, gateway.take()) == (states.QUEUED, None, [])
    assert (gateway.mail.waits(1), gateway.mail.waits(2)) == (True, False)


async def test_who_gives_up_waiting_changes_nothing_of_what_is_committed(gateway: Gateway) -> None:
    asking = asyncio.ensure_future(gateway.put(new()))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await gateway.put(new(REBOOT, node=2))
    assert gateway.take() == [(1, states.QUEUED), (2, states.QUEUED)]
    assert gateway.mail.waits(1)


async def test_asked_by_many_at_once_one_item_is_on_air(gateway: Gateway) -> None:
    for order in (ASK, INTERVAL, REBOOT, HELLO):
        await gateway.put(new(order))
    commands = await asyncio.gather(*(gateway.mail.air(1) for _ in range(20)))
    assert [command.id for command in commands if command is not None] == [1] * 20
    on_air = [item for item in gateway.store.read(mailbox.open_items) if item.state == states.ON_AIR]
    assert [item.attempts for item in on_air] == [20]
