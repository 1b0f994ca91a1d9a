"""Foreign nodes count nothing: a copy of their request is known by its bytes, also after the gateway was restarted."""

import sqlite3
from pathlib import Path

import pytest

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import URI_PATH
from comatrix.codec.records import Readings
from comatrix.gateway.aead import aead
from comatrix.gateway.directory import Directory
from comatrix.gateway.edges.store import nodes, records, rooms
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import Appended, NewRecord, Node
from comatrix.gateway.uplink.associations import Address, Associations
from comatrix.gateway.uplink.recent import Recent
from comatrix.session.duplicates import EXCHANGE_LIFETIME_MS
from tests.gateway.test_receiver import SECRET, Sender
from tests.support.gateway_world import NODE_ADDRESS, WALL_MS, GatewayWorld, MemoryDisk

SHED = Node(9, "shed", 1, 1, security="plain", address="192.0.2.9")
SHED_ADDRESS: Address = (9, ("192.0.2.9", 5683))
UNKNOWN_CRITICAL = 65_001


@pytest.fixture
def world() -> GatewayWorld:
    disk = MemoryDisk()
    disk.provision(7, SECRET)
    return GatewayWorld(disk, {7: Node(7, "garden", 1, 1), 9: SHED})


def request(mid: int, *, type: int = coap.CON, options: tuple[tuple[int, bytes], ...] = ()) -> bytes:
    """The same reading each time, without a seq."""
    message = coap.Message(type, coap.POST, mid, b"\x01", [(URI_PATH, b"r"), *options], b"\xa1\x00\x01")
    return coap.encode(message)


def codes_of(world: GatewayWorld) -> list[int]:
    return [coap.decode_untrusted(answer).code for answer in world.take()]


def test_a_copy_of_before_a_restart_is_answered_and_not_stored_again(world: GatewayWorld) -> None:
    world.receive(request(1), SHED_ADDRESS)
    world.restart()
    world.now += EXCHANGE_LIFETIME_MS
    world.receive(request(1), SHED_ADDRESS)
    world.receive(request(1), SHED_ADDRESS)
    assert [record.seq for record in world.disk.records] == [0]
    assert codes_of(world) == [coap.CHANGED] * 3
    assert world.receiver.duplicates == 1


def test_other_bytes_and_what_is_long_ago_are_new(world: GatewayWorld) -> None:
    world.receive(request(1), SHED_ADDRESS)
    world.restart()
    world.receive(request(2), SHED_ADDRESS)
    world.now += EXCHANGE_LIFETIME_MS + 1
    world.receive(request(1), SHED_ADDRESS)
    assert [record.seq for record in world.disk.records] == [0, 1, 2]


def test_a_copy_that_was_never_stored_is_stored_after_the_restart(world: GatewayWorld) -> None:
    world.disk.hold = True
    world.receive(request(1), SHED_ADDRESS)
    world.restart()
    world.disk.hold = False
    world.receive(request(1), SHED_ADDRESS)
    assert len(world.disk.records) == 1


async def test_the_log_remembers_requests_that_counted_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path / "comatrix.db", WALL_MS) as store:
        room = await store.run(lambda connection: rooms.add(connection, "!a:b", "#a:b"))
        node = await store.run(lambda connection: nodes.add(connection, "shed", room.id, now_ms=1, security="plain"))
        for seq, counter, digest in ((0, None, b"a" * 8), (1, 33, b"b" * 8)):
            said: list[object] = []
            record = NewRecord(node.number, 1, seq, room.id, "readings", b"\xa0", 1, WALL_MS + seq, counter, digest)
            store.append(record, None, said.append)
            await store.run(lambda connection: None)
            assert isinstance(said[0], Appended)
        found = store.read(lambda connection: records.recent_requests(connection, WALL_MS))
    assert found == [(node.number, None, b"a" * 8, WALL_MS), (node.number, 33, b"b" * 8, WALL_MS + 1)]
    recent = Recent(found)
    assert recent.knows(node.number, b"a" * 8, WALL_MS)
    assert not recent.knows(node.number, b"b" * 8, WALL_MS)
    assert recent.answers(node.number, 33, b"b" * 8, WALL_MS)


def test_an_unknown_critical_option_earns_402_in_a_con_and_silence_else(world: GatewayWorld) -> None:
    """RFC 7252 section 5.4.1; docs/reference/wire.md, section Answers."""
    strange = ((UNKNOWN_CRITICAL, b""),)
    world.receive(request(1, options=strange), SHED_ADDRESS)
    assert codes_of(world) == [codes.BAD_OPTION]
    world.receive(request(2, type=coap.NON, options=strange), SHED_ADDRESS)
    assert codes_of(world) == []
    sender = Sender()
    for counter, type in ((20, coap.CON), (21, coap.NON)):
        message = coap.decode_untrusted(sender.request(counter, record=Readings({0: 1}), options=list(strange)))
        message = coap.Message(type, message.code, message.mid, message.token, message.options, message.payload)
        world.receive(coap.encode(message), NODE_ADDRESS)
    (answer,) = world.take()
    assert sender.answer(20, answer)[0] == codes.BAD_OPTION
    world.now += 10_000
    world.server.handle_timer(world.now)
    world._flush()
    assert world.take() == []
    assert world.disk.records == []


def test_a_seq_is_not_given_twice_when_a_person_changes_the_node_meanwhile(tmp_path: Path) -> None:
    with Store.open(tmp_path / "gateway.db", 0) as store:

        def provision(connection: sqlite3.Connection) -> int:
            room = rooms.add(connection, "!a:b").id
            return nodes.add(connection, "shed", room, now_ms=0, security="plain", address="192.0.2.9").number

        number = store.write(provision)
        directory = Directory(store, Associations(aead, lambda n: 0, frozenset()))
        given = [directory.next_seq(number), directory.next_seq(number)]  # on their way to the disk
        directory.changed("node", number)
        assert [*given, directory.next_seq(number)] == [0, 1, 2]
