"""The mailbox's functions, a rule at a time."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item, NewItem, Order
from comatrix.gateway.edges.store import descriptions, mailbox, nodes, rooms, status
from comatrix.gateway.edges.store.migrations import migrate, schemas
from comatrix.gateway.edges.store.status import NodeStatus
from comatrix.gateway.errors import GatewayError, MailboxFull, StoreError
from tests.gateway.store.ordering import ASK, EXPIRES_MS, HELLO, INTERVAL, LED, REBOOT, new

CAP = 4


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """Nodes 1 and 2."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, schemas())
    room = rooms.add(connection, "!a:b").id
    for name in ("garden", "shed"):
        nodes.add(connection, name, room, now_ms=0)
    connection.execute("INSERT INTO meta VALUES ('instance', 'this one')")
    yield connection
    connection.close()


def add(db: sqlite3.Connection, item: NewItem | None = None, enrolment: int = 1) -> Item:
    return mailbox.add(db, item or new(), enrolment, CAP)[0]


def aired(db: sqlite3.Connection, item: NewItem | None = None, now_ms: int = 10) -> Item:
    return mailbox.air(db, add(db, item), now_ms)


def state(db: sqlite3.Connection, number: int) -> str:
    item = mailbox.by_number(db, number)
    assert item is not None
    return item.state


def order_of_going(db: sqlite3.Connection) -> list[int]:
    """Numbers as they go on air, each confirmed before the next."""
    gone = []
    while (item := mailbox.standing(db, 1, 0)) is not None:
        gone.append(item.number)
        mailbox.air(db, item, 0)
        mailbox.end(db, item.number, states.DONE, 0)
    return gone


# Queued.


@pytest.mark.parametrize(
    "order", [INTERVAL, REBOOT, ASK, HELLO, Order("call", "pump", (3, -5, "left"), "pump 3 -5 left")], ids=str
)
def test_an_item_is_read_as_it_was_put(db: sqlite3.Connection, order: Order) -> None:
    wanted = new(order, event_id="$1", priority=3)
    item = add(db, wanted)
    assert item == Item(1, wanted, states.QUEUED)
    assert mailbox.by_number(db, 1) == mailbox.by_event(db, "$1") == item
    assert mailbox.recent(db, 5) == mailbox.open_items(db) == [item]


def test_an_item_typed_on_the_command_line_has_neither_room_nor_event(db: sqlite3.Connection) -> None:
    wanted = replace(new(), room=None)
    assert [add(db, wanted).new, add(db, wanted).new] == [wanted, wanted]


def test_what_is_not_there_is_none(db: sqlite3.Connection) -> None:
    assert mailbox.by_number(db, 1) is mailbox.by_event(db, "$1") is mailbox.standing(db, 1, 0) is None
    assert (mailbox.open_items(db), mailbox.recent(db, 5), mailbox.nodes_with_open(db)) == ([], [], set())
    assert mailbox.end(db, 1, states.CANCELLED_BY, 0) is None


def test_a_repeated_message_gets_the_item_it_got(db: sqlite3.Connection) -> None:
    first = add(db, new(REBOOT, event_id="$1"))
    assert mailbox.add(db, new(REBOOT, event_id="$1"), 1, CAP) == (first, None)
    ended = mailbox.end(db, first.number, states.CANCELLED_BY, 5, "why")
    assert mailbox.add(db, new(REBOOT, event_id="$1"), 1, CAP) == (ended, None)
    assert len(mailbox.recent(db, 5)) == 1


def test_a_repeated_message_is_known_also_while_the_mailbox_is_full(db: sqlite3.Connection) -> None:
    items = [add(db, new(event_id=f"${n}")) for n in range(CAP)]
    assert mailbox.add(db, new(event_id="$0"), 1, CAP) == (items[0], None)


def test_the_cap_is_told_with_the_node_and_what_to_type_and_holds_for_each_node(db: sqlite3.Connection) -> None:
    aired(db)
    for _ in range(CAP - 1):
        add(db)
    with pytest.raises(MailboxFull, match="garden has 4 commands waiting") as caught:
        add(db)
    assert isinstance(caught.value, GatewayError)
    assert not isinstance(caught.value, StoreError)
    assert caught.value.next_step == "comatrix command list"
    assert len(mailbox.open_items(db, 1)) == CAP
    add(db, new(node=2))
    mailbox.end(db, 2, states.CANCELLED_BY, 0)
    assert add(db).state == states.QUEUED


def test_a_newer_value_for_a_setting_replaces_the_one_that_waits(db: sqlite3.Connection) -> None:
    add(db, new(INTERVAL))
    item, replaced = mailbox.add(db, new(replace(INTERVAL, values=(5,)), at_ms=7), 1, CAP)
    assert replaced is not None
    assert (replaced.number, replaced.state, replaced.reason, replaced.ended_ms) == (1, states.REPLACED, "#2", 7)
    assert mailbox.open_items(db) == [item]
    assert item.new.order.values == (5,)


@pytest.mark.parametrize("other", [new(LED), new(ASK), new(INTERVAL, node=2)], ids=["setting", "verb", "node"])
def test_only_the_same_setting_of_the_same_node_is_replaced(db: sqlite3.Connection, other: NewItem) -> None:
    add(db, other)
    assert mailbox.add(db, new(INTERVAL), 1, CAP)[1] is None


@pytest.mark.parametrize("order", [ASK, REBOOT, HELLO], ids=lambda order: order.verb)
def test_what_sets_nothing_replaces_nothing(db: sqlite3.Connection, order: Order) -> None:
    add(db, new(order))
    assert mailbox.add(db, new(order), 1, CAP)[1] is None
    assert len(mailbox.open_items(db)) == 2


def test_a_value_on_air_is_not_replaced(db: sqlite3.Connection) -> None:
    aired(db, new(INTERVAL))
    assert mailbox.add(db, new(INTERVAL), 1, CAP)[1] is None
    assert [item.state for item in mailbox.open_items(db)] == [states.ON_AIR, states.QUEUED]
    replaced = mailbox.add(db, new(INTERVAL), 1, CAP)[1]
    assert replaced is not None
    assert replaced.number == 2, "the one behind it is"


def test_replacing_needs_no_room_in_a_full_mailbox(db: sqlite3.Connection) -> None:
    for order in (INTERVAL, ASK, ASK, ASK):
        add(db, new(order))
    assert mailbox.add(db, new(INTERVAL), 1, CAP)[1] is not None
    with pytest.raises(MailboxFull):
        add(db, new(LED))


# On air.


def test_the_lowest_priority_number_goes_first_then_the_older(db: sqlite3.Connection) -> None:
    for priority in (2, 1, 1, 0):
        add(db, new(priority=priority))
    add(db, new(node=2, priority=0))
    assert [item.number for item in mailbox.open_items(db, 1)] == [4, 2, 3, 1]
    assert order_of_going(db) == [4, 2, 3, 1]


def test_what_is_on_air_stands_until_it_is_over_whatever_comes(db: sqlite3.Connection) -> None:
    item = aired(db, new(priority=5))
    add(db, new(priority=0))
    assert mailbox.standing(db, 1, EXPIRES_MS - 1) == item
    assert mailbox.open_items(db)[0] == item
    mailbox.end(db, item.number, states.DONE, 0)
    following = mailbox.standing(db, 1, 0)
    assert following is not None
    assert following.number == 2


def test_airing_gives_an_id_once_and_counts(db: sqlite3.Connection) -> None:
    item = aired(db, now_ms=10)
    assert (item.state, item.id, item.attempts, item.aired_ms) == (states.ON_AIR, 1, 1, 10)
    again = mailbox.air(db, item, 20)
    assert again == replace(item, attempts=2)


def test_ids_grow_for_each_node_from_one_in_the_order_things_go_on_air(db: sqlite3.Connection) -> None:
    later, first = add(db, new(priority=9)), add(db)
    assert mailbox.air(db, first, 0).id == 1
    mailbox.end(db, first.number, states.DONE, 0)
    assert mailbox.air(db, later, 0).id == 2
    assert aired(db, new(node=2)).id == 1


def test_ids_go_on_above_what_the_node_says_it_executed(db: sqlite3.Connection) -> None:
    mailbox.executed(db, 1, 41)
    mailbox.executed(db, 1, 7)
    item = aired(db)
    assert item.id == 42
    mailbox.end(db, item.number, states.DONE, 0)
    status.update(db, NodeStatus(1, executed_id=3))
    assert aired(db).id == 43
    assert aired(db, new(node=2)).id == 1


def test_a_new_enrolment_counts_from_one_again(db: sqlite3.Connection) -> None:
    aired(db)
    enrolment = nodes.enrol_again(db, 1)
    mailbox.expire(db, 0)
    item = mailbox.air(db, add(db, enrolment=enrolment), 0)
    assert item.id == 1


def test_the_last_id_is_given_and_then_the_item_is_refused_in_words(db: sqlite3.Connection) -> None:
    mailbox.executed(db, 1, 65_534)
    last = aired(db)
    assert last.id == 65_535
    mailbox.end(db, last.number, states.DONE, 0)
    item = aired(db, now_ms=30)
    assert (item.state, item.id, item.ended_ms, item.attempts) == (states.REFUSED, None, 30, 0)
    assert "65,535" in item.reason


# Over.


def test_what_ends_keeps_its_word_and_is_open_no_more(db: sqlite3.Connection) -> None:
    item = aired(db)
    assert mailbox.nodes_with_open(db) == {1}
    ended = mailbox.end(db, item.number, states.DONE, 30, "why", -5)
    assert ended == replace(item, state=states.CONFIRMED, ended_ms=30, reason="why", value=-5)
    assert mailbox.by_number(db, item.number) == ended
    assert mailbox.nodes_with_open(db) == set()


@pytest.mark.parametrize("event", [states.CANCELLED_BY, states.WITHDREW, states.REPLACED_BY])
def test_what_is_on_air_is_not_taken_back(db: sqlite3.Connection, event: str) -> None:
    item = aired(db)
    assert mailbox.end(db, item.number, event, 0) is None
    assert mailbox.by_number(db, item.number) == item


def test_an_end_is_no_way_onto_the_air(db: sqlite3.Connection) -> None:
    item = add(db)
    assert mailbox.end(db, item.number, states.AIRED, 0) is None
    assert mailbox.by_number(db, item.number) == item


def test_time_is_over_at_the_instant_and_not_before(db: sqlite3.Connection) -> None:
    add(db, new(expires_ms=50))
    assert mailbox.next_expiry_ms(db) == 50
    assert mailbox.standing(db, 1, 49) is not None
    assert mailbox.expire(db, 49) == []
    assert mailbox.standing(db, 1, 50) is None
    (item,) = mailbox.expire(db, 50)
    assert (item.state, item.ended_ms, item.aired_ms) == (states.EXPIRED, 50, None)
    assert mailbox.next_expiry_ms(db) is None
    assert mailbox.expire(db, 50) == []


def test_what_was_on_air_when_its_time_ran_out_is_not_confirmed(db: sqlite3.Connection) -> None:
    aired(db, new(expires_ms=50))
    add(db, new(expires_ms=70))
    assert mailbox.standing(db, 1, 50) is None, "one at a time: the next one only after expire"
    assert [item.state for item in mailbox.expire(db, 50)] == [states.NOT_CONFIRMED]
    following = mailbox.standing(db, 1, 50)
    assert following is not None
    assert (following.number, mailbox.next_expiry_ms(db)) == (2, 70)


def test_one_nodes_items_are_expired_alone(db: sqlite3.Connection) -> None:
    add(db, new(expires_ms=50))
    add(db, new(expires_ms=50, node=2))
    assert [item.new.node for item in mailbox.expire(db, 50, 2)] == [2]
    assert [item.new.node for item in mailbox.expire(db, 50)] == [1]


@pytest.mark.parametrize(("how", "reason"), [(nodes.revoke, "revoked"), (nodes.enrol_again, "anew")])
def test_a_node_whose_keys_are_gone_gets_nothing_and_it_is_told_truly(
    db: sqlite3.Connection, how: Callable[[sqlite3.Connection, int], object], reason: str
) -> None:
    aired(db)
    add(db)
    add(db, new(node=2))
    how(db, 1)
    assert mailbox.standing(db, 1, 0) is None
    ended = mailbox.expire(db, 20)
    assert {item.number: item.state for item in ended} == {1: states.NOT_CONFIRMED, 2: states.WITHDRAWN}
    assert all(reason in item.reason for item in ended)
    assert mailbox.nodes_with_open(db) == {2}


def test_a_copy_put_back_hands_nothing_out_that_may_have_been_done_since(db: sqlite3.Connection) -> None:
    aired(db)
    add(db)
    assert mailbox.doubt_copy(db, 20) == []
    db.execute("UPDATE meta SET value = 'another' WHERE key = 'instance'")
    assert [(item.state, item.reason) for item in mailbox.doubt_copy(db, 20)] == [
        (states.NOT_CONFIRMED, mailbox.COPY)
    ] * 2
    item = add(db)
    assert mailbox.doubt_copy(db, 20) == []
    assert state(db, item.number) == states.QUEUED


def test_what_was_queued_before_the_first_start_is_doubted_in_a_copy_too(db: sqlite3.Connection) -> None:
    """The command line queues while no gateway runs: a copy made then knows whose it is."""
    add(db)
    db.execute("UPDATE meta SET value = 'another' WHERE key = 'instance'")
    assert [item.state for item in mailbox.doubt_copy(db, 20)] == [states.NOT_CONFIRMED]


def test_old_items_leave_but_no_open_one_and_no_highest_id(db: sqlite3.Connection) -> None:
    for _ in range(3):
        mailbox.end(db, aired(db).number, states.DONE, 0)
    add(db, new(node=2))
    mailbox.end(db, add(db).number, states.CANCELLED_BY, 0)
    assert [item.number for item in mailbox.recent(db, 99)] == [1, 2, 3, 4, 5]
    db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'command'", (mailbox.REMEMBERED + 4,))
    assert add(db).number == mailbox.REMEMBERED + 5
    assert [item.number for item in mailbox.recent(db, 99)] == [3, 4, mailbox.REMEMBERED + 5]
    assert mailbox.air(db, mailbox.recent(db, 1)[0], 0).id == 4


def test_a_number_is_never_used_twice(db: sqlite3.Connection) -> None:
    add(db)
    db.execute("DELETE FROM command")
    assert add(db).number == 2


# What nodes said can be told to them.


def test_a_description_is_kept_and_a_newer_one_takes_its_place(db: sqlite3.Connection) -> None:
    assert descriptions.body(db, 1) is descriptions.hash_of(db, 1) is None
    descriptions.put(db, 1, b"hash", b"body", 5)
    descriptions.put(db, 1, b"Hash", b"Body", 6)
    descriptions.put(db, 2, b"hash", b"body", 6)
    assert (descriptions.hash_of(db, 1), descriptions.body(db, 1)) == (b"Hash", b"Body")
    assert status.all_status(db)[1].description_hash == b"Hash"


def test_a_description_is_outdated_once_a_hello_names_another(db: sqlite3.Connection) -> None:
    assert not descriptions.outdated(db, 1)
    status.update(db, NodeStatus(1, firmware="a hello of a node that describes nothing"))
    assert not descriptions.outdated(db, 1)
    status.update(db, NodeStatus(1, description_hash=b"hash"))
    assert descriptions.outdated(db, 1)
    descriptions.put(db, 1, b"hash", b"body", 5)
    status.update(db, NodeStatus(1, firmware="a hello that does not name it"))
    assert not descriptions.outdated(db, 1)
    status.update(db, NodeStatus(1, description_hash=b"Hash"))
    assert descriptions.outdated(db, 1)
    assert not descriptions.outdated(db, 2)
