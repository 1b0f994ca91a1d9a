"""What a node says of itself: in its hello a hash, the whole when it is asked for, in blocks where it is long."""

import pytest

from comatrix.codec import cbor
from comatrix.codec.description import Description, Method, Setting, description_hash, read_description
from comatrix.session.blockwise import Bodies
from tests.support.told_node import PULSE, ToldNode

DESCRIBED = Description(
    [Setting("interval", "s", 5, 86400), Setting("level", "m", 0, 250, 2), Setting("label")],
    [Method("pulse", [Setting("seconds", "s", 1, 60)]), Method("dose", ["valve", Setting("litres", "l", 0, 250, 1)]),
     Method("sulk")],
)  # fmt: skip


def test_hello_carries_the_descriptions_hash_and_the_highest_id_and_it_is_described_when_asked() -> None:
    world = ToldNode()
    world.run(5000)
    body = cbor.encode(DESCRIBED.body())
    assert world.gateway.hellos[0].description == description_hash(body)
    assert world.gateway.described == [body]
    assert read_description(cbor.decode_untrusted(body)) == DESCRIBED
    world.tell(PULSE, 1)
    world.reset()
    world.run(5000)
    assert (world.gateway.hellos[-1].executed, len(world.gateway.described)) == (1, 1)


def test_a_description_that_was_asked_for_and_not_delivered_is_sent_after_a_sleep() -> None:
    world = ToldNode()
    while not world.gateway.hellos:
        world.node.step(1)
    while not world.node.greeted:
        world.node.step(1)
    world.loss = 1.0
    assert world.gateway.described == []
    world.node.stash(world.time + 1000)
    world.loss = 0.0
    world.boot()
    world.node.greeted = True  # it wakes, and wakes without a hello
    world.run(10_000)
    assert world.gateway.described == [cbor.encode(DESCRIBED.body())]


def talkative(world: ToldNode) -> None:
    """A program whose description is longer than a datagram may be."""
    for number in range(30):
        world.node.setting(f"setting-{number}", unit="furlongs a fortnight " * 3, low=0, high=9)


@pytest.mark.parametrize("seed", range(6))
def test_a_long_description_goes_in_blocks_over_a_link_that_loses(seed: int) -> None:
    world = ToldNode(talkative, seed=seed)
    world.loss = 0.4
    world.run(600_000)
    (body,) = world.gateway.described
    assert 2048 < len(body) <= 4096
    assert world.gateway.hellos[0].description == description_hash(body)


def test_a_gateway_that_lost_the_blocks_before_gets_them_all_again() -> None:
    world = ToldNode(talkative)
    while len(world.gateway.blocks) == 0:
        world.node.step(1)
    assert world.gateway.described == []
    world.gateway.blocks = Bodies(4096)
    world.run(20_000)
    assert [len(body) > 2048 for body in world.gateway.described] == [True]


def test_after_a_reset_a_long_description_begins_with_its_first_block() -> None:
    world = ToldNode(talkative)
    while len(world.gateway.blocks) == 0:
        world.node.step(1)
    assert world.gateway.described == []
    world.reset()
    world.run(20_000)
    assert [len(body) > 2048 for body in world.gateway.described] == [True]
