"""What nodes on LoRa say is stored once and answered then; what waits for them reaches them."""

import pytest
from comatrix_lora.schema import Field, Schema
from comatrix_lora.station_events import Delivered, DescriptionWanted, Item, Time

from comatrix.codec import cbor
from comatrix.codec.description import Description
from comatrix.codec.records import Hello, Readings, Result, Text, encode, split_untrusted
from comatrix.gateway.downlink import states
from comatrix.gateway.edges.lora_receiver import TOO_LONG
from comatrix.gateway.edges.store import lora, nodes
from tests.gateway.lora.receiving_world import INTERVAL_MS, REFUSE, NodeEnd, ReceivingWorld, reading

PRESSURE = Schema([Field(3, 9000, 11000)])


async def test_a_reading_is_on_disk_before_it_is_acknowledged(world: ReceivingWorld) -> None:
    node = NodeEnd(world.add().number)
    reading(node, world, 2137)
    (frame,) = node.frames(world.now)
    world.receiver.receive_frame("roof", frame, -90, 7)
    world.now += 500
    world.receiver.pump()
    assert world.down == []  # the disk has not said so yet
    await world.settle()
    assert [split_untrusted(row.body)[1] for row in world.rows()] == [{0: 2137}]
    node.station.record("m", encode(Text("hi")), world.now)
    await world.run(node, 5000)
    assert [row.kind for row in world.rows()] == ["readings", "text"]
    assert [event.kind for event in node.told(Delivered)] == ["m"]  # readings are acknowledged when some wait


async def test_what_fails_on_disk_is_not_acknowledged_and_comes_again(world: ReceivingWorld) -> None:
    node = NodeEnd(world.add().number)
    await world.run(node, 10)
    world.store.write(lambda connection: connection.execute(REFUSE))
    node.station.record("m", encode(Text("hi")), world.now)
    await world.run(node, 3000)
    assert node.sent and not node.told(Delivered)
    world.store.write(lambda connection: connection.execute("DROP TRIGGER refuse"))
    await world.run(node, 60_000)
    assert [row.kind for row in world.rows()] == ["text"]
    assert [event.kind for event in node.told(Delivered)] == ["m"]


async def test_a_record_whose_answer_was_lost_is_stored_once_also_by_another_life(world: ReceivingWorld) -> None:
    node = NodeEnd(world.add().number)
    node.station.record("m", encode(Text("hi")), world.now)
    world.down_lost = True
    await world.run(node, 5000)
    world.restart()
    assert list(world.profile(node.number).records) == [row.seq for row in world.rows()]
    world.down_lost = False
    await world.run(node, 30_000)
    assert len(node.sent) > 1
    assert [row.kind for row in world.rows()] == ["text"]
    assert [event.kind for event in node.told(Delivered)] == ["m"]


async def test_a_frame_replayed_to_a_later_life_is_met_with_silence(world: ReceivingWorld) -> None:
    node = NodeEnd(world.add().number)
    node.station.record("m", encode(Text("hi")), world.now)
    await world.run(node, 5000)
    world.restart()
    for frame in node.sent:
        await world.hear(frame)
    world.now += 900
    world.receiver.pump()
    assert world.take_down() == [] and len(world.rows()) == 1
    assert world.receiver.hub.ignored == len(node.sent)


async def test_two_radios_that_hear_one_frame_make_one_message_and_two_receptions(world: ReceivingWorld) -> None:
    node = NodeEnd(world.add().number)
    reading(node, world, 2137)
    (frame,) = node.frames(world.now)
    await world.hear(frame, "roof", "shed")
    assert len(world.rows()) == 1
    assert world.receiver.levels.told()[str(node.number)] == {
        "roof": {"frames": 1, "rssi_dbm": -90, "snr_db": 7},
        "shed": {"frames": 1, "rssi_dbm": -91, "snr_db": 6},
    }
    assert world.receiver.levels.radio_of(node.number) == "roof"


async def test_hello_is_noted_and_its_answer_brings_time_and_asks_for_a_description(world: ReceivingWorld) -> None:
    node = NodeEnd(world.add().number)
    node.station.record("h", encode(Hello("fw", 1, b"abcd", 600, None, 0)), world.now)
    await world.run(node, 3000)
    assert [event.kind for event in node.told(Delivered)] == ["h"]
    assert node.told(Time) and node.told(DescriptionWanted)
    assert world.rows() == []
    assert world.profile(node.number).interval_ms == 600_000


async def test_readings_in_an_unknown_schema_are_kept_and_shown_once_the_node_describes_itself(
    world: ReceivingWorld,
) -> None:
    node = NodeEnd(world.add().number, schemas={1: PRESSURE})
    for value in (10_130, 10_131):
        node.station.readings(1, {3: value}, world.now, world.now)
        await world.run(node, 2000)
    assert world.rows() == [] and node.told(DescriptionWanted) == []  # no ack was asked for yet
    world.restart()
    for frame in node.sent:
        await world.hear(frame)
    assert world.receiver.hub.ignored == 2  # their counters are on disk
    body = encode(Description(schemas={1: PRESSURE.as_list()}))
    node.station.record("d", body, world.now)
    await world.run(node, 5000)
    assert sorted(split_untrusted(row.body)[1][3] for row in world.rows()) == [10_130, 10_131]  # type: ignore[index]
    assert world.store.read(lambda connection: lora.of(connection, node.number)) == []
    node.station.readings(1, {3: 10_132}, world.now, world.now)
    await world.run(node, 5000)
    assert [row.seq for row in world.rows()] == sorted({row.seq for row in world.rows()})
    assert len(world.rows()) == 3


async def test_a_command_rides_in_the_answer_to_a_node_that_sleeps_and_its_result_ends_it(
    world: ReceivingWorld,
) -> None:
    node, given = NodeEnd(1), world.add()
    await world.order(given)
    await world.run(node, 2000)
    assert world.take_down() == []  # it sleeps
    reading(node, world, 2137)
    await world.run(node, 3000)
    (item,) = node.told(Item)
    assert (item.what, item.arguments) == (3, cbor.encode(60))
    node.station.record("c", encode(Result(item.id)), world.now)
    await world.run(node, 3000)
    assert [event.kind for event in node.told(Delivered)][-1:] == ["c"]
    assert world.changed[-1].state == states.CONFIRMED
    assert not world.mail.waits(node.number)


async def test_a_node_that_listens_is_told_of_a_command_at_once_and_again_until_its_result(
    world: ReceivingWorld,
) -> None:
    given = world.add(listens=True)
    node = NodeEnd(given.number)
    reading(node, world, 2137)
    await world.run(node, 3000)
    world.down_lost = True
    await world.order(given)
    await world.run(node, 5000)
    assert node.told(Item) == [] and world.transmitted > 1
    world.down_lost = False
    await world.run(node, 20_000)
    (item,) = node.told(Item)
    node.station.record("c", encode(Result(item.id)), world.now)
    await world.run(node, 3000)
    before = world.transmitted
    await world.run(node, 60_000)
    assert world.transmitted == before
    assert world.changed[-1].state == states.CONFIRMED


async def test_readings_wait_for_an_older_one_but_not_for_ever(world: ReceivingWorld) -> None:
    node = NodeEnd(world.add().number)
    frames = []
    for value in range(12):  # more open ones than a frame carries: a gap stays
        reading(node, world, 2000 + value)
        frames += node.frames(world.now)
        world.now += 2000
    await world.hear(frames[-1])
    assert world.awaiting == [(node.number, True)]
    world.now += 3 * INTERVAL_MS
    world.receiver.pump()
    assert world.awaiting == [(node.number, True), (node.number, False)]


async def test_what_a_node_may_not_say_is_told_and_not_asked_for_again(world: ReceivingWorld) -> None:
    node = NodeEnd(world.add().number)
    node.station.record("m", encode(Text("psst", room=9)), world.now)
    await world.run(node, 30_000)
    assert world.refused == ["4.03"]
    assert world.rows() == []
    assert [event.kind for event in node.told(Delivered)] == ["m"]


@pytest.mark.parametrize("how", ["blocked", "revoked"])
async def test_a_node_that_is_not_heard_any_more_gets_nothing(world: ReceivingWorld, how: str) -> None:
    given = world.add()
    node = NodeEnd(given.number)
    reading(node, world, 1)
    await world.run(node, 2000)
    if how == "blocked":
        world.store.write(lambda connection: nodes.block(connection, given.number, True))
    else:
        world.store.write(lambda connection: nodes.revoke(connection, given.number))
    world.directory.changed("node", given.number)
    world.take_down()
    node.station.record("m", encode(Text("hi")), world.now)
    await world.run(node, 5000)
    assert world.take_down() == []
    assert [row.kind for row in world.rows()] == ["readings"]


async def test_readings_that_say_nothing_are_acknowledged_and_make_no_record(world: ReceivingWorld) -> None:
    node = NodeEnd(world.add().number)
    node.station.readings(0, {}, world.now, world.now)
    await world.run(node, 2000)
    node.station.record("r", encode(Readings({5: 1})), world.now)
    await world.run(node, 3000)
    assert [split_untrusted(row.body)[1] for row in world.rows()] == [{5: 1}]


async def test_a_reading_that_came_as_history_has_the_time_it_was_made(world: ReceivingWorld) -> None:
    node = NodeEnd(world.add().number)
    reading(node, world, 1)
    node.frames(world.now)  # lost
    world.now += INTERVAL_MS
    reading(node, world, 2)
    (frame,) = node.frames(world.now)
    await world.hear(frame)
    first, second = world.rows()
    assert [split_untrusted(row.body)[1] for row in (first, second)] == [{0: 1}, {0: 2}]
    assert second.measured_ms - first.measured_ms == INTERVAL_MS
    assert 0 <= world.now - second.measured_ms < 1000
    assert not (first.late or second.late)


async def test_a_long_text_reaches_a_node_that_listens_in_fragments(world: ReceivingWorld) -> None:
    given = world.add(listens=True)
    node = NodeEnd(given.number)
    reading(node, world, 1)
    await world.run(node, 3000)
    text = "x" * 400
    await world.order(given, text)
    await world.run(node, 20_000)
    (item,) = node.told(Item)
    assert (item.what, item.arguments) == (Item.TEXT, cbor.encode(text))
    node.station.record("c", encode(Result(item.id)), world.now)
    await world.run(node, 5000)
    assert world.changed[-1].state == states.CONFIRMED


async def test_a_text_too_long_for_one_frame_is_refused_for_a_node_that_sleeps_and_says_why(
    world: ReceivingWorld,
) -> None:
    given = world.add()
    node = NodeEnd(given.number)
    await world.order(given, "x" * 300)
    reading(node, world, 1)
    await world.run(node, 5000)
    assert node.told(Item) == []
    assert (world.changed[-1].state, world.changed[-1].reason) == (states.REFUSED, TOO_LONG)
    await world.order(given, "short")
    reading(node, world, 2)
    await world.run(node, 5000)
    assert [item.what for item in node.told(Item)] == [Item.TEXT]


async def test_a_node_is_told_the_time_with_the_first_answer_there_is(world: ReceivingWorld) -> None:
    node = NodeEnd(world.add().number)
    reading(node, world, 1)  # asks for no answer
    await world.run(node, 3000)
    assert world.rows() and node.told(Time) == []
    node.station.record("m", encode(Text("hi")), world.now)
    await world.run(node, 3000)
    assert len(node.told(Time)) == 1
