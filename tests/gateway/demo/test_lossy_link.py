"""The demo's bad radio leaves nothing behind, at whatever moment it is switched off."""

import asyncio

import pytest

from comatrix.gateway.demo.lossy_link import Faults, LossyLink

PERFECT = Faults(loss=0, double=0, late=0, delay_s=(0, 0))
NODE = ("127.0.0.1", 40_000)


@pytest.mark.parametrize("turns", range(6))
async def test_switched_off_while_a_node_is_first_heard_nothing_stays_pending(turns: int) -> None:
    link = LossyLink(("127.0.0.1", 9), PERFECT, seed=1)
    await link.start()
    link.from_node(b"hello", NODE)
    for _ in range(turns):
        await asyncio.sleep(0)
    await link.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    link.from_node(b"again", ("127.0.0.1", 40_001))
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == {asyncio.current_task()}
