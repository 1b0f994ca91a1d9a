"""A node tells another one something: also while the homeserver is away, whose room learns of it later, once."""

import asyncio
from typing import Any

import pytest

from comatrix.gateway.demo.stage import Stage
from tests.end_to_end.cut_line import CutLine
from tests.end_to_end.room_reading import events, until

pytestmark = pytest.mark.slow

TEXT = "water " + "é" * 197  # as long as one may be: it comes in one datagram with all that is around it

TELLS = """\
from comatrix_node.node import Node

node = Node()
node.tell({number}, "{text}")
while node.pending():
    node.step(1000)
print("done", node.delivered, node.refused)
"""

HEARS = """\
from comatrix_node.node import Node

node = Node()

@node.on_text
def show(text):
    print("heard", text)

node.run()
"""


async def told(stage: Stage, configuration: dict[str, Any], number: int) -> str:
    """The garden says it once, and ends -> what it printed."""
    node = await stage.start_node("garden", configuration, TELLS.format(number=number, text=TEXT))
    assert await asyncio.wait_for(node.wait(), 30) == 0, node.output()
    return node.output()


async def in_room(stage: Stage, room: str) -> list[str]:
    """What the room reads of it."""
    bodies = [event["content"].get("body", "") for event in await events(stage, room)]
    return [body for body in bodies if "water" in body]


async def test_a_text_reaches_a_node_while_the_homeserver_is_away_and_its_room_later_once(
    stage: Stage, line: CutLine
) -> None:
    await stage.open_homeserver(url=line.url)
    room = (await stage.create_room("node to node"))["room_id"]
    garden = await stage.provision("garden", room, post="every", interval_s=1)
    cellar = await stage.provision("cellar", room, post="every", interval_s=1)
    await stage.start_gateway()
    assert (await told(stage, garden, cellar["node"])).endswith("4.03\ndone 0 1\n"), "nothing without a grant"
    await stage.operate("node.grant", name="garden", to="cellar")
    await line.cut()
    assert (await told(stage, garden, cellar["node"])).endswith("done 1 0\n")
    node = await stage.start_node("cellar", cellar | {"observe": True}, HEARS)

    async def ended() -> bool:
        found = await stage.operate("command.list", all=True)
        return [(one["sender"], one["state"]) for one in found] == [("node garden", "confirmed")]

    await until(ended, 30, f"the node's word:\n{node.output()}\n{stage.gateway_log()}")
    assert await in_room(stage, room) == []
    await line.join()

    async def known() -> bool:
        return bool(await in_room(stage, room))

    await until(known, 30, "the text in the room")
    await asyncio.sleep(2)
    assert await in_room(stage, room) == [f"garden: to cellar: {TEXT}"]
    assert node.output() == f"heard {TEXT}\n"
