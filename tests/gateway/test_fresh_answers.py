"""Answers under counters of the gateway's own wait for the disk, and for nobody who is no longer heard."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from comatrix.codec import coap
from comatrix.gateway.model import Node
from comatrix.gateway.uplink.associations import COUNTER_STEP
from tests.gateway.test_receiver import SECRET, Sender
from tests.support.gateway_world import GatewayWorld, MemoryDisk


def test_without_a_counter_on_disk_nothing_is_answered_fresh() -> None:
    disk = MemoryDisk()
    disk.provision(7, SECRET)
    world = GatewayWorld(disk, {7: Node(7, "garden", 1, 1)})
    disk.broken = True
    world.receive(Sender().request(1, "t", code=coap.GET))
    assert world.take() == []


class SlowDisk(MemoryDisk):
    """Reservations wait for `synced`."""

    def __init__(self) -> None:
        super().__init__()
        self.synced = asyncio.Event()

    async def reserve(self, context: int, reserved: int) -> None:
        await self.synced.wait()
        await super().reserve(context, reserved)


async def test_more_answers_than_counters_wait_for_no_slow_disk() -> None:
    disk, sender, tasks = SlowDisk(), Sender(), list[asyncio.Task[None]]()
    disk.provision(7, SECRET)

    def start(work: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.get_running_loop().create_task(work))

    world = GatewayWorld(disk, {7: Node(7, "garden", 1, 1)}, start=start)
    for counter in range(1, 3 * COUNTER_STEP):
        world.receive(sender.request(counter, "t", code=coap.GET))
    await asyncio.sleep(0)
    assert world.take() == []
    disk.synced.set()
    await asyncio.gather(*tasks)
    assert len(world.take()) == COUNTER_STEP
    world.receive(sender.request(3 * COUNTER_STEP, "t", code=coap.GET))
    await asyncio.gather(*tasks)
    (answer,) = world.take()
    assert sender.answer(3 * COUNTER_STEP, answer)[0] == coap.CONTENT


async def test_a_node_blocked_while_counters_are_reserved_gets_nothing() -> None:
    disk, sender, tasks = SlowDisk(), Sender(), list[asyncio.Task[None]]()
    disk.provision(7, SECRET)

    def start(work: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.get_running_loop().create_task(work))

    world = GatewayWorld(disk, {7: Node(7, "garden", 1, 1)}, start=start)
    world.receive(sender.request(1, "t", code=coap.GET))
    await asyncio.sleep(0)
    world.nodes[7] = Node(7, "garden", 1, 1, blocked=True)
    disk.synced.set()
    await asyncio.gather(*tasks)
    world.server.handle_timer(10_000)
    assert world.take() + world.server.datagrams_to_send(10_000) == []
