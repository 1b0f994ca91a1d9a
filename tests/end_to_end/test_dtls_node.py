"""A node with DTLS, in a real MicroPython, at the gateway's own DTLS server; its readings stand in the room."""

import asyncio
import json
import socket
from pathlib import Path

import pytest

from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.demo.stage import Stage
from tests.end_to_end.room_reading import assert_once_and_in_order, wait_for
from tests.support.micropython import run_script

pytestmark = pytest.mark.slow

MAIN = """
from comatrix_node.node import Node
node = Node()
for value in range(3):
    node.post({"temperature": 20 + value, "humidity": 45})
while node.pending():
    node.step(200)
print(node.delivered, node.link.handshakes)
node.link.close()
"""


async def test_readings_over_dtls_stand_in_the_room_once_and_in_order(stage: Stage, tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    await stage.open_homeserver(f'[dtls]\nlisten = "127.0.0.1:{port}"\n')
    room = (await stage.create_room("garden"))["room_id"]
    await stage.start_gateway()
    added = await stage.operate("node.add", name="garden", room=room, security="dtls", post="every", interval_s=60)
    (tmp_path / "config.json").write_text(json.dumps({**added["configuration"], "gateway": f"127.0.0.1:{port}"}))
    assert (await asyncio.to_thread(run_script, MAIN, tmp_path)).split() == ["3", "1"]
    found = await wait_for(stage, room, 3, 20)
    assert_once_and_in_order(found)
    assert [one.values["temperature"] for one in found] == ["20.00", "21.00", "22.00"]
