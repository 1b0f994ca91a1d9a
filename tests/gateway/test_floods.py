"""Floods from strangers: nodes that are known keep working, nothing grows, and few answers leave."""

import gc
import sys

import pytest

from comatrix.codec import coap
from comatrix.codec.option_numbers import MAX_AGE, OSCORE, URI_PATH, uint
from comatrix.codec.records import Hello, Readings
from comatrix.gateway.model import Node
from comatrix.gateway.uplink.admission import Rates
from comatrix.gateway.uplink.associations import Address
from tests.gateway.test_receiver import SECRET, Sender
from tests.session.sides import World
from tests.support.gateway_world import NODE_ADDRESS, GatewayWorld, MemoryDisk

READING = Readings({0: 2137})
GARDEN = Node(7, "garden", 1, 1)
SHED = Node(9, "shed", 1, 1, security="plain", address="192.0.2.9")
SHED_ADDRESS: Address = (9, ("192.0.2.9", 5683))
ATTACKER: Address = (0, ("203.0.113.66", 5683))
ROAMING: Address = (0, ("198.51.100.7", 41_000))


def gateway(rates: Rates | None = None) -> GatewayWorld:
    disk = MemoryDisk()
    disk.provision(7, SECRET)
    return GatewayWorld(disk, {7: GARDEN, 9: SHED}, rates=rates or Rates())


def spoofed(number: int) -> Address:
    if number % 2:
        return 0, (f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1", 5683)
    return 0, (f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1024 + number % 60_000)


def rubbish(number: int) -> bytes:
    """What strangers send, a kind after the other."""
    wrong_key = coap.Message(coap.CON, coap.POST, number & 0xFFFF, b"\x01", [(OSCORE, b"\x09\x07\x07")], bytes(20))
    unknown = coap.Message(coap.CON, coap.POST, number & 0xFFFF, b"\x01", [(OSCORE, b"\x09\x07\x4d")], bytes(20))
    plain = coap.Message(coap.CON, coap.POST, number & 0xFFFF, b"\x01", [(URI_PATH, b"r")], b"\xa1\x00\x01")
    ping = coap.Message(coap.CON, coap.EMPTY, number & 0xFFFF)
    broken = b"\x4f\x01" + number.to_bytes(4, "big")
    return [*map(coap.encode, (wrong_key, unknown, plain, ping)), broken][number % 5]


def plain_reading(mid: int) -> bytes:
    return coap.encode(coap.Message(coap.CON, coap.POST, mid, b"\x01", [(URI_PATH, b"r")], b"\xa1\x00\x01"))


def stored(world: GatewayWorld) -> int:
    return len(world.disk.records)


def test_a_hundred_thousand_spoofed_addresses_starve_no_known_node_and_leave_no_trace() -> None:
    world = gateway()
    sender = Sender()
    world.receive(sender.request(1, record=READING))
    world.take()
    answers = 0
    blocks = []  # of memory, at the end of each twentieth
    for number in range(100_000):
        world.now = number // 10  # ten a millisecond
        world.receive(rubbish(number), spoofed(number))
        world.server.next_deadline()  # as the socket's edge asks after each turn
        answers += len(world.take())
        if number % 5_000 == 4_999:
            world.receive(sender.request(2 + number // 5_000, record=READING))
            assert len(world.take()) == 1, "the known node was not heard"
            world.knocks.clear()
            sender.bindings.clear()
            gc.collect()
            blocks.append(sys.getallocatedblocks())
    assert stored(world) == 21
    assert blocks[-1] < blocks[4] + 2_000, blocks
    assert len(world.admission._strangers) <= Rates().addresses
    assert len(world.admission._known) == 1
    assert len(world.server.endpoint.duplicates.order) <= 21 + 10
    assert len(world.server.endpoint.unanswered) <= 2_048
    # 50 a second for ten seconds, and the second's worth that may come at once.
    assert answers <= 550


def test_a_node_nobody_heard_before_gets_through_a_flood_in_a_few_tries() -> None:
    world = gateway()
    sender = Sender()
    number = tries = 0
    while not stored(world):
        tries += 1
        assert tries < 200
        for _ in range(1_000):  # two in three of what comes is beyond what strangers may send
            number += 1
            world.now = number // 3
            world.receive(rubbish(number), spoofed(number))
        world.receive(sender.request(tries, record=READING, seq=1), ROAMING)
    assert tries < 50
    world.receive(sender.request(tries + 1, record=READING), ROAMING)  # and from then on at once
    assert stored(world) == 2


def test_wrong_keys_under_a_nodes_number_do_not_lock_it_out() -> None:
    """docs/reference/wire.md, section Keys and names: failed decryptions only slow the peer down."""
    world = gateway()
    garbage = Sender(secret=bytes(16))
    for counter in range(1, 5_001):
        world.now = counter
        world.receive(garbage.request(counter, record=READING), ATTACKER)
    assert world.admission.dropped > 4_000
    sender = Sender()
    world.receive(sender.request(1, record=READING), ROAMING)
    assert stored(world) == 1
    world.receive(sender.request(2, record=READING), NODE_ADDRESS)
    assert stored(world) == 2


def test_a_node_behind_the_attackers_own_address_goes_on_once_it_was_heard() -> None:
    world = gateway()
    sender = Sender()
    beside: Address = (0, (ATTACKER[1][0], 41_000))
    world.receive(sender.request(1, record=READING), beside)
    for number in range(1_000):
        world.receive(rubbish(number), ATTACKER)
    world.receive(sender.request(2, record=READING), beside)
    assert stored(world) == 2


def test_what_is_dropped_is_neither_parsed_nor_decrypted() -> None:
    world = gateway(Rates(address=60, address_burst=10))
    garbage = Sender(secret=bytes(16))
    for counter in range(1, 101):
        world.receive(garbage.request(counter, record=READING), ATTACKER)
    assert [knock.reason for knock in world.knocks] == ["wrong key"] * 10 + ["dropped"] * 90
    world.receive(b"\xff", ATTACKER)
    assert world.knocks[-1].reason == "dropped"
    assert len(world.take()) == 10


def test_a_flood_does_not_make_the_gateway_forget_a_nodes_message() -> None:
    world = gateway(Rates(address=6_000_000, address_burst=1_000_000, crowd=6_000_000))
    world.receive(plain_reading(5), SHED_ADDRESS)
    for number in range(10_000):
        world.receive(rubbish(number), spoofed(number))
        world.receive(rubbish(number), SHED_ADDRESS) if number % 5 in (0, 1) else None  # also in its name
    world.take()
    world.receive(plain_reading(5), SHED_ADDRESS)
    assert stored(world) == 1
    assert [coap.decode_untrusted(answer).code for answer in world.take()] == [coap.CHANGED]


@pytest.mark.parametrize("kind", ["ping", "copy", "answer to nothing"])
def test_what_says_nothing_is_answered_within_the_same_bounds(kind: str) -> None:
    world = gateway(Rates(address=60, address_burst=10))
    unknown = coap.Message(coap.CON, coap.POST, 5, b"\x01", [(OSCORE, b"\x09\x07\x4d")], bytes(20))
    message = {
        "ping": coap.Message(coap.CON, coap.EMPTY, 5),
        "copy": unknown,
        "answer to nothing": coap.Message(coap.CON, coap.CONTENT, 5, b"\x01", (), b"x"),
    }[kind]
    for _ in range(100):
        world.receive(coap.encode(message), ATTACKER)
    assert len(world.take()) == 10


def test_a_node_above_its_rate_is_told_when_to_go_on_and_changes_nothing() -> None:
    world = gateway(Rates(node=30, node_burst=3))
    sender = Sender()
    for counter in (1, 2):
        world.receive(sender.request(counter, record=READING))
    world.receive(sender.request(3, path="t", code=coap.GET))  # everything costs
    window = world.disk.contexts[1].highest
    told = []
    for counter, record, path in ((4, READING, "r"), (5, Hello(), "h"), (6, None, "t")):
        world.take()
        world.receive(sender.request(counter, path, record, code=coap.GET if record is None else coap.POST))
        (answer,) = world.take()
        code, options, payload, own = sender.answer(counter, answer)
        assert (code, payload, {number: uint(value) for number, value in options}) == (
            coap.TOO_MANY_REQUESTS,
            b"",
            {MAX_AGE: 2},
        )
        told.append(own)
    assert None not in told and len(set(told)) == 3  # each under a fresh counter
    assert (stored(world), world.disk.hellos, world.disk.contexts[1].highest) == (2, [], window)
    world.now = 2_000
    world.receive(sender.request(7, record=READING))
    assert stored(world) == 3


def test_a_plain_node_above_its_rate_is_told_too() -> None:
    world = gateway(Rates(node=30, node_burst=1))
    world.receive(plain_reading(1), SHED_ADDRESS)
    world.receive(plain_reading(2), SHED_ADDRESS)
    first, second = map(coap.decode_untrusted, world.take())
    assert (first.code, second.code, list(second.options)) == (
        coap.CHANGED,
        coap.TOO_MANY_REQUESTS,
        [(MAX_AGE, b"\x02")],
    )
    assert stored(world) == 1


def test_a_node_with_much_to_tell_slows_down_and_loses_nothing() -> None:
    world = World()
    world.gateway.rates = Rates(node=12, node_burst=3)
    world.gateway.restart()
    world.node.queue = list(range(30))
    world.exchange(lambda: len(world.node.delivered) == 30)
    assert world.node.delivered == list(range(30))
    assert [record.body for record in world.disk.records] == [bytes([0xA1, 0, *_uint(value)]) for value in range(30)]
    assert len(world.node.sent) < 3 * 30


def _uint(value: int) -> bytes:
    return bytes([value]) if value < 24 else bytes([0x18, value])


def test_a_replay_is_told_of() -> None:
    world = gateway()
    sender = Sender()
    datagram = sender.request(20, path="t", code=coap.GET)
    world.receive(datagram)
    world.receive(datagram, ATTACKER)
    assert [(knock.reason, knock.node, knock.addr) for knock in world.knocks] == [("replay", 7, ATTACKER)]
