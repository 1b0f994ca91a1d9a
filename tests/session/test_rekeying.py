"""RFC 8613 Appendix B.2 in virtual time, both sides: a first start, a lost counter, a restored gateway, replays."""

from collections.abc import Callable
from random import Random

import pytest

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.gateway.model import Node, SecurityContext
from comatrix.gateway.uplink.associations import OFFERS, Associations
from comatrix.session import keys as naming
from comatrix.session import oscore
from comatrix.session.client import HOUR_MS
from comatrix.session.keys import Keys, node_id
from comatrix.session.server import Peer, Rekeying
from tests.session.recording import NODE, SECRET, Recorder, RecordingAead
from tests.session.sides import World
from tests.support.gateway_world import NODE_ADDRESS


@pytest.fixture
def world() -> World:
    return World()


def kid_context(datagram: bytes) -> bytes | None:
    """The kid context of a protected message, None without one."""
    for number, value in coap.decode_untrusted(datagram).options:
        if number == OSCORE:
            return oscore.read_option_untrusted(value)[2]
    return None


def first_messages(datagrams: list[bytes]) -> list[bytes]:
    """Requests #1: those that carry R1 alone."""
    return [data for data in datagrams if len(kid_context(data) or b"") == 9]


def posted(world: World, *values: int) -> None:
    """Queue readings and wait until they are delivered over a lossless link."""
    world.node.queue += values
    world.exchange(lambda: not world.node.queue and world.node.client.open is None)


def refuse(world: World, times: int) -> None:
    """Answer the node's requests by unprotected 4.01, as anyone can."""
    refused = 0
    while refused < times:
        world.settle()
        if not world.to_gateway:
            world.pass_time(1000)
            continue
        request = coap.decode_untrusted(world.to_gateway.pop(0))
        refusal = coap.Message(coap.ACK, coap.UNAUTHORIZED, request.mid, request.token)
        world.deliver_to_node(coap.encode(refusal))
        refused += 1
        world.to_gateway.clear()


def keys_sealed_with(world: World) -> set[bytes]:
    return {key for key, _ in world.recorder.sealed}


def keys_of(ours: bytes, theirs: bytes, extra: bytes = b"") -> tuple[bytes, bytes]:
    """The sender and the recipient key of a context of the node's secret."""
    made: list[bytes] = []

    def remember(key: bytes) -> RecordingAead:
        made.append(key)
        return Recorder().aead(key)

    Keys(SECRET, ours, theirs, remember).context(extra)
    return made[0], made[1]


PROVISIONED = set(keys_of(node_id(NODE), b""))  # those of the context before any Appendix B.2


def test_a_first_start_makes_a_key_of_its_own_and_never_seals_under_the_provisioned_one(world: World) -> None:
    posted(world, 1, 2, 3)
    assert world.readings() == [1, 2, 3]
    assert not keys_sealed_with(world) & PROVISIONED
    assert [len(kid_context(data) or b"") for data in world.node.sent[:3]] == [9, 17, 0]
    (context,) = world.disk.contexts.values()
    assert context.id_context == world.node.disk.extra
    assert len(context.id_context) == 16


def test_the_answer_to_the_first_message_carries_r2_and_is_a_protected_401(world: World) -> None:
    world.settle()
    request = world.to_gateway.pop()
    world.gateway.receive(request, NODE_ADDRESS)
    (answer,) = world.gateway.take()
    second = kid_context(answer)
    assert second is not None
    assert second[0] == 0x48
    first = (kid_context(request) or b"")[1:]
    keys = Keys(SECRET, node_id(NODE), b"", world.recorder.aead)
    counter, _, _ = oscore.read_option_untrusted(dict(coap.decode_untrusted(request).options)[OSCORE])
    assert counter is not None
    gateway = Keys(SECRET, b"", node_id(NODE), world.recorder.aead)
    sealed = coap.decode_untrusted(request).payload
    binding = oscore.unprotect_request_untrusted(gateway.context(first), counter, sealed)[3]
    code, _, _ = oscore.unprotect_response_untrusted(
        keys.context(second[1:] + first), binding, None, coap.decode_untrusted(answer).payload
    )
    assert code == coap.UNAUTHORIZED
    assert len(answer) <= 3 * len(request)


def test_a_lost_state_goes_on_above_every_known_seq_under_a_new_key(world: World) -> None:
    posted(world, *range(20))
    before = world.node.disk.extra
    highest = max(record.seq for record in world.disk.records)
    world.node.lose_state()
    posted(world, 100)
    assert world.node.disk.extra not in (None, before)
    assert world.readings() == [*range(20), 100]
    assert world.disk.records[-1].seq > highest


@pytest.mark.parametrize("crash_after", range(1, 12))
def test_a_crash_at_any_message_of_a_rekeying_leaves_no_key_used_twice(world: World, crash_after: int) -> None:
    posted(world, 1)
    world.node.lose_state()
    world.settle()
    for _ in range(crash_after):
        if world.to_gateway:
            world.deliver_to_gateway(world.to_gateway.pop(0))
        elif world.to_node:
            world.deliver_to_node(world.to_node.pop(0))
    world.node.boot()
    posted(world, 2)
    assert world.readings() == [1, 2]
    assert not keys_sealed_with(world) & PROVISIONED


def test_a_restored_gateway_is_healed_by_three_401_and_seals_nothing_under_the_old_context(world: World) -> None:
    posted(world, 1)
    copy = world.copy_database()
    posted(world, 2)
    (context,) = copy[0].values()
    old_key, _ = keys_of(b"", node_id(NODE), context.id_context)
    world.pass_time(HOUR_MS)
    world.restore_gateway(copy)
    sealed, sent = set(world.recorder.sealed), len(world.node.sent)
    posted(world, 3)
    assert world.readings() == [1, 3]
    assert len(first_messages(world.node.sent[sent:])) == 1
    assert old_key in {key for key, _ in sealed}
    assert old_key not in {key for key, _ in set(world.recorder.sealed) - sealed}


@pytest.mark.parametrize("reset", [False, True])
def test_a_restore_within_the_hour_of_the_last_keys_waits_for_its_end_or_a_reset(world: World, reset: bool) -> None:
    posted(world, 1)
    copy = world.copy_database()
    posted(world, 2)
    world.restore_gateway(copy)
    if reset:
        world.node.boot()
    posted(world, 3)
    assert world.readings() == [1, 3]
    assert (world.now < HOUR_MS // 10) == reset
    assert world.now < 2 * HOUR_MS


def test_a_copy_of_the_first_message_makes_an_offer_and_changes_nothing(world: World) -> None:
    posted(world, 1)
    (first,) = first_messages(world.node.sent)
    contexts = dict(world.disk.contexts)
    for port in range(20):
        world.gateway.receive(first, (0, ("198.51.100.1", port)))
    answers = world.gateway.take()
    assert len(answers) == 20
    assert len({kid_context(answer) for answer in answers}) == 20
    assert world.disk.contexts == contexts
    posted(world, 2)
    assert world.readings() == [1, 2]
    assert len(first_messages(world.node.sent)) == 1


def test_copies_of_the_first_message_push_out_an_honest_offer_only_until_the_next_attempt(world: World) -> None:
    world.settle()
    first = world.to_gateway.pop(0)
    world.deliver_to_gateway(first)
    for port in range(OFFERS):
        world.gateway.receive(first, (0, ("198.51.100.1", port)))
    world.gateway.take()
    posted(world, 1)
    assert world.readings() == [1]


def test_a_copy_of_the_request_that_ended_a_rekeying_is_a_replay(world: World) -> None:
    posted(world, 1)
    (third,) = [data for data in world.node.sent if len(kid_context(data) or b"") == 17]
    contexts = {key: context.id_context for key, context in world.disk.contexts.items()}
    hellos = len(world.disk.hellos)
    world.gateway.receive(third, (0, ("198.51.100.1", 1)))
    (answer,) = world.gateway.take()
    assert coap.decode_untrusted(answer).code == coap.UNAUTHORIZED
    assert {key: context.id_context for key, context in world.disk.contexts.items()} == contexts
    assert len(world.disk.hellos) == hellos


def test_after_the_next_rekeying_old_messages_of_the_last_one_are_nobodys(world: World) -> None:
    posted(world, 1)
    old = list(world.node.sent)
    world.node.lose_state()
    posted(world, 2)
    contexts = dict(world.disk.contexts)
    for port, data in enumerate(old):
        world.gateway.receive(data, (0, ("198.51.100.1", port)))
    codes = {coap.decode_untrusted(answer).code for answer in world.gateway.take() if kid_context(answer) is None}
    assert codes == {coap.UNAUTHORIZED, 0x80}
    assert world.disk.contexts == contexts
    assert world.readings() == [1, 2]


def test_an_offer_lasts_ten_minutes(world: World) -> None:
    world.settle()
    world.deliver_to_gateway(world.to_gateway.pop(0))
    world.deliver_to_node(world.to_node.pop(0))
    (second,) = world.to_gateway
    world.to_gateway.clear()
    world.gateway.now += 600_000
    world.gateway.receive(second, NODE_ADDRESS)
    (answer,) = world.gateway.take()
    assert coap.decode_untrusted(answer).code == coap.UNAUTHORIZED
    assert [context.id_context for context in world.disk.contexts.values()] == [b""]


def lose_offers(world: World) -> None:
    world.gateway.restart()


def fill_disk(world: World) -> None:
    world.disk.broken = True


@pytest.mark.parametrize("trouble", [lose_offers, fill_disk], ids=["gateway restarts", "disk is full"])
def test_trouble_before_the_last_step_is_overcome(world: World, trouble: Callable[[World], None]) -> None:
    world.settle()
    world.deliver_to_gateway(world.to_gateway.pop(0))
    world.deliver_to_node(world.to_node.pop(0))
    trouble(world)
    world.deliver_to_gateway(world.to_gateway.pop(0))
    world.disk.broken = False
    posted(world, 1)
    assert world.readings() == [1]


def test_forged_401_start_a_rekeying_at_most_once_an_hour_and_lose_nothing(world: World) -> None:
    posted(world, 1)
    started = len(first_messages(world.node.sent))
    begun = world.now
    value = 2
    while world.now < begun + 3 * HOUR_MS:
        world.node.queue.append(value)
        refuse(world, 3)
        posted(world)
        value += 1
        world.pass_time(600_000)
    assert world.readings() == list(range(1, value))
    assert 2 <= len(first_messages(world.node.sent)) - started <= 4


def test_the_old_context_stays_until_the_new_one_is_through(world: World) -> None:
    posted(world, 1)
    kept = world.node.disk.extra
    world.node.queue.append(2)
    world.pass_time(2 * HOUR_MS)
    refuse(world, 3)
    while not first_messages(world.to_gateway):
        world.to_gateway.clear()
        world.pass_time(1000)
    world.deliver_to_gateway(world.to_gateway.pop(0))
    world.deliver_to_node(world.to_node.pop(0))
    world.gateway.restart()  # it forgets R2: the new context never comes to be
    posted(world)
    assert world.node.disk.extra == kept
    assert world.readings() == [1, 2]


def test_an_offer_is_accepted_once_even_while_its_context_is_not_on_disk_yet() -> None:
    recorder = Recorder()
    associations = Associations(recorder.aead, Random(1).randrange, frozenset())
    associations.load(Node(NODE, "garden", 1, 1), [SecurityContext(1, NODE, "u", 1, SECRET)])
    keys = Keys(SECRET, node_id(NODE), b"", recorder.aead)
    first, third = bytes(8), bytes(range(8))
    _, _, sealed, _ = oscore.protect_request(keys.context(first), 1, coap.GET, [], b"")
    offered = associations.rekey(node_id(NODE), naming.wrap(first), 1, sealed, 0)
    assert isinstance(offered, Rekeying)
    both = naming.unwrap_untrusted(offered.kid_context, 8) + third
    accepted = []
    for counter in (2, 3):
        _, _, sealed, _ = oscore.protect_request(keys.context(both), counter, coap.POST, [], b"")
        accepted.append(associations.rekey(node_id(NODE), naming.wrap(both), counter, sealed, 0))
    assert isinstance(accepted[0], Peer)
    assert accepted[1] is None  # a second peer would count from 1 again under the same key


def test_bytes_that_do_not_verify_make_no_offer_and_take_none() -> None:
    recorder = Recorder()
    associations = Associations(recorder.aead, Random(1).randrange, frozenset())
    associations.load(Node(NODE, "garden", 1, 1), [SecurityContext(1, NODE, "u", 1, SECRET)])
    for kid_context in (naming.wrap(bytes(8)), naming.wrap(bytes(16)), b"", b"\x48", bytes(9), bytes(17)):
        for sealed in (b"", bytes(7), bytes(20)):
            assert associations.rekey(node_id(NODE), kid_context, 1, sealed, 0) is None
            assert associations.rekey(b"nobody", kid_context, 1, sealed, 0) is None


def test_every_part_of_a_new_id_context_is_drawn_anew() -> None:
    parts: set[bytes] = set()
    for seed in range(3):
        world = World(seed * 7)
        posted(world, 1)
        first = (kid_context(world.node.sent[0]) or b"")[1:]
        both = (kid_context(world.node.sent[1]) or b"")[1:]
        parts |= {first, both[:8], both[8:]}
    assert len(parts) == 9
