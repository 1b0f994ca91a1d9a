"""Keys of nodes on LoRa: rotated, made anew, put back from a copy; nothing goes out under what may have been used."""

from comatrix_lora.schema import Field, Schema
from comatrix_lora.station_events import Delivered, Item

from comatrix.codec.records import Text, encode, split_untrusted
from comatrix.gateway.downlink import states
from comatrix.gateway.edges.store import contexts
from tests.gateway.lora.receiving_world import REFUSE, NodeEnd, ReceivingWorld, reading

PRESSURE = Schema([Field(3, 9000, 11000)])


async def test_own_counters_are_reserved_on_disk_before_a_command_leaves(world: ReceivingWorld) -> None:
    given = world.add(listens=True)
    node = NodeEnd(given.number)
    reading(node, world, 2137)
    await world.run(node, 3000)
    await world.order(given)
    await world.run(node, 1000)
    assert node.told(Item)
    (stored,) = world.store.read(lambda connection: contexts.living(connection, node.number))
    context = world.contexts.speaking(node.number)
    assert context is not None
    assert 0 < context.counter.next <= stored.tx_reserved
    used = context.counter.next
    world.restart()
    again = world.contexts.speaking(node.number)
    assert again is not None and again.counter.next >= used


async def test_rotated_keys_are_taken_beside_the_old_ones_until_the_node_spoke_in_them(world: ReceivingWorld) -> None:
    given = world.add()
    old, new = NodeEnd(given.number), NodeEnd(given.number, secret=bytes(16))
    reading(old, world, 1)
    await world.run(old, 2000)
    world.store.write(lambda connection: contexts.rotate(connection, given.number, "l", bytes(16)))
    world.directory.changed("node", given.number)
    reading(old, world, 2)
    await world.run(old, 2000)
    new.counter.skip_below(old.counter.next)  # one counter for everything
    reading(new, world, 3)
    await world.run(new, 2000)
    old.counter.skip_below(new.counter.next)
    reading(old, world, 4)
    await world.run(old, 2000)
    assert [split_untrusted(row.body)[1] for row in world.rows()] == [{0: 1}, {0: 2}, {0: 3}]
    (living,) = world.store.read(lambda connection: contexts.living(connection, given.number))
    assert living.secret == bytes(16)


async def test_a_window_that_cannot_be_trusted_is_not_gone_on_with(world: ReceivingWorld) -> None:
    node = NodeEnd(world.add().number)
    world.store.write(lambda connection: connection.execute("UPDATE replay_window SET missing = 1"))
    world.restart()
    node.station.record("m", encode(Text("hi")), world.now)
    await world.run(node, 5000)
    assert world.rows() == [] and world.take_down() == []


async def test_a_node_without_state_makes_keys_that_are_on_disk_before_they_are_answered(
    world: ReceivingWorld,
) -> None:
    given = world.add()
    node = NodeEnd(given.number, fresh=True)
    node.station.record("m", encode(Text("hi")), world.now)
    await world.run(node, 10_000)
    (living,) = world.store.read(lambda connection: contexts.living(connection, given.number))
    assert living.id_context == node.extras[0] and len(node.extras) == 1
    assert [row.kind for row in world.rows()] == ["text"]
    world.restart()
    node.station.record("m", encode(Text("again")), world.now)
    await world.run(node, 5000)
    assert len(world.rows()) == 2 and [event.kind for event in node.told(Delivered)] == ["m", "m"]


async def test_a_node_that_lost_its_counter_goes_on_above_what_is_stored_of_it(world: ReceivingWorld) -> None:
    given = world.add()
    node = NodeEnd(given.number)
    for _ in range(3):
        node.station.record("m", encode(Text("hi")), world.now)
        await world.run(node, 5000)
    again = NodeEnd(given.number, fresh=True)
    again.station.record("m", encode(Text("lost it")), world.now)
    await world.run(again, 10_000)
    seqs = [row.seq for row in world.rows()]
    assert len(seqs) == 4 and seqs[3] > max(seqs[:3])
    assert [event.kind for event in again.told(Delivered)] == ["m"]


async def test_keys_that_could_not_be_stored_never_were_and_the_node_begins_again(world: ReceivingWorld) -> None:
    given = world.add()
    world.store.write(lambda connection: connection.execute(REFUSE.replace("record", "context")))
    node = NodeEnd(given.number, fresh=True)
    node.station.record("m", encode(Text("hi")), world.now)
    await world.run(node, 10_000)
    assert node.extras == [] and node.sent
    world.store.write(lambda connection: connection.execute("DROP TRIGGER refuse"))
    await world.run(node, 120_000)
    assert len(node.extras) == 1 and [row.kind for row in world.rows()] == ["text"]


async def test_what_was_on_air_to_a_node_that_made_new_keys_goes_there_no_more(world: ReceivingWorld) -> None:
    given = world.add(listens=True)
    node = NodeEnd(given.number)
    reading(node, world, 1)
    await world.run(node, 3000)
    await world.order(given)
    await world.run(node, 2000)
    assert node.told(Item)
    again = NodeEnd(given.number, fresh=True)
    again.station.record("m", encode(Text("who am I")), world.now)
    await world.run(again, 20_000)
    assert world.rows()[-1].kind == "text" and again.told(Item) == []
    assert world.changed[-1].state == states.NOT_CONFIRMED


async def test_a_copy_put_back_goes_on_under_new_keys_alone(world: ReceivingWorld) -> None:
    given = world.add()
    node = NodeEnd(given.number)
    node.station.record("m", encode(Text("before")), world.now)
    await world.run(node, 5000)
    world.store.write(lambda connection: connection.execute("UPDATE replay_window SET missing = 1"))
    world.restart()
    node.station.record("m", encode(Text("after")), world.now)
    await world.run(node, 10 * 3_600_000 // 60)
    for _ in range(400):
        if len(world.rows()) > 1:
            break
        world.now += 300_000
        await world.run(node, 3000)
    assert len(node.extras) == 1
    assert [split_untrusted(row.body)[1] for row in world.rows()] == [["before"], ["after"]]
