"""A blocked node is met with silence before anything of it is decrypted, and is heard again when a person says so."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE, URI_PATH
from comatrix.codec.records import Readings
from comatrix.gateway.aead import aead
from comatrix.gateway.directory import Directory
from comatrix.gateway.edges.store import contexts, nodes, rooms
from comatrix.gateway.edges.store.migrations import migrate, schemas
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import Node
from comatrix.gateway.uplink.associations import Associations, Rekeyed
from comatrix.session import keys as naming
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id
from comatrix.session.server import Peer
from tests.gateway.test_receiver import SECRET, Sender
from tests.support.gateway_world import WALL_MS, GatewayWorld, MemoryDisk

GARDEN = Node(7, "garden", 1, 1)
SHED = Node(9, "shed", 1, 1, security="plain", address="192.0.2.9")
SHED_ADDRESS = (9, ("192.0.2.9", 5683))
READING = Readings({0: 2137})
BLOCKING = "0004_blocked"


@pytest.fixture
def world() -> GatewayWorld:
    disk = MemoryDisk()
    disk.provision(7, SECRET)
    return GatewayWorld(disk, {7: GARDEN, 9: SHED})


def load(world: GatewayWorld, node: Node) -> None:
    world.associations.load(node, [one for one in world.disk.contexts.values() if one.node == node.number])


def load_newest_first(world: GatewayWorld) -> None:
    world.associations.load(GARDEN, sorted(world.disk.contexts.values(), key=lambda one: -one.generation))


def plain_reading(mid: int) -> bytes:
    return coap.encode(coap.Message(coap.CON, coap.POST, mid, b"\x01", [(URI_PATH, b"r")], b"\x05\xa1\x00\x01"))


def test_a_blocked_node_gets_nothing_and_is_counted(world: GatewayWorld) -> None:
    sender = Sender()
    load(world, replace(GARDEN, blocked=True))
    datagram = sender.request(20, record=READING)
    for _ in range(3):
        world.receive(datagram)
        world.now += 10_000
        world.server.handle_timer(world.now)  # not even the empty ACK that takes its time
        world._flush()
    assert world.take() == []
    assert world.disk.records == []
    assert [(knock.reason, knock.node) for knock in world.knocks] == [("blocked", 7)] * 3


def test_nothing_of_a_blocked_node_is_decrypted(world: GatewayWorld) -> None:
    opened: list[bytes] = []

    class Watched:
        def __init__(self, key: bytes) -> None:
            pass

        def seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
            return bytes(len(plaintext) + 8)

        def open(self, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
            opened.append(ciphertext)
            raise ValueError

    watching = GatewayWorld(world.disk, {7: replace(GARDEN, blocked=True)}, aead=Watched)
    sender = Sender()
    watching.receive(sender.request(20, record=READING))
    first = bytes([1]) * 8
    _, outside, sealed, _ = oscore.protect_request(sender.context, 21, coap.GET, [], b"", b"\x48" + first)
    watching.receive(coap.encode(coap.Message(coap.CON, coap.POST, 3, b"\x01", outside, sealed)))
    assert [knock.reason for knock in watching.knocks] == ["blocked", "blocked"]
    assert opened == []
    assert watching.take() == []


def test_a_blocked_plain_node_gets_nothing_on_any_listener(world: GatewayWorld) -> None:
    load(world, replace(SHED, blocked=True))
    world.receive(plain_reading(1), SHED_ADDRESS)
    world.receive(plain_reading(2), (0, SHED_ADDRESS[1]))
    world.receive(plain_reading(3), (9, ("::ffff:192.0.2.9", 5683)))
    assert [(knock.reason, knock.node) for knock in world.knocks] == [("blocked", 9)] * 3
    assert world.take() == []


def test_an_unblocked_node_goes_on_under_the_keys_it_had(world: GatewayWorld) -> None:
    sender = Sender()
    world.receive(sender.request(20, record=READING))
    load(world, replace(GARDEN, blocked=True))
    world.receive(sender.request(21, record=READING))
    load(world, GARDEN)
    world.receive(sender.request(22, record=READING))
    assert [record.seq for record in world.disk.records] == [20, 22]
    load(world, replace(SHED, blocked=True))
    load(world, SHED)
    world.receive(plain_reading(1), SHED_ADDRESS)
    assert world.disk.records[-1].node == 9


def test_blocking_in_the_midst_of_appendix_b2_ends_it(world: GatewayWorld) -> None:
    own = Keys(SECRET, node_id(7), b"", world._aead)
    first = bytes(range(8))
    message = oscore.protect_request(own.context(first), 30, coap.GET, [], b"", naming.wrap(first))
    world.receive(coap.encode(coap.Message(coap.CON, message[0], 1, b"\x01", message[1], message[2])))
    assert len(world.take()) == 1
    assert world.associations._offers
    load(world, replace(GARDEN, blocked=True))
    assert not world.associations._offers


def test_appendix_b2_under_a_secret_that_was_rotated_out_leads_nowhere(world: GatewayWorld) -> None:
    new_secret = bytes(range(16, 32))
    world.disk.provision(7, new_secret)
    load_newest_first(world)
    old = Keys(SECRET, node_id(7), b"", world._aead)
    first = bytes(range(8))
    early = oscore.protect_request(old.context(first), 30, coap.GET, [], b"", naming.wrap(first))
    world.receive(coap.encode(coap.Message(coap.CON, early[0], 1, b"\x01", early[1], early[2])))
    (offered,) = world.take()
    world.receive(Sender(secret=new_secret).request(31, record=READING))  # the node speaks under its new secret
    (second,) = [value for number, value in coap.decode_untrusted(offered).options if number == OSCORE]
    both = naming.unwrap_untrusted(oscore.read_option_untrusted(second)[2] or b"", naming.NONCE) + first
    world.take()
    late = oscore.protect_request(old.context(both), 32, coap.POST, [(URI_PATH, b"r")], b"\x05\xa0", naming.wrap(both))
    world.receive(coap.encode(coap.Message(coap.CON, late[0], 2, b"\x01", late[1], late[2])))
    assert [one.secret for one in world.disk.contexts.values()] == [new_secret]
    (answer,) = world.take()
    assert coap.decode_untrusted(answer).code == coap.UNAUTHORIZED
    assert [record.seq for record in world.disk.records] == [31]


def test_a_context_made_by_appendix_b2_is_not_taken_up_once_its_node_is_blocked(world: GatewayWorld) -> None:
    extra = bytes(16)
    made = Peer(7, 0, Keys(SECRET, b"", node_id(7), world._aead).context(extra))
    world.associations.rekeyed[id(made)] = Rekeyed(7, SECRET, extra)
    load(world, replace(GARDEN, blocked=True))  # while the new context is on its way to the disk
    assert not world.associations.settled(made, 5)
    assert world.associations.find(node_id(7), None) == []
    assert not world.associations.rekeyed


async def test_the_running_gateway_follows_at_once_and_a_restarted_one_remembers(tmp_path: Path) -> None:
    with Store.open(tmp_path / "comatrix.db", WALL_MS) as store:

        def provision(connection: sqlite3.Connection) -> Node:
            node = nodes.add(connection, "garden", rooms.add(connection, "!a:b", "#a:b").id, now_ms=1)
            contexts.add(connection, node.number, "u", SECRET)
            return node

        node = await store.run(provision)
        kid = node_id(node.number)

        def start() -> tuple[Associations, Directory]:
            associations = Associations(aead, lambda n: 0, frozenset())
            return associations, Directory(store, associations)

        associations, directory = start()
        assert len(associations.find(kid, None)) == 1
        await store.run(lambda connection: nodes.block(connection, node.number, True))
        directory.changed("node", node.number)
        for known, about in ((associations, directory), start()):
            assert known.find(kid, None) == []
            assert known.turned_away(kid, (0, ("192.0.2.7", 5683))) == ("blocked", node.number)
            assert about.name(node.number) == "garden"
        await store.run(lambda connection: nodes.block(connection, node.number, False))
        directory.changed("node", node.number)
        assert len(associations.find(kid, None)) == 1


def test_blocking_is_remembered_in_a_database_made_before_it() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    before = [schema for schema in schemas() if schema[0] < int(BLOCKING[:4])]
    migrate(connection, before)
    connection.execute("INSERT INTO room (id, room_id) VALUES (1, '!a:b')")
    connection.execute(
        "INSERT INTO node (number, name, enrolment, room, security, post, created_ms, revoked)"
        " VALUES (5, 'garden', 1, 1, 'oscore', '15min', 1, 0)"
    )
    migrate(connection, schemas())
    found = nodes.by_number(connection, 5)
    assert found is not None
    assert not found.blocked
    nodes.block(connection, 5, True)
    assert nodes.all_nodes(connection) == [replace(found, blocked=True)]
    nodes.block(connection, 5, False)
    assert nodes.by_name(connection, "garden") == found
