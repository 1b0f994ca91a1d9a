"""Real MicroPython nodes, a bad link, a real gateway, a real homeserver: each reading in its room once, in order."""

import asyncio
from pathlib import Path

import pytest

from comatrix.gateway.demo.lossy_link import Faults
from comatrix.gateway.demo.stage import Stage
from tests.end_to_end.node_programs import POST_MANY
from tests.end_to_end.room_reading import assert_once_and_in_order, events, wait_for

pytestmark = pytest.mark.slow


async def test_three_nodes_and_a_bad_link_put_each_reading_into_the_room_once_and_in_order(stage: Stage) -> None:
    count = 100
    await stage.open_homeserver()
    room = (await stage.create_room("three nodes"))["room_id"]
    await stage.start_gateway()
    link = await stage.open_link(Faults(loss=0.3, double=0.1, late=0.2, delay_s=(0.001, 0.02), late_s=0.12), seed=7)
    for name in ("garden", "cellar", "roof"):
        configuration = await stage.provision(name, room, post="every", interval_s=1)
        configuration["ack_timeout_ms"] = 100
        await stage.start_node(name, configuration, POST_MANY.format(count=count))
    codes = await asyncio.wait_for(asyncio.gather(*(node.wait() for node in stage.nodes.values())), 150)
    assert codes == [0, 0, 0], [node.output() for node in stage.nodes.values()]
    assert all(node.output().endswith(f"done {count} 0 0\n") for node in stage.nodes.values())

    found = await wait_for(stage, room, 3 * count, 30)
    assert_once_and_in_order(found)
    for number in (1, 2, 3):
        assert [one.values["count"] for one in found if one.node == number] == [str(i) for i in range(count)]
    assert len(found) == 3 * count
    messages = [event for event in await events(stage, room) if event["type"] == "m.room.message"]
    assert all(event["content"]["msgtype"] == "m.notice" for event in messages)
    assert {event["event_id"] for event in messages} == {one.event_id for one in found}, "something else was posted"
    assert link.counts.lost > link.counts.sent // 5 and link.counts.doubled and link.counts.retransmitted


async def test_a_thousand_readings_leave_a_node_of_64_kb_of_heap_over_a_bad_link(
    stage: Stage, compiled_firmware: Path
) -> None:
    count = 1000
    await stage.open_homeserver()
    room = (await stage.create_room("small heap"))["room_id"]
    await stage.start_gateway()
    link = await stage.open_link(Faults(loss=0.1, delay_s=(0.001, 0.005), late=0.05, late_s=0.12), seed=3)
    configuration = await stage.provision("garden", room, post="every", interval_s=1)
    configuration["ack_timeout_ms"] = 100
    heap = ("-X", "heapsize=64k")
    node = await stage.start_node("garden", configuration, POST_MANY.format(count=count), heap, compiled_firmware)
    assert await asyncio.wait_for(node.wait(), 200) == 0, node.output()
    assert node.output().endswith(f"done {count} 0 0\n"), node.output()

    found = await wait_for(stage, room, count, 30)
    assert_once_and_in_order(found)
    assert [one.values["count"] for one in found] == [str(i) for i in range(count)]
    assert link.counts.lost > count // 6
