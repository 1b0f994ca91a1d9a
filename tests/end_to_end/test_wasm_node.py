"""A node on MicroPython's WebAssembly build, the demo's last resort, keeps the promises as a native one does."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from comatrix.gateway.demo.interpreter import ENVIRONMENT, WASM, find
from comatrix.gateway.demo.lossy_link import Faults
from comatrix.gateway.demo.node_process import MAIN
from comatrix.gateway.demo.stage import Stage
from comatrix.gateway.demo.synapse import LoopbackSynapse
from tests.end_to_end.log_check import check_log
from tests.end_to_end.node_programs import POST_THROUGH_RESETS
from tests.end_to_end.room_reading import assert_once_and_in_order, seen, wait_for
from tests.support.wasm import wasm_command

pytestmark = pytest.mark.slow

BAD_LINK = Faults(loss=0.2, double=0.1, late=0.1, delay_s=(0.001, 0.02), late_s=0.15)


@pytest.fixture
async def stage(tmp_path: Path, synapse: LoopbackSynapse) -> AsyncIterator[Stage]:
    """As the others', with nodes on the WebAssembly build."""
    wasm_command()
    made = Stage(tmp_path, print, synapse, find({**os.environ, ENVIRONMENT: WASM}))
    try:
        yield made
    finally:
        await made.close()
        check_log(made)


async def open_room(stage: Stage) -> str:
    """Homeserver, gateway and link; the id of a room."""
    await stage.open_homeserver()
    room = await stage.create_room("WebAssembly")
    await stage.start_gateway()
    await stage.open_link(BAD_LINK, seed=7)
    return str(room["room_id"])


async def test_the_demos_program_posts_over_a_lossy_link(stage: Stage) -> None:
    room = await open_room(stage)
    configuration = await stage.provision("garden", room, post="every", interval_s=1)
    await stage.start_node("garden", configuration | {"ack_timeout_ms": 200}, MAIN.format(seed=1))
    found = await wait_for(stage, room, 5, 60)
    assert_once_and_in_order(found)
    assert stage.link is not None and stage.link.counts.lost > 0


async def test_a_reset_repeats_no_seq_and_loses_nothing_acknowledged(stage: Stage) -> None:
    room = await open_room(stage)
    configuration = await stage.provision("garden", room, post="every", interval_s=1)
    program = POST_THROUGH_RESETS.format(count=30, pause_ms=50)
    node = await stage.start_node("garden", configuration | {"ack_timeout_ms": 100}, program)
    for resets in (1, 2, 3):
        await wait_for(stage, room, resets * 6, 60)
        await node.stop()
        node = await stage.resume_node("garden")
    assert await asyncio.wait_for(node.wait(), 60) == 0, node.output()
    told = [line.split()[1] for line in node.output().splitlines() if line.startswith("acknowledged")]
    await wait_for(stage, room, len(told), 30)
    found = await seen(stage, room)
    assert_once_and_in_order(found, resets=3)
    assert set(told) <= {one.values["count"] for one in found}
    assert len(found) == len({one.values["count"] for one in found})
