"""A real MicroPython node with a LoRa module, a gateway with another, and air that loses 30 % of all frames."""

import asyncio
import signal

import pytest

from comatrix.gateway.demo.stage import Stage
from tests.end_to_end.room_commands import Told, Typist, told_of
from tests.end_to_end.room_reading import assert_once_and_in_order, until, wait_for

pytestmark = pytest.mark.slow

LOSS = 0.3
OUTAGES = 2

# Posts `count` readings, numbered by their value, packed as it announces; says so when the gateway has them all.
POST_PACKED = """\
import time

from comatrix_node.node import Node

node = Node()
node.schema({{"count": (0, 1000, 1)}})
limit = node.setting("limit", low=0, high=100, default=5)
posted = 0
due = time.ticks_ms()
while posted < {count} or node.pending():
    if posted < {count} and time.ticks_diff(time.ticks_ms(), due) >= 0:
        node.post({{"count": posted}})
        posted += 1
        due = time.ticks_add(due, {pause_ms})
    node.step(100)
print("done", posted, node.dropped, limit.value)
while True:
    node.step(1000)
"""


async def open_air(stage: Stage, count: int, pause_ms: int) -> str:
    """Everything is started -> the room."""
    stage.open_air(LOSS, seed=5)
    await stage.open_homeserver()
    room: str = (await stage.create_room("meadow"))["room_id"]
    await stage.start_gateway()
    configuration = await stage.provision_lora("meadow", room, post="every", interval_s=1)
    await stage.start_node("meadow", configuration, POST_PACKED.format(count=count, pause_ms=pause_ms))
    return room


async def test_each_reading_comes_once_and_in_order_though_radio_and_gateway_go_down(stage: Stage) -> None:
    count = 40
    room = await open_air(stage, count, 1000)
    assert stage.air is not None
    await wait_for(stage, room, 10, 40)
    stage.air.unplug(stage.air.gateway)
    await asyncio.sleep(2)
    stage.air.plug(stage.air.gateway)
    await wait_for(stage, room, 20, 60)
    await stage.end_gateway(signal.SIGKILL)
    await asyncio.sleep(2)
    await stage.start_gateway()
    found = await wait_for(stage, room, count, 90)
    assert_once_and_in_order(found, resets=OUTAGES * 8)  # a frame carries so many that came in one
    assert sorted(int(one.values["count"]) for one in found) == list(range(count))
    assert stage.air.wire.lost > stage.air.wire.carried // 6
    node = await stage.operate("node.show", name="meadow")
    assert node["link"] == "lora" and node["levels"]["air"]["frames"] > 0
    live = (await stage.operate("status"))["live"]["radios"]["air"]
    assert live["ready"] and 0 < live["airtime_us"] <= live["airtime_allowed_us"]


async def test_a_person_sets_something_on_a_node_over_lora(stage: Stage) -> None:
    room = await open_air(stage, 3, 500)
    await wait_for(stage, room, 3, 60)

    async def done() -> bool:
        return "done 3 0 5" in stage.nodes["meadow"].output()

    await until(done, 60, "the node to be done")
    assert stage.person is not None
    person = Typist(stage, stage.person.account.access_token, stage.person.user_id)
    told = await settled(stage, room, await person.say(room, "!cx set meadow limit 42"))
    assert told.states[-1] == "confirmed", told.texts
    asked = await person.say(room, "!cx air")

    async def answered() -> bool:
        (text, *_) = (await told_of(stage, room, [asked]))[asked].texts or [""]
        return "radio air: " in text and "airtime used this hour" in text

    await until(answered, 30, "what was used of the hour")


async def settled(stage: Stage, room: str, command: str) -> Told:
    """What its reply says in the end."""
    told = Told(command)

    async def over() -> bool:
        nonlocal told
        told = (await told_of(stage, room, [command]))[command]
        return bool(told.states) and told.states[-1] != "open"

    await until(over, 60, "the command to be over")
    return told
